"""Whether an applicant's data is still arriving at the vendor."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from decision_service.domain.accounts import BEING_LINKED, CONNECTED, LINK_TASK, SYNCS_WITHIN
from decision_service.domain.errors import DataNotReady
from decision_service.domain.snapshot import Account, Task
from decision_service.smile.limits import SmileLimits

RETRY_AFTER = 30.0


def being_linked(accounts: Iterable[Account], as_of: datetime, young: timedelta) -> frozenset[str]:
    """The accounts whose linking began within `young` and has not ended; older ones are dead."""
    return frozenset(
        one.id
        for one in accounts
        if one.connection_status in BEING_LINKED and is_young(one, as_of, young)
    )


def just_connected(
    accounts: Iterable[Account], as_of: datetime, young: timedelta
) -> frozenset[str]:
    """The connected accounts that are, or whose connection is, younger than `young`."""
    return frozenset(
        one.id
        for one in accounts
        if one.connection_status == CONNECTED and is_young(one, as_of, young)
    )


def may_be_syncing(
    accounts: Iterable[Account], as_of: datetime, limits: SmileLimits
) -> frozenset[str]:
    """The connected accounts whose first sync may not have finished, by their age.

    Those were created within a day, or at an unknown time, or connected while a first sync that
    began then would be waited for.
    """
    fresh = {
        one.id
        for one in accounts
        if one.connection_status == CONNECTED
        and (one.created_at is None or abs(as_of - one.created_at) < SYNCS_WITHIN)
    }
    return just_connected(accounts, as_of, limits.first_sync).union(fresh)


def waited_for(
    accounts: Iterable[Account], running: Iterable[Task], as_of: datetime, limits: SmileLimits
) -> frozenset[str]:
    """The connected accounts whose running first sync is worth waiting for.

    A task without a start is as old as its account; any task of a new connection is a first sync.
    """
    connected = {one.id: one for one in accounts if one.connection_status == CONNECTED}
    new = just_connected(connected.values(), as_of, limits.young)
    return frozenset(
        task.source
        for task in running
        if task.source in connected
        and (task.type == LINK_TASK or task.source in new)
        and (
            is_young(connected[task.source], as_of, limits.first_sync)
            if task.started is None
            else abs(as_of - task.started) < limits.first_sync
        )
    )


def is_young(account: Account, as_of: datetime, young: timedelta) -> bool:
    """Whether the account or its connection is younger than `young`, bound excluded.

    A time that lies further than `young` in the future is no age and is ignored.
    """
    times = (account.created_at, account.connection_updated_at)
    return any(time is not None and abs(as_of - time) < young for time in times)


def not_ready(accounts: int) -> DataNotReady:
    """The caller's error while data of some accounts is still arriving."""
    noun = "account is" if accounts == 1 else "accounts are"
    return DataNotReady(
        f"The data of {accounts} {noun} still arriving at Smile; send the request again in "
        f"{RETRY_AFTER:.0f} s, or with a longer wait_timeout",
        retry_after=RETRY_AFTER,
        accounts=accounts,
    )
