"""The vendor's events: each id once, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from decision_service.domain.kinds import Kind
from decision_service.pipeline.events import WITHDRAWALS, Event, Meaning, Receipt
from decision_service.storage import warm
from decision_service.storage.decisions import microseconds
from decision_service.storage.rows import insert_new
from decision_service.storage.tables import events

_C = events.c
_FORGOTTEN = {"user_id": "", "source": "", "kinds": ""}


def receive(connection: Connection, event: Event, now: datetime, *, quarantine: bool) -> Receipt:
    """Record a new event, with the quarantine of its user."""
    if insert_new(connection, events, [_row(event, now)]) != 1:
        known = connection.execute(select(_C.digest).where(_C.event_id == event.id)).scalar()
        return Receipt.SEEN if known == event.digest else Receipt.CONFLICT
    if quarantine:
        warm.quarantine(connection, event.user_id, now)
    return Receipt.NEW


def pending(connection: Connection, limit: int, *, withdrawals: bool) -> Sequence[Event]:
    """Events that are not done, oldest first: withdrawals, or all others."""
    wanted = _C.type.in_(WITHDRAWALS) if withdrawals else _C.type.not_in(WITHDRAWALS)
    query = (
        select(_C.event_id, _C.digest, _C.type, _C.user_id, _C.source, _C.kinds, _C.added)
        .where(_C.done.is_(False), wanted)
        .order_by(_C.received, _C.event_id)
        .limit(limit)
    )
    return [_event(*row) for row in connection.execute(query)]


def done(connection: Connection, event_ids: Sequence[str]) -> None:
    """Everything that these events asked for has happened: forget whom they concerned."""
    settled = update(events).where(_C.event_id == bindparam("id"))
    rows = [{"id": event_id} for event_id in sorted(event_ids)]
    connection.execute(settled.values(done=True, **_FORGOTTEN), rows)


def _row(event: Event, now: datetime) -> dict[str, object]:
    noted = event.meaning is Meaning.NOTED
    row = {
        "event_id": event.id,
        "digest": event.digest,
        "type": event.type,
        "user_id": event.user_id,
        "source": event.source,
        "kinds": " ".join(kind.value for kind in event.kinds),
        "received": microseconds(now),
        "done": noted,
        "added": event.added,
    }
    return row | _FORGOTTEN if noted else row


def _event(
    event_id: str, digest: str, type_: str, user_id: str, source: str, kinds: str, added: int
) -> Event:
    return Event(event_id, digest, type_, user_id, source, tuple(map(Kind, kinds.split())), added)
