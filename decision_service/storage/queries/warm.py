"""The stored reading of each user that may serve again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from decision_service.domain.needs import FetchPlan
from decision_service.pipeline.ports import WarmMark
from decision_service.storage.queries.decisions import from_microseconds, microseconds
from decision_service.storage.queries.dialect import raise_row
from decision_service.storage.schema.tables import snapshots, warm

_C = warm.c
_NEVER = -1
_MARK = select(_C.snapshot_id, _C.fetched, _C.looked, _C.plan, _C.oldest, _C.quarantined).where(
    _C.user_id == bindparam("user"), _C.snapshot_id.is_not(None)
)
_PLANS = msgspec.msgpack.Decoder(FetchPlan)


def mark(connection: Connection, user_id: str) -> tuple[WarmMark | None, bool]:
    """The last whole reading of a user, and whether it is quarantined."""
    row = connection.execute(_MARK, {"user": user_id}).first()
    if row is None:
        return None, False
    fetched, looked, oldest = (from_microseconds(row[place]) for place in (1, 2, 4))
    return WarmMark(row[0], fetched, looked, _PLANS.decode(row[3]), oldest), row[5] >= row[1]


def record(connection: Connection, marks: Iterable[tuple[str, WarmMark]]) -> None:
    """Store each user's mark where it is later than the stored mark and the quarantine."""
    latest: dict[str, WarmMark] = {}
    for user_id, one in marks:
        known = latest.get(user_id)
        if known is None or one.fetched > known.fetched:
            latest[user_id] = one
    raise_row(
        connection,
        warm,
        by="fetched",
        columns=("snapshot_id", "looked", "plan", "oldest"),
        rows=[_row(user_id, latest[user_id]) for user_id in sorted(latest)],
    )


def looked(connection: Connection, user_id: str, snapshot_id: str, now: datetime) -> None:
    """Record that the accounts behind a reading are unchanged."""
    found = update(warm).where(_C.user_id == user_id, _C.snapshot_id == snapshot_id)
    connection.execute(found.values(looked=microseconds(now)))


def quarantine(connection: Connection, user_id: str, now: datetime) -> None:
    """Bar all readings until now from later decisions."""
    row = {
        "user_id": user_id,
        "snapshot_id": None,
        "fetched": _NEVER,
        "looked": _NEVER,
        "plan": b"",
        "oldest": _NEVER,
        "quarantined": microseconds(now),
    }
    raise_row(connection, warm, by="quarantined", columns=(), rows=[row])


def users(connection: Connection, after: str, limit: int) -> Sequence[str]:
    """Users of whom data is stored, in order of id, strictly after this one."""
    of = snapshots.c.user_id
    query = select(of).where(of > after).distinct().order_by(of).limit(limit)
    return [row[0] for row in connection.execute(query)]


def _row(user_id: str, one: WarmMark) -> dict[str, object]:
    return {
        "user_id": user_id,
        "snapshot_id": one.snapshot_id,
        "fetched": microseconds(one.fetched),
        "looked": microseconds(one.looked),
        "plan": msgspec.msgpack.encode(one.plan, order="deterministic"),
        "oldest": microseconds(one.oldest),
        "quarantined": _NEVER,
    }
