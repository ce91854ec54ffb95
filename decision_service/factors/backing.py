"""Which months' income is backed: proved by payroll, a remitting employer, or a platform."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.factors.answer import in_order
from decision_service.factors.combine import Parts, total
from decision_service.factors.context import FactorContext
from decision_service.factors.evidence import DECLARED_GRADE, DOCUMENT_GRADE
from decision_service.factors.figures import Amount
from decision_service.factors.income_months import income_parts
from decision_service.factors.income_sources import income_settlement
from decision_service.factors.income_trust import employment_taints
from decision_service.factors.monthly_income import income
from decision_service.factors.quality import supply, supply_taints
from decision_service.factors.records import contributions
from decision_service.factors.series import MonthSpan, within
from decision_service.factors.window import WHOLE


def backed_months(context: FactorContext) -> Collection[int]:
    """The months of whose income two thirds are backed."""
    return context.once("backed months", _backed_months)


def last_backed(context: FactorContext) -> int | None:
    """The last backed month by what is settled so far: an estimate to come makes none unbacked."""
    return max(backed_months(context), default=None)


def unbacked_span(context: FactorContext) -> MonthSpan:
    """The months from the last backed one (of none: the whole history) to the income horizon."""
    book, backed = income(context), last_backed(context)
    return book.last(WHOLE) if backed is None else (min(backed, book.horizon), book.horizon)


def latest_prompt(context: FactorContext) -> int:
    """The latest month that a payroll or platform source has settled, live or not; 0 of none."""
    return max((s.settled for s in income_settlement(context).sources if s.prompt), default=0)


def amounts_by_grade(context: FactorContext, span: MonthSpan) -> Mapping[int, Amount]:
    """The income of a span by the grade of what proves it."""
    found: dict[int, Amount] = {}
    for _, parts in within(income_parts(context), (span,)):
        for part in parts.values():
            found[part.grade] = found.get(part.grade, 0) + part.amount
    return found


def proof_taints(context: FactorContext, span: MonthSpan) -> tuple[Missing, ...]:
    """What went wrong with the data that could prove more of a span's income."""
    grades = amounts_by_grade(context, span)
    unproved = DECLARED_GRADE in grades
    found = [*employment_taints(context, matter=unproved or DOCUMENT_GRADE in grades)]
    if unproved or context.snapshot.contributions is None:
        found += supply_taints(context, (supply(context, Kind.CONTRIBUTIONS),))
        found += contributions(context).taints
    return in_order(found)


def _backed_months(context: FactorContext) -> frozenset[int]:
    return frozenset(m for m, parts in income_parts(context).items() if _backed(parts))


def _backed(parts: Parts) -> bool:
    income = total(parts)
    backing = sum([part.backed for part in parts.values()])
    return income > 0 and backing * 3 >= income * 2
