"""income.* about the payroll of formal accounts alone, over all employers together."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from decision_service.domain.values import Cause, Money
from tests.oracles.factors.amounts import as_money
from tests.oracles.factors.applicant import Unknown
from tests.oracles.factors.monthly_income import Incomes, is_overlapped, wait_for
from tests.oracles.factors.parts import payroll_parts
from tests.oracles.factors.sources import Source, live_or_all
from tests.oracles.factors.usable import PAYROLL, refuse_unusable, unusable

Factor = Callable[[Incomes], Any]


def payroll_sources(incomes: Incomes) -> list[Source]:
    """The payroll of formal accounts; Unknown where none feeds."""
    found = [one for one in incomes.sources if one.payroll and not one.platform]
    if not found:
        raise Unknown(Cause.NO_EVIDENCE)
    return found


def first_month(sources: list[Source]) -> int:
    return min(share.month for source in sources for share in source.shares)


def months_since_last_payroll(incomes: Incomes) -> int:
    """Months from the last payroll to the latest month that live payroll has settled."""
    sources = payroll_sources(incomes)
    last = max(one.settled for one in live_or_all(sources))
    window = list(range(first_month(sources), last + 1))
    if not window:
        raise Unknown(Cause.SHORT_HISTORY)
    paid = [month for month in window if any(one.amount(month) > 0 for one in sources)]
    after = [month for month in window if not paid or month >= paid[-1]]
    causes = unusable(incomes, after, PAYROLL)
    for month in window:
        late = [one for one in live_or_all(sources) if one.settled < month]
        if late and (not paid or month > paid[-1]):
            causes.add(wait_for(incomes, month, late))
            break
    if causes:
        raise Unknown(*causes)
    if not paid:
        raise Unknown(Cause.NO_EVIDENCE)
    return last - paid[-1]


def latest_payroll_month(incomes: Incomes) -> Money:
    """The payroll of the latest month that all live payroll has settled."""
    sources = payroll_sources(incomes)
    month = min(one.settled for one in live_or_all(sources))
    if month < first_month(sources):
        raise Unknown(Cause.SHORT_HISTORY)
    if is_overlapped(incomes, month):
        raise Unknown(Cause.BAD_DATA)
    refuse_unusable(incomes, [month], PAYROLL)
    paid = sum((part.amount for part in payroll_parts(incomes, month)), Fraction(0))
    return as_money(incomes, paid)


FACTORS: dict[str, Factor] = {
    "months_since_last_payroll": months_since_last_payroll,
    "latest_payroll_month": latest_payroll_month,
}
