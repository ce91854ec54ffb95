"""The instants of decisions by which the clock is judged, and the resets of that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, update

from decision_service.pipeline.operations.clock_ports import ClockReset
from decision_service.storage.queries.decisions import from_microseconds, microseconds
from decision_service.storage.queries.dialect import insert_new
from decision_service.storage.schema.tables import clock_resets, decisions, warm

_RESETS = select(*clock_resets.c).order_by(clock_resets.c.position.desc())
_NO_READING = {"snapshot_id": None, "fetched": -1, "looked": -1, "plan": b"", "oldest": -1}


def newest(connection: Connection, before: datetime | None) -> datetime | None:
    """When the newest decision was recorded, of all or of those before an instant."""
    query = select(func.max(decisions.c.created))
    if before is not None:
        query = query.where(decisions.c.created < microseconds(before))
    return _instant(connection.execute(query).scalar_one())


def first(connection: Connection, after: datetime) -> datetime | None:
    """When the first decision after an instant was recorded."""
    query = select(func.min(decisions.c.created)).where(decisions.c.created > microseconds(after))
    return _instant(connection.execute(query).scalar_one())


def resets(connection: Connection) -> Sequence[ClockReset]:
    """Every reset, newest first."""
    return [_reset(*row) for row in connection.execute(_RESETS)]


def reset(connection: Connection, one: ClockReset) -> bool:
    """Journal a reset, and end what readings from after it serve; False where it is taken.

    A quarantine from after it begins with it.
    """
    row = {name: getattr(one, name) for name in ("position", "who", "why")}
    row |= {name: microseconds(getattr(one, name)) for name in ("at", "first", "last")}
    if insert_new(connection, clock_resets, [row]) != 1:
        return False
    at = microseconds(one.at)
    later = or_(warm.c.fetched > at, warm.c.looked > at, warm.c.oldest > at)
    connection.execute(update(warm).where(later).values(**_NO_READING))
    connection.execute(update(warm).where(warm.c.quarantined > at).values(quarantined=at))
    return True


def _reset(position: int, at: int, who: str, why: str, first: int, last: int) -> ClockReset:
    begin, end = from_microseconds(first), from_microseconds(last)
    return ClockReset(position, from_microseconds(at), who, why, begin, end)


def _instant(value: int | None) -> datetime | None:
    return None if value is None else from_microseconds(value)
