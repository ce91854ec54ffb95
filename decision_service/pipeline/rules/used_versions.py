"""The content that each version has decided with; a version that has decided may not change.

Applicants must be able to be told, years later, by which rules they were decided, so a change of
such a version is refused and belongs into the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import Diagnostic, Place, Report
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.nodes import MapNode
from decision_service.pipeline.ports import DecisionLog, StoredText
from decision_service.pipeline.rules.folder import RuleFolder, TextFile
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.pipeline.rules.texts import files_from_body
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.ruleset.program.model import CompiledRuleset

_CODE = "R603"


class UsedVersions:
    """Notes in the store which versions decide, each once in this process."""

    def __init__(self, log: DecisionLog) -> None:
        self._log = log
        self._noted: set[str] = set()

    async def note(self, ruleset: CompiledRuleset) -> None:
        """Note the version, durable on return; to be called before the commit of the decision."""
        if ruleset.digest in self._noted:
            return
        mark = StoredText(_key(ruleset), _kind(ruleset), ruleset.digest.encode())
        await self._log.put_texts([mark])
        self._noted.add(ruleset.digest)


async def altered(
    log: DecisionLog, folder: RuleFolder, rulebook: Rulebook
) -> tuple[Diagnostic, ...]:
    """A problem for each version that has decided with other content, at its `version`."""
    found: list[tuple[TextFile, CompiledRuleset, str]] = []
    for product in folder.products:
        versions = rulebook.products[product.product].versions
        for number, file in sorted(product.rulesets.items()):
            earlier = await _decided_otherwise(log, versions[number])
            if earlier:
                found.append((file, versions[number], earlier))
    return await asyncio.to_thread(_problems, found) if found else ()


def _problems(
    found: Iterable[tuple[TextFile, CompiledRuleset, str]],
) -> tuple[Diagnostic, ...]:
    report = Report()
    for file, ruleset, earlier in found:
        _refuse(file, ruleset, earlier, report)
    return tuple(problem for problem in report.diagnostics() if problem.code == _CODE)


async def _decided_otherwise(log: DecisionLog, ruleset: CompiledRuleset) -> str:
    """The digest that a version decided with, if it is of other content; else empty."""
    last = await log.last_text(_kind(ruleset))
    if last is None or await log.text(_key(ruleset)) is not None:
        return ""
    earlier = last.body.decode()
    text = await log.text(earlier)
    if text is not None and await asyncio.to_thread(_digest, text) == ruleset.digest:
        return ""
    return earlier


def _digest(text: StoredText) -> str:
    """The digest of a stored ruleset as it is computed now: newer code may compute another."""
    found = compile_ruleset(files_from_body(text.body), catalogue(), checks=()).ruleset
    return "" if found is None else found.digest


def _refuse(file: TextFile, ruleset: CompiledRuleset, earlier: str, report: Report) -> None:
    root = yaml.read(file.path, file.text, report)
    place = root.key_place("version") if isinstance(root, MapNode) else Place(file.path, 1, 1, 2)
    name, number = ruleset.ruleset, ruleset.version
    message = f"{name} v{number} has decided with other content (digest {earlier[:12]})"
    hint = (
        f"bring v{number} back as it was, its tables, `_data` and `_shared` too, "
        f"and write the change as v{number + 1}"
    )
    report.error(_CODE, place, message, hint)


def _key(ruleset: CompiledRuleset) -> str:
    return f"{_kind(ruleset)} {ruleset.digest}"


def _kind(ruleset: CompiledRuleset) -> str:
    return f"used {ruleset.ruleset}@{ruleset.version}"
