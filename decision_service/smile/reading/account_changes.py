"""Changes of an applicant's accounts while their data was read."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from decision_service.domain.accounts import DISCONNECTED
from decision_service.domain.snapshot import Account


class AccountChanges(msgspec.Struct, frozen=True):
    """`changed`: any difference; `revoked`: the accounts that are gone or disconnected now."""

    changed: bool
    revoked: tuple[str, ...]


def compare_accounts(before: Iterable[Account], after: Iterable[Account]) -> AccountChanges:
    """Compare two readings of the account list by id, status and the times of updates."""
    earlier, later = tuple(before), tuple(after)
    alive = {one.id for one in later if one.connection_status != DISCONNECTED}
    revoked = (
        one.id for one in earlier if one.connection_status != DISCONNECTED and one.id not in alive
    )
    changed = {_identity(one) for one in earlier} != {_identity(one) for one in later}
    return AccountChanges(changed, tuple(sorted(revoked)))


def _identity(account: Account) -> tuple[object, ...]:
    return (
        account.id,
        account.connection_status,
        account.connection_updated_at,
        account.monitor_updated_at,
    )
