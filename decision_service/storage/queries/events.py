"""The vendor's events: each id once, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from decision_service.domain.kinds import Kind
from decision_service.pipeline.snapshots.events import WITHDRAWALS, Event, EventAction, Receipt
from decision_service.storage.queries import warm
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.queries.dialect import insert_new, padded
from decision_service.storage.schema.tables import events

_C = events.c
_FORGOTTEN = {"user_id": "", "source": "", "kinds": ""}
_WORDS = select(_C.event_id, *(_C[name] for name in _FORGOTTEN)).where(
    _C.event_id.in_(bindparam("ids", expanding=True))
)
_SETTLED = (
    update(events)
    .where(_C.event_id == bindparam("id"))
    .values(done=True, **{name: bindparam(name) for name in _FORGOTTEN})
)


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


def done(connection: Connection, event_ids: Sequence[str]) -> bool:
    """Mark these events as done and remove their user ids.

    Whether any of them named an account or archive, of which a log may hold copies. Blanks of the
    same length take the words' place: a row that became shorter would make SQLite move its
    neighbours together, and leave copies of them where they stood.
    """
    wanted = {"ids": padded(sorted(event_ids))}
    found = connection.execute(_WORDS, wanted).all()
    rows = [
        {"id": row[0]}
        | {name: " " * len(word) for name, word in zip(_FORGOTTEN, row[1:], strict=True)}
        for row in found
    ]
    if rows:
        connection.execute(_SETTLED, rows)
    return any(row.source for row in found)


def _row(event: Event, now: datetime) -> dict[str, object]:
    noted = event.meaning is EventAction.NOTED
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
