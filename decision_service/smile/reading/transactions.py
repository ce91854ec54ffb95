"""When transactions stand in as income, and from which day on they are read."""

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


def may_stand_in(accounts: Iterable[Account], is_gig: IsGig) -> bool:
    """Whether some account's earnings may be income: it is a GIG provider's, and not disconnected.

    One in error is among them: whether it ever delivered anything only its transactions tell.
    """
    return any(
        one.connection_status != DISCONNECTED and is_gig(one.provider_id) for one in accounts
    )
