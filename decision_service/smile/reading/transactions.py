"""When transactions count as income, and from which day on they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from decision_service.domain.accounts import DISCONNECTED
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import Account

IsGig = Callable[[str], bool]


def first_day(plan: FetchPlan) -> date | None:
    """The first day of transactions to ask for; None is all of them."""
    if plan.transactions is WhenTransactions.IF_STANDING_IN:
        return plan.stand_in_from
    named = (day for day in (plan.transactions_from, plan.stand_in_from) if day is not None)
    return min(named, default=None)


def may_count_as_income(accounts: Iterable[Account], is_gig: IsGig) -> bool:
    """Whether some account is of a GIG provider and not disconnected.

    An account in error counts: only its transactions show whether it ever delivered data.
    """
    return any(
        one.connection_status != DISCONNECTED and is_gig(one.provider_id) for one in accounts
    )
