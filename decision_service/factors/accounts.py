"""accounts.*: the connections themselves; staleness never taints them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from decision_service.domain.accounts import (
    AWAITING_MFA,
    CONNECTED,
    DISCONNECTED,
    ERROR,
    PENDING,
)
from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.case import FactorContext
from decision_service.factors.quality import account_taints
from decision_service.factors.registry import Family
from decision_service.factors.usage import Feeder, feeders

ACCOUNTS = Family(
    "accounts",
    frozenset({Kind.ACCOUNTS}),
    frozenset(
        {
            Cause.NOT_FETCHED,
            Cause.SOURCE_FAILED,
            Cause.BAD_DATA,
            Cause.CHANGED_WHILE_READING,
        }
    ),
)
AGE_CAUSES = frozenset({Cause.NOT_CONNECTED, Cause.NO_DATA})


@ACCOUNTS.factor(
    "connected_count",
    ValueType.INTEGER,
    "accounts",
    "Accounts that are connected.",
    "Count of the accounts with connection status CONNECTED; archives, uploads and social security"
    " records do not count.",
    lower=0,
    better=Better.UP,
)
def connected_count(case: FactorContext) -> Answer:
    """Connected accounts."""
    return _count(case, CONNECTED)


@ACCOUNTS.factor(
    "error_count",
    ValueType.INTEGER,
    "accounts",
    "Accounts in error.",
    "Count of the accounts with connection status ERROR, abandoned attempts included.",
    lower=0,
    better=Better.DOWN,
)
def error_count(case: FactorContext) -> Answer:
    """Accounts in error."""
    return _count(case, ERROR)


@ACCOUNTS.factor(
    "disconnected_count",
    ValueType.INTEGER,
    "accounts",
    "Accounts that the applicant has disconnected.",
    "Count of the accounts with connection status DISCONNECTED.",
    lower=0,
    better=Better.DOWN,
)
def disconnected_count(case: FactorContext) -> Answer:
    """Disconnected accounts."""
    return _count(case, DISCONNECTED)


@ACCOUNTS.factor(
    "pending_count",
    ValueType.INTEGER,
    "accounts",
    "Accounts whose connection was begun and not finished.",
    "Count of the accounts with connection status PENDING or AWAITING_MFA.",
    lower=0,
)
def pending_count(case: FactorContext) -> Answer:
    """Unfinished connections."""
    return _count(case, PENDING, AWAITING_MFA)


@ACCOUNTS.factor(
    "providers_count",
    ValueType.INTEGER,
    "providers",
    "Providers with a connected account.",
    "Count of the distinct providers of the CONNECTED accounts.",
    lower=0,
    better=Better.UP,
)
def providers_count(case: FactorContext) -> Answer:
    """Distinct providers."""
    return _on_accounts(case, lambda: len({f.provider_id for f in _with_status(case, CONNECTED)}))


@ACCOUNTS.factor(
    "oldest_connection_days",
    ValueType.INTEGER,
    "days",
    "Days since the oldest connected account was created.",
    "as_of's civil date minus the earliest creation date (civil, in the ruleset's zone) among the"
    " CONNECTED accounts, at least 0; NOT_CONNECTED without one, NO_DATA when one tells no date.",
    lower=0,
    causes=AGE_CAUSES,
)
def oldest_connection_days(case: FactorContext) -> Answer:
    """The age of the oldest connection."""
    created = {a.id: a.created_at for a in case.snapshot.accounts}
    return _age(case, lambda feeder: created[feeder.id], max)


@ACCOUNTS.factor(
    "oldest_sync_age_days",
    ValueType.INTEGER,
    "days",
    "Days since the sync of the connected account that was synced longest ago.",
    "as_of's civil date minus the earliest sync date (newest of connection and monitor update, in"
    " the ruleset's zone) among the CONNECTED accounts, at least 0; NOT_CONNECTED without one,"
    " NO_DATA when one tells no date.",
    lower=0,
    causes=AGE_CAUSES,
    better=Better.DOWN,
)
def oldest_sync_age_days(case: FactorContext) -> Answer:
    """The age of the oldest sync."""
    return _age(case, lambda feeder: feeder.synced, max)


@ACCOUNTS.factor(
    "newest_sync_age_days",
    ValueType.INTEGER,
    "days",
    "Days since the sync of the connected account that was synced last.",
    "as_of's civil date minus the latest sync date (newest of connection and monitor update, in the"
    " ruleset's zone) among the CONNECTED accounts, at least 0; NOT_CONNECTED without one, NO_DATA"
    " when one tells no date.",
    lower=0,
    causes=AGE_CAUSES,
    better=Better.DOWN,
)
def newest_sync_age_days(case: FactorContext) -> Answer:
    """The age of the newest sync."""
    return _age(case, lambda feeder: feeder.synced, min)


def _count(case: FactorContext, *statuses: str) -> Answer:
    return _on_accounts(case, lambda: len(_with_status(case, *statuses)))


def _age(
    case: FactorContext,
    instant: Callable[[Feeder], datetime | None],
    choose: Callable[[list[int]], int],
) -> Answer:
    return _on_accounts(case, lambda: _chosen_age(case, instant, choose))


def _chosen_age(
    case: FactorContext,
    instant: Callable[[Feeder], datetime | None],
    choose: Callable[[list[int]], int],
) -> int | Cause:
    instants = [instant(f) for f in _with_status(case, CONNECTED)]
    known = [i for i in instants if i is not None]
    if not instants:
        return Cause.NOT_CONNECTED
    if len(known) < len(instants):
        return Cause.NO_DATA
    return choose([_days_since(case, i) for i in known])


def _days_since(case: FactorContext, instant: datetime) -> int:
    return max((case.as_of.date - instant.astimezone(case.as_of.zone).date()).days, 0)


def _with_status(case: FactorContext, *statuses: str) -> list[Feeder]:
    return [f for f in feeders(case) if f.is_account and f.status in statuses]


def _on_accounts(case: FactorContext, work: Callable[[], int | Cause]) -> Answer:
    taints = account_taints(case)
    if taints:
        return Answer(None, in_order(taints))
    return answer(work(), Kind.ACCOUNTS, _evidence(case))


def _evidence(case: FactorContext) -> Evidence:
    listed = [f.id for f in feeders(case) if f.is_account]
    return case.once("account evidence", lambda _: Evidence(len(listed), sources=tuple(listed)))
