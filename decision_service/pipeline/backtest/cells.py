"""The cells that an applicant belongs to in each dimension of a report."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping
from functools import cache, partial
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
_BINS = (
    *(f"{least:,} to {end - 1:,}" for least, end in pairwise(_AMOUNTS)),
    f"{_AMOUNTS[-1]:,} and more",
)
_Cell = Callable[[Decision, Verdict, Mapping[str, Value]], str]


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
    return tuple([(name, cell(decision, verdict, inputs)) for name, cell in _dimensions(by)])


@cache
def _dimensions(by: tuple[str, ...]) -> tuple[tuple[str, _Cell], ...]:
    return tuple((name, _CELLS.get(name) or _input_cell(name)) for name in (*ALWAYS, *by))


def _input_cell(name: str) -> _Cell:
    return partial(_input, name.removeprefix(_INPUT))


def _input(name: str, _: Decision, __: Verdict, inputs: Mapping[str, Value]) -> str:
    value = inputs.get(name)
    return _bin(value) if isinstance(value, Money) else _shown(value)


def _month(decision: Decision, _: Verdict, __: Mapping[str, Value]) -> str:
    return decision.as_of.date.isoformat()[:7]


def _arm(decision: Decision, _: Verdict, __: Mapping[str, Value]) -> str:
    return decision.assignment.arm or "none"


def _band(_: Decision, verdict: Verdict, __: Mapping[str, Value]) -> str:
    return " ".join([score.band for score in verdict.scores]) or "none"


def _providers(decision: Decision, _: Verdict, __: Mapping[str, Value]) -> str:
    sources = decision.factors.sources if decision.factors else ()
    return " + ".join(sorted({use.provider_id for use in sources if use.used})) or "none"


def _amount(_: Decision, __: Verdict, inputs: Mapping[str, Value]) -> str:
    return _bin(inputs.get("requested_amount"))


def _shown(value: Value | None) -> str:
    if value is None:
        return "not sent"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bin(amount: Value | None) -> str:
    if not isinstance(amount, Money):
        return "not sent"
    return _BINS[bisect(_AMOUNTS, amount.major, 1) - 1]


_CELLS: Mapping[str, _Cell] = {
    "month": _month,
    "arm": _arm,
    "band": _band,
    "provider": _providers,
    "amount": _amount,
}
