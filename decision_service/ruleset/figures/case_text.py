"""A case of rule tests as text, with what a version decides now as its expectation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from decision_service.domain.verdict import Verdict
from decision_service.language.diagnostics import Place
from decision_service.language.yaml.nodes import Scalar
from decision_service.ruleset.figures.differences import parts_of
from decision_service.ruleset.figures.facts.pools import shown_value
from decision_service.ruleset.figures.usual import NewCase

_UNQUOTED = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")
_PLAIN = re.compile(r"[A-Za-z](?:[^:#\"'{}]|:(?! ))*[^:#\"'{}\s]")
"""A name that YAML reads as it stands."""

_BARE = re.compile(r"[\w.-]+")
_LISTED = ("conditions", "tags", "data_requests")
_NOWHERE = Place("", 1, 1, 2)


def case_text(name: str, case: NewCase, verdict: Verdict, part: str = "") -> str:
    """The case as it stands under `cases`; `part` is one that it expects beside the usual ones."""
    lines = [f"  - name: {written_name(name)}"]
    if case.as_of is not None:
        lines.append(f"    as_of: {case.as_of.date}")
    given = (("inputs", case.inputs), ("factors", case.factors), ("lists", case.lists))
    for key, values in given:
        if values:
            written = ", ".join(f"{name}: {_written(v)}" for name, v in values.items())
            lines.append(f"    {key}: {{{written}}}")
    expected = ", ".join(_expected(verdict, part))
    return "\n".join([*lines, f"    expect: {{{expected}}}"])


def written_name(name: str) -> str:
    """The name of a case as YAML reads it, in quotes where it has to be."""
    return name if _PLAIN.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if value is None:
        return "missing NOT_SENT"
    shown = shown_value(value)
    text = getattr(value, "value", value)
    plain = not isinstance(text, str) or (
        _UNQUOTED.fullmatch(text) and Scalar(text, plain=True, place=_NOWHERE).is_text
    )
    return shown if plain else json.dumps(shown, ensure_ascii=False)


def _expected(verdict: Verdict, part: str) -> Iterator[str]:
    yield f"outcome: {verdict.outcome}"
    if verdict.refer_kind is not None:
        yield f"refer_kind: {verdict.refer_kind}"
    yield f"reasons: [{', '.join(str(reason.code) for reason in verdict.reasons)}]"
    group, _, name = part.partition(".")
    value = dict(parts_of(verdict)).get(part, ())
    if group in _LISTED:
        yield f"{group}: [{', '.join(value)}]"
    elif group == "offer" and verdict.offer is None:
        yield "offer: none"
    elif name:
        yield f"{group}: {{{name}: {_one(value)}}}"


def _one(value: str | tuple[str, ...]) -> str:
    """One value as a case expects it; `none` where there is none."""
    text = value if isinstance(value, str) else "none"
    return text if _BARE.fullmatch(text) else _quoted(text)
