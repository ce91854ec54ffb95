"""Deletion of what was kept long enough: decisions, and what none of them needs any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from decision_service.storage.privacy import consents
from decision_service.storage.privacy.removing import PLACE, places, remove
from decision_service.storage.queries import history
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.schema.tables import (
    decisions,
    known_counts,
    link_tokens,
    snapshots,
    warm,
)

_OLD = (
    select(*PLACE)
    .where(decisions.c.created < bindparam("before"))
    .order_by(decisions.c.created, decisions.c.decision_id)
    .limit(bindparam("most"))
)
_DECIDED_ON = (
    select(decisions.c.decision_id)
    .where(
        decisions.c.user_id == snapshots.c.user_id,
        decisions.c.snapshot_id == snapshots.c.snapshot_id,
    )
    .exists()
)
_SNAPSHOT = tuple_(snapshots.c.user_id, snapshots.c.snapshot_id)
_MARKED = tuple_(warm.c.user_id, warm.c.snapshot_id)
_HAS_SNAPSHOTS = (
    select(snapshots.c.user_id).where(snapshots.c.user_id == known_counts.c.user_id).exists()
)
_LEFT_OVER = (
    select(snapshots.c.user_id, snapshots.c.snapshot_id)
    .where(snapshots.c.stored < bindparam("before"), ~_DECIDED_ON)
    .limit(bindparam("most"))
)


def expire(connection: Connection, before: datetime, most: int) -> int:
    """Delete at most so many decisions made before an instant, oldest first; how many.

    Where none is left, snapshots go that were stored before it and that no decision rests on, with
    the counts of users who have none any more; link tokens that expired, quarantines of users
    without a reading, and what erasures left of loans that were
    last reported on before it.
    """
    chosen = {"before": microseconds(before), "most": most}
    old = places(connection.execute(_OLD, chosen))
    if old:
        remove(connection, old)
        return len(old)
    history.settle_silent(connection, chosen["before"], most)
    _remove_marks(connection, chosen["before"])
    left = [(row[0], row[1]) for row in connection.execute(_LEFT_OVER, chosen)]
    _remove_snapshots(connection, left)
    return len(left)


def _remove_marks(connection: Connection, before: int) -> None:
    connection.execute(delete(link_tokens).where(link_tokens.c.expires < before))
    unread = warm.c.snapshot_id.is_(None)
    connection.execute(delete(warm).where(unread, warm.c.quarantined < before))


def _remove_snapshots(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    """Delete snapshots and their warm marks, unless a decision needs them.

    Commits that store a snapshot of one of these users are waited for. The first two statements
    wait for commits that look whether it is there; the third one, which begins after them, sees
    their decisions.
    """
    if not keys:
        return
    users = sorted({key[0] for key in keys})
    consents.hold(connection, users)
    for key in keys:
        connection.execute(delete(warm).where(_MARKED.in_([key])))
        connection.execute(
            select(snapshots.c.user_id).where(_SNAPSHOT.in_([key])).with_for_update()
        )
        connection.execute(delete(snapshots).where(_SNAPSHOT.in_([key]), ~_DECIDED_ON))
    gone = known_counts.c.user_id.in_(users), ~_HAS_SNAPSHOTS
    connection.execute(delete(known_counts).where(*gone))
