"""The cells that an applicant belongs to in each dimension of a report."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from decision_service.domain.decision import Decision
from decision_service.domain.factor import Value
from decision_service.domain.money import Money
from decision_service.domain.verdict import Verdict
from decision_service.language.diagnostics import did_you_mean
from decision_service.ruleset.program.model import CompiledRuleset

ALWAYS = ("month", "arm")
KNOWN = (*ALWAYS, "band", "provider", "amount")
_INPUT = "inputs."
_AMOUNTS = (0, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)
"""Requested amounts in major units, from which a bin begins."""


class DimensionUnknown(ValueError):
    """A report cannot be divided by this."""


def require_dimensions(by: tuple[str, ...], ruleset: CompiledRuleset) -> None:
    """Raise DimensionUnknown for the first dimension that there is not."""
    known = (*KNOWN, *(f"{_INPUT}{name}" for name in ruleset.inputs))
    for name in by:
        if name not in known:
            hint = did_you_mean(name, known)
            told = f"a report cannot be divided by {name}"
            raise DimensionUnknown(f"{told}: {hint}" if hint else told)


def cells_of(
    decision: Decision, verdict: Verdict, inputs: Mapping[str, Value], by: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """The applicant's cell of each dimension, those of month and arm first."""
    return tuple((name, _cell(name, decision, verdict, inputs)) for name in (*ALWAYS, *by))


def _cell(name: str, decision: Decision, verdict: Verdict, inputs: Mapping[str, Value]) -> str:
    match name:
        case "month":
            return f"{decision.as_of.date:%Y-%m}"
        case "arm":
            return decision.assignment.arm or "none"
        case "band":
            return " ".join(score.band for score in verdict.scores) or "none"
        case "provider":
            return _providers(decision)
        case "amount":
            return _bin(inputs.get("requested_amount"))
    value = inputs.get(name.removeprefix(_INPUT))
    return _bin(value) if isinstance(value, Money) else _shown(value)


def _providers(decision: Decision) -> str:
    sources = decision.factors.sources if decision.factors else ()
    return " + ".join(sorted({use.provider_id for use in sources if use.used})) or "none"


def _shown(value: Value | None) -> str:
    if value is None:
        return "not sent"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bin(amount: Value | None) -> str:
    if not isinstance(amount, Money):
        return "not sent"
    for least, end in pairwise(_AMOUNTS):
        if amount.major < end:
            return f"{least:,} to {end - 1:,}"
    return f"{_AMOUNTS[-1]:,} and more"
