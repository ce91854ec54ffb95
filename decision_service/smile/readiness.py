"""Whether an applicant's data is still arriving at the vendor."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from decision_service.domain.errors import DataNotReady
from decision_service.domain.snapshot import Account

CONNECTED = "CONNECTED"
DISCONNECTED = "DISCONNECTED"

RETRY_AFTER = 30.0

_BEING_LINKED = frozenset({"PENDING", "AWAITING_MFA"})


def being_linked(accounts: Iterable[Account], as_of: datetime, young: timedelta) -> frozenset[str]:
    """The accounts whose linking began within `young` and has not ended; older ones are dead."""
    return frozenset(
        one.id
        for one in accounts
        if one.connection_status in _BEING_LINKED and is_young(one, as_of, young)
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


def is_young(account: Account, as_of: datetime, young: timedelta) -> bool:
    """Whether the account or its connection is younger than `young`, bound excluded.

    A time that lies further in the future than that is no age and is not looked at.
    """
    times = (account.created_at, account.connection_updated_at)
    return any(time is not None and abs(as_of - time) < young for time in times)


def not_ready(accounts: int) -> DataNotReady:
    """What the caller is told while data of some accounts is still arriving."""
    noun = "account is" if accounts == 1 else "accounts are"
    return DataNotReady(
        f"The data of {accounts} {noun} still arriving at Smile; send the request again in "
        f"{RETRY_AFTER:.0f} s, or with a longer wait_timeout",
        retry_after=RETRY_AFTER,
        accounts=accounts,
    )
