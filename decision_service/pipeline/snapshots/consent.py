"""Whether the vendor's account list shows that consent for stored data was withdrawn."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from decision_service.domain.accounts import DISCONNECTED, MATTERS_FOR
from decision_service.domain.snapshot import Account, Snapshot
from decision_service.pipeline.ports import Disconnected, UserState
from decision_service.pipeline.snapshots.cache import kinds_of

_ACCOUNT = "a-"
"""How the vendor's ids of accounts begin; archives and uploads have others, and are not listed."""


def is_withdrawn(
    user_state: UserState,
    read: Iterable[Account],
    now: Collection[Account] | None,
    named: Collection[str] = (),
) -> bool:
    """Whether an account that gave stored data, or was read last, is disconnected or gone.

    `now` are the vendor's accounts, None of a user that it does not know. `named` are sources that
    events called withdrawn: one that is as connected as ever, or that nobody ever saw, proves
    nothing, since the event may be forged.
    """
    if now is None:
        return True
    listed = {one.id for one in now}
    alive = {one.id for one in now if one.connection_status != DISCONNECTED}
    fed = {one.source for one in user_state.counts}
    had = {one.id for one in read if one.connection_status != DISCONNECTED}
    had |= {source for source in fed if source in listed or source.startswith(_ACCOUNT)}
    return bool(had - alive or (listed - alive).intersection(named))


def disconnected(now: Collection[Account] | None, at: datetime) -> Disconnected | None:
    """The accounts of which something stays; None of a user that the vendor does not know."""
    if now is None:
        return None
    ended = (one.id for one in now if one.connection_status == DISCONNECTED)
    return Disconnected(frozenset(ended), at + MATTERS_FOR)


def unlisted(user_state: UserState, named: Collection[str]) -> frozenset[str]:
    """The named sources that gave stored data and are in no list of accounts."""
    fed = {one.source for one in user_state.counts}
    return frozenset(one for one in named if one in fed and not one.startswith(_ACCOUNT))


def gives(snapshot: Snapshot) -> frozenset[str]:
    """The sources that records of a reading name."""
    reads = (getattr(snapshot, kind) for kind in kinds_of(snapshot))
    return frozenset(record.source for read in reads for record in read.records)
