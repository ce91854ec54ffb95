"""`--fail-if`: conditions on a report that end the command with exit code 1."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from decision_service.cli.errors import CommandError, Exit
from decision_service.impact.figures import ImpactReport
from decision_service.language.diagnostics import did_you_mean

MOST_LEFT_OUT = 0.5
"""The share that cannot be compared from which a report would mislead."""

_FORM = re.compile(r"\s*([a-z_]+)\s*(<=|>=|<|>)\s*(-?[0-9]{1,12}(?:\.[0-9]{1,10})?)\s*", re.ASCII)
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class MeasureCondition(msgspec.Struct, frozen=True):
    text: str
    measure: str
    compare: str
    number: float


def measures(report: ImpactReport) -> Mapping[str, float]:
    """Shares and changes of shares, -1 to 1, that a condition may name."""
    told, compared = report.coverage, max(report.coverage.compared, 1)
    approvals = {row: (row.before == "APPROVE", row.after == "APPROVE") for row in report.matrix}
    gained = sum(row.applicants for row, sides in approvals.items() if sides == (False, True))
    lost = sum(row.applicants for row, sides in approvals.items() if sides == (True, False))
    changes = {
        f"{rate.outcome.lower()}_change": rate.difference.difference for rate in report.rates
    }
    before = sum(row.amount_before for row in report.matrix)
    after = sum(row.amount_after for row in report.matrix)
    asked = max(told.reproduced + told.differing, 1)
    return {
        "approve_change": 0.0,
        "refer_change": 0.0,
        "decline_change": 0.0,
        **changes,
        "swap_in": gained / compared,
        "swap_out": lost / compared,
        "amount_change": after / before - 1 if before else 0.0,
        "not_compared": sum(told.left_out.values()) / max(told.applicants, 1),
        "not_reproduced": told.differing / asked,
    }


_NAMES = (
    "approve_change",
    "refer_change",
    "decline_change",
    "swap_in",
    "swap_out",
    "amount_change",
    "not_compared",
    "not_reproduced",
)


def conditions(given: Sequence[str]) -> Sequence[MeasureCondition]:
    return [_condition(text) for text in given]


def _condition(text: str) -> MeasureCondition:
    found = _FORM.fullmatch(text)
    if found is None:
        raise CommandError(
            f"--fail-if is {text}: write a measure, <, <=, > or >=, and a number, such as "
            "'approve_change < -0.05'",
            Exit.USAGE,
        )
    if found[1] not in _NAMES:
        raise CommandError(
            f"--fail-if names {found[1]}, which is no measure: {did_you_mean(found[1], _NAMES)}",
            Exit.USAGE,
        )
    return MeasureCondition(text.strip(), found[1], found[2], float(found[3]))


def require_fit(report: ImpactReport, asked: Sequence[MeasureCondition]) -> None:
    """Raise CommandError where a condition is met, or most applicants cannot be compared."""
    values = measures(report)
    found = tuple(
        f"{one.text}: {one.measure} is {values[one.measure]:.4f}"
        for one in asked
        if _OPERATORS[one.compare](values[one.measure], one.number)
    )
    if found:
        raise CommandError(f"{len(found)} of {len(asked)} conditions met", Exit.FINDINGS, found)
    told = report.coverage
    share = sum(told.left_out.values()) / max(told.applicants, 1)
    if share > MOST_LEFT_OUT:
        raise CommandError(
            f"{share:.0%} of the applicants cannot be compared, so the report is of the others "
            "alone",
            Exit.USAGE,
            tuple(f"{kind}: {number:,}" for kind, number in told.left_out.items()),
        )
