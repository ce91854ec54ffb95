"""income.*: how well the income is proved."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.missing import Cause
from decision_service.factors.answer import Answer
from decision_service.factors.backing import (
    amounts_by_grade,
    backed_months,
    last_backed,
    latest_prompt,
    proof_taints,
    unbacked_span,
)
from decision_service.factors.context import FactorContext
from decision_service.factors.evidence import GRADES
from decision_service.factors.figures import Figure
from decision_service.factors.income import INCOME_CAUSES, NO_EVIDENCE
from decision_service.factors.monthly_income import income
from decision_service.factors.registry import Family
from decision_service.factors.series import MonthSpan, over_spans
from decision_service.factors.window import months

PROOF_KINDS = INCOME_KINDS | {Kind.EMPLOYMENTS, Kind.CONTRIBUTIONS}
PROOF = Family("income", PROOF_KINDS, INCOME_CAUSES)
YEAR = 12
GRADING = (
    " Grades: PAYROLL; REMITTED, a scheme's estimate in a month that an employment of the same"
    " account with a named employer covers, or of a scheme paid to in 18 of the 24 months up to it"
    " that no such employment of any account covers, up to 1.5 times the median estimate of these"
    " 24 months; PLATFORM; DOCUMENT, what an upload, an archive or a provider of documents tells;"
    " DECLARED, all else."
)
BACKED = (
    " A month is backed where PAYROLL, REMITTED and PLATFORM parts make up two thirds of its"
    " income; what documents add to an estimate at its ceiling is no such part." + GRADING
)


@PROOF.factor(
    "backed_months_{w}",
    ValueType.INTEGER,
    "months",
    "Months of the {period} whose income somebody else than the applicant proves.",
    "Count of the backed months among the {n} calendar months up to the income horizon." + BACKED,
    windows=months(YEAR),
    lower=0,
    upper=lambda n: n,
    months=lambda n: n,
    better=Better.UP,
    derived_from=("income.months_{w}",),
)
def backed_months_in(context: FactorContext, length: int) -> Answer:
    """How many months are proved."""
    span = income(context).last(length)
    within_it = range(span[0], span[1] + 1)
    return _proved(
        context, span, lambda: sum(month in within_it for month in backed_months(context))
    )


@PROOF.factor(
    "months_since_backed",
    ValueType.INTEGER,
    "months",
    "Months from the last backed month to the latest that is known.",
    "The income horizon, or the latest settled month of any payroll or platform source, live or"
    " not, whichever is later, minus the last backed month, by what is settled so far; NO_EVIDENCE"
    " without one." + BACKED,
    lower=0,
    causes=NO_EVIDENCE,
    better=Better.DOWN,
)
def months_since_backed(context: FactorContext) -> Answer:
    """How long the proof has been silent."""
    book = income(context)
    backed, span = last_backed(context), unbacked_span(context)
    latest = max(book.horizon, latest_prompt(context))
    silent = Cause.NO_EVIDENCE if backed is None else max(latest - backed, 0)
    return _proved(context, span, lambda: silent)


@PROOF.factor(
    "weakest_grade_{w}",
    ValueType.TEXT,
    "",
    "The weakest proof that more than a third of the income of the {period} rests on.",
    "Of the income of the {n} calendar months up to the income horizon, by grade: the first grade,"
    " from the weakest up, at which it and all weaker ones make up more than a third; NO_EVIDENCE"
    " without income." + GRADING,
    windows=months(6),
    labels=GRADES,
    months=lambda n: n,
    causes=NO_EVIDENCE,
)
def weakest_grade(context: FactorContext, length: int) -> Answer:
    """The weakest proof that matters."""
    span = income(context).last(length)
    return _proved(context, span, lambda: _weakest(context, span))


def _proved(context: FactorContext, span: MonthSpan, work: Callable[[], Figure | Cause]) -> Answer:
    """Work on a span; missing also where data that could prove more of it went wrong."""
    found = over_spans(income(context), (span,), work)
    taints = proof_taints(context, span)
    if not taints or any(m.cause.tainted for m in found.missing):
        return found
    return Answer(None, taints, found.evidence)


def _weakest(context: FactorContext, span: MonthSpan) -> str | Cause:
    amounts = amounts_by_grade(context, span)
    income_, held = sum(amounts.values()), Fraction(0)
    if income_ <= 0:
        return Cause.NO_EVIDENCE
    for grade in sorted(amounts, reverse=True):
        held += amounts[grade]
        if held * 3 > income_:
            return GRADES[grade]
    return Cause.NO_EVIDENCE
