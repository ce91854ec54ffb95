"""Which months' income is backed: proved by payroll, a remitting employer, or a platform."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.factors.answer import in_order
from decision_service.factors.case import Case
from decision_service.factors.combine import Parts, total
from decision_service.factors.evidence import DECLARED_GRADE, DOCUMENT_GRADE
from decision_service.factors.figures import Amount
from decision_service.factors.income_months import income_parts
from decision_service.factors.income_sources import income_settlement
from decision_service.factors.income_trust import employment_taints
from decision_service.factors.monthly_income import income
from decision_service.factors.quality import supply, supply_taints
from decision_service.factors.records import contributions
from decision_service.factors.series import Span, within
from decision_service.factors.window import WHOLE


def backed_months(case: Case) -> Collection[int]:
    """The months of whose income two thirds are backed."""
    return case.once("backed months", _backed_months)


def last_backed(case: Case) -> int | None:
    """The last backed month by what is settled so far: an estimate to come makes none unbacked."""
    return max(backed_months(case), default=None)


def unbacked_span(case: Case) -> Span:
    """The months from the last backed one (of none: the whole history) to the income horizon."""
    book, backed = income(case), last_backed(case)
    return book.last(WHOLE) if backed is None else (min(backed, book.horizon), book.horizon)


def latest_prompt(case: Case) -> int:
    """The latest month that a payroll or platform source has settled, live or not; 0 of none."""
    return max((s.settled for s in income_settlement(case).sources if s.prompt), default=0)


def amounts_by_grade(case: Case, span: Span) -> Mapping[int, Amount]:
    """The income of a span by the grade of what proves it."""
    found: dict[int, Amount] = {}
    for _, parts in within(income_parts(case), (span,)):
        for part in parts.values():
            found[part.grade] = found.get(part.grade, 0) + part.amount
    return found


def proof_taints(case: Case, span: Span) -> tuple[Missing, ...]:
    """What went wrong with the data that could prove more of a span's income."""
    grades = amounts_by_grade(case, span)
    unproved = DECLARED_GRADE in grades
    found = [*employment_taints(case, matter=unproved or DOCUMENT_GRADE in grades)]
    if unproved or case.snapshot.contributions is None:
        found += supply_taints(case, (supply(case, Kind.CONTRIBUTIONS),))
        found += contributions(case).taints
    return in_order(found)


def _backed_months(case: Case) -> frozenset[int]:
    return frozenset(m for m, parts in income_parts(case).items() if _backed(parts))


def _backed(parts: Parts) -> bool:
    income = total(parts)
    backing = sum([part.backed for part in parts.values()])
    return income > 0 and backing * 3 >= income * 2
