"""The vendor's events: each id once, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from decision_service.domain.kinds import Kind
from decision_service.pipeline.events import Event, Receipt
from decision_service.storage import warm
from decision_service.storage.decisions import microseconds
from decision_service.storage.rows import insert_new
from decision_service.storage.tables import events

_C = events.c


def receive(connection: Connection, event: Event, now: datetime, *, quarantine: bool) -> Receipt:
    """Record a new event, with the quarantine of its user."""
    if insert_new(connection, events, [_row(event, now)]) != 1:
        known = connection.execute(select(_C.digest).where(_C.event_id == event.id)).scalar()
        return Receipt.SEEN if known == event.digest else Receipt.CONFLICT
    if quarantine:
        warm.quarantine(connection, event.user_id, now)
    return Receipt.NEW


def pending(connection: Connection, limit: int) -> Sequence[Event]:
    """Events that are not done, oldest first."""
    query = (
        select(_C.event_id, _C.digest, _C.type, _C.user_id, _C.source, _C.kinds)
        .where(_C.done.is_(False))
        .order_by(_C.received, _C.event_id)
        .limit(limit)
    )
    return [_event(*row) for row in connection.execute(query)]


def done(connection: Connection, event_id: str) -> None:
    """Everything that an event asked for has happened."""
    connection.execute(update(events).where(_C.event_id == event_id).values(done=True))


def _row(event: Event, now: datetime) -> dict[str, object]:
    return {
        "event_id": event.id,
        "digest": event.digest,
        "type": event.type,
        "user_id": event.user_id,
        "source": event.source,
        "kinds": " ".join(kind.value for kind in event.kinds),
        "received": microseconds(now),
        "done": False,
    }


def _event(event_id: str, digest: str, type_: str, user_id: str, source: str, kinds: str) -> Event:
    return Event(event_id, digest, type_, user_id, source, tuple(map(Kind, kinds.split())))
