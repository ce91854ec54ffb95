"""The vendor's events: each id once, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, case, or_, select, update

from decision_service.domain.kinds import Kind
from decision_service.pipeline.snapshots.cache import AHEAD
from decision_service.pipeline.snapshots.events import WITHDRAWALS, Event, EventAction, Receipt
from decision_service.pipeline.snapshots.patience import LONGEST_PAUSE
from decision_service.storage.queries import warm
from decision_service.storage.queries.decisions import from_microseconds, microseconds
from decision_service.storage.queries.dialect import insert_new, padded
from decision_service.storage.schema.tables import events

_C = events.c
_FORGOTTEN = {"user_id": "", "source": "", "kinds": ""}
_PENDING = _C.done.is_(False)
_IS_POSTPONED = _C.due != _C.received
_TOLD = (
    *(_C.event_id, _C.digest, _C.type, _C.user_id, _C.source, _C.kinds, _C.added),
    case((_IS_POSTPONED, _C.since)),
)
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


def pending(
    connection: Connection, limit: int, now: datetime, *, withdrawals: bool
) -> Sequence[Event]:
    """As `EventLog.pending`."""
    wanted = _C.type.in_(WITHDRAWALS) if withdrawals else _C.type.not_in(WITHDRAWALS)
    users = select(_C.user_id).where(_PENDING, wanted, _is_due(now))
    query = (
        select(*_TOLD)
        .where(_PENDING, wanted, _C.user_id.in_(users))
        .order_by(_C.received, _C.event_id)
        .limit(limit)
    )
    return [_event(*row) for row in connection.execute(query)]


def postpone(
    connection: Connection,
    event_ids: Sequence[str],
    now: datetime,
    since: datetime,
    until: datetime,
) -> bool:
    """As `EventLog.postpone`; another process's attempt waits for the rows and finds none due."""
    these = (_PENDING, _C.event_id.in_(padded(sorted(event_ids))))
    due = select(_C.event_id).where(*these, _is_due(now)).order_by(_C.event_id).with_for_update()
    if not connection.execute(due).all():
        return False
    later = {"since": microseconds(since), "due": microseconds(until)}
    connection.execute(update(events).where(*these).values(later))
    return True


def end_postponed(connection: Connection, user_id: str) -> None:
    """Mark a user's postponed events as done: nothing waits for the data of who has withdrawn."""
    query = select(_C.event_id).where(_PENDING, _C.user_id == user_id, _IS_POSTPONED)
    done(connection, [*connection.execute(query).scalars()])


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Never postponed, until now, or by a clock that was ahead."""
    latest = microseconds(now + LONGEST_PAUSE + AHEAD)
    passed = or_(_C.due <= microseconds(now), _C.due > latest)
    return or_(_C.due == _C.received, passed)


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
        "since": microseconds(now),  # of the same length later: the row stays where it is
        "due": microseconds(now),
    }
    return row | _FORGOTTEN if noted else row


def _event(
    event_id: str,
    digest: str,
    type_: str,
    user_id: str,
    source: str,
    kinds: str,
    added: int,
    since: int | None,
) -> Event:
    every = tuple(map(Kind, kinds.split()))
    postponed = None if since is None else from_microseconds(since)
    return Event(event_id, digest, type_, user_id, source, every, added, postponed)
