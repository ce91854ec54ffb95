"""When transactions stand in as income, and from which day on they are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from decision_service.domain.kinds import INCOME_KINDS
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import Account
from decision_service.smile.findings import Findings
from decision_service.smile.readiness import CONNECTED

IsGig = Callable[[str], bool]


def first_day(plan: FetchPlan) -> date | None:
    """The first day of transactions to ask for; None is all of them."""
    if plan.transactions is WhenTransactions.IF_STANDING_IN:
        return plan.stand_in_from
    named = (day for day in (plan.transactions_from, plan.stand_in_from) if day is not None)
    return min(named, default=None)


def stands_in(findings: Findings, is_gig: IsGig) -> bool:
    """Whether a used GIG account has neither payroll incomes nor estimates.

    Where one of these kinds was not read or failed, it cannot be said that the account has any.
    """
    parts = [findings.parts.get(kind) for kind in INCOME_KINDS]
    if any(part is None or part.read.faults for part in parts):
        return any(_used_gig(one, is_gig) for one in findings.accounts or ())
    earning = {record.source for part in parts if part for record in part.read.records}
    return any(_used_gig(one, is_gig) and one.id not in earning for one in findings.accounts or ())


def _used_gig(account: Account, is_gig: IsGig) -> bool:
    return account.connection_status == CONNECTED and is_gig(account.provider_id)
