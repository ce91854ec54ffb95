"""Contents of lists that a rule test gives in place of their files'."""

from __future__ import annotations

from collections.abc import Iterable

from decision_service.language.diagnostics import Report, did_you_mean
from decision_service.language.yaml.nodes import MapEntry, MapNode
from decision_service.language.yaml.readers import as_list, as_text
from decision_service.ruleset.program.lists import KeyList, folded
from decision_service.ruleset.program.model import CompiledRuleset

_DIGEST = "given"


def read_given_lists(
    node: MapNode | None, ruleset: CompiledRuleset, report: Report
) -> dict[str, KeyList]:
    """Lists by name, each with the plain keys that are written; R809 for one that no rule asks."""
    asked = {question.list for question in ruleset.questions}
    found: dict[str, KeyList] = {}
    for entry in node.entries if node is not None else ():
        if entry.key not in asked:
            message = f"no rule asks a list `{entry.key}`"
            report.error("R809", entry.key_place, message, did_you_mean(entry.key, asked))
        else:
            found[entry.key] = given_list(entry.key, _keys(entry, report))
    return found


def given_list(name: str, keys: Iterable[str]) -> KeyList:
    """A list of these plain keys, each of which counts always."""
    return KeyList(name, _DIGEST, {folded(key): None for key in keys})


def _keys(entry: MapEntry, report: Report) -> list[str]:
    items = as_list(entry.value, f"`{entry.key}`", report)
    keys = [as_text(item, "a key", report) for item in items or ()]
    return [key for key in keys if key is not None]
