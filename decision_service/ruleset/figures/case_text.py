"""A case of rule tests as text, with what a version decides now as its expectation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Verdict
from decision_service.language.diagnostics import Place
from decision_service.language.yaml.nodes import Scalar
from decision_service.ruleset.figures.facts.pools import shown_value

_UNQUOTED = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")
_NOWHERE = Place("", 1, 1, 2)


def case_text(
    name: str,
    as_of: AsOf | None,
    inputs: Mapping[str, Any],
    factors: Mapping[str, Any],
    lists: Mapping[str, Sequence[str]],
    verdict: Verdict,
) -> str:
    """The case as it stands under `cases`; an input of None is not sent, without a day no `as_of`.

    The name must be plain in YAML, as those of goals are.
    """
    lines = [f"  - name: {name}"]
    if as_of is not None:
        lines.append(f"    as_of: {as_of.date}")
    for key, values in (("inputs", inputs), ("factors", factors), ("lists", lists)):
        if values:
            written = ", ".join(f"{name}: {_written(v)}" for name, v in values.items())
            lines.append(f"    {key}: {{{written}}}")
    return "\n".join([*lines, f"    expect: {{{_expected(verdict)}}}"])


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


def _expected(verdict: Verdict) -> str:
    parts = [f"outcome: {verdict.outcome}"]
    if verdict.refer_kind is not None:
        parts.append(f"refer_kind: {verdict.refer_kind}")
    parts.append(f"reasons: [{', '.join(str(reason.code) for reason in verdict.reasons)}]")
    return ", ".join(parts)
