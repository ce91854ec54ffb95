"""The vendor's events, each id once, and the stored reading that they make stale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, or_, select, update

from decision_service.decide.events import WITHDRAWALS, Event, EventAction, Receipt
from decision_service.decide.snapshots import AHEAD, LONGEST_PAUSE
from decision_service.domain.accounts import Kind
from decision_service.domain.needs import FetchPlan
from decision_service.domain.ports import WarmMark
from decision_service.store.decisions import from_microseconds, microseconds
from decision_service.store.dialect import insert_new, padded, raise_row
from decision_service.store.tables import events, snapshots, warm

_C = warm.c
_NEVER = -1
_MARK = select(_C.snapshot_id, _C.fetched, _C.looked, _C.plan, _C.oldest, _C.quarantined).where(
    _C.user_id == bindparam("user"), _C.snapshot_id.is_not(None)
)
_PLANS = msgspec.msgpack.Decoder(FetchPlan)

_EVENT = events.c
_FORGOTTEN = {"user_id": "", "source": "", "kinds": ""}
_PENDING = _EVENT.done.is_(False)
_IS_POSTPONED = _EVENT.due != _EVENT.received
_NAMES = ("event_id", "digest", "type", "user_id", "source", "kinds", "added")
_COLUMNS = (*(_EVENT[name] for name in _NAMES), case((_IS_POSTPONED, _EVENT.since)))
_WORDS = select(_EVENT.event_id, *(_EVENT[name] for name in _FORGOTTEN)).where(
    _EVENT.event_id.in_(bindparam("ids", expanding=True))
)
_SETTLED = (
    update(events)
    .where(_EVENT.event_id == bindparam("id"))
    .values(done=True, **{name: bindparam(name) for name in _FORGOTTEN})
)


def mark(connection: Connection, user_id: str) -> tuple[WarmMark | None, bool]:
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
    rows = [
        {
            "user_id": user_id,
            "snapshot_id": one.snapshot_id,
            "fetched": microseconds(one.fetched),
            "looked": microseconds(one.looked),
            "plan": msgspec.msgpack.encode(one.plan, order="deterministic"),
            "oldest": microseconds(one.oldest),
            "quarantined": _NEVER,
        }
        for user_id, one in sorted(latest.items())
    ]
    columns = ("snapshot_id", "looked", "plan", "oldest")
    raise_row(connection, warm, by="fetched", columns=columns, rows=rows)


def looked(connection: Connection, user_id: str, snapshot_id: str, now: datetime) -> None:
    found = update(warm).where(_C.user_id == user_id, _C.snapshot_id == snapshot_id)
    connection.execute(found.values(looked=microseconds(now)))


def quarantine_reading(connection: Connection, user_id: str, now: datetime) -> None:
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


def forget_future(connection: Connection, now: datetime) -> None:
    """End readings that are dated after an instant; a quarantine from after it begins with it."""
    at = microseconds(now + AHEAD)
    none = {"snapshot_id": None, "fetched": _NEVER, "looked": _NEVER, "plan": b"", "oldest": _NEVER}
    later = or_(_C.fetched > at, _C.looked > at, _C.oldest > at)
    connection.execute(update(warm).where(later).values(none))
    quarantined = update(warm).where(_C.quarantined > at)
    connection.execute(quarantined.values(quarantined=microseconds(now)))


def users(connection: Connection, after: str, limit: int) -> Sequence[str]:
    of = snapshots.c.user_id
    query = select(of).where(of > after).distinct().order_by(of).limit(limit)
    return [row[0] for row in connection.execute(query)]


def receive(connection: Connection, event: Event, now: datetime, *, quarantine: bool) -> Receipt:
    if insert_new(connection, events, [_event_row(event, now)]) != 1:
        known = connection.execute(
            select(_EVENT.digest).where(_EVENT.event_id == event.id)
        ).scalar()
        return Receipt.SEEN if known == event.digest else Receipt.CONFLICT
    if quarantine:
        quarantine_reading(connection, event.user_id, now)
    return Receipt.NEW


def pending(
    connection: Connection, limit: int, now: datetime, *, withdrawals: bool
) -> Sequence[Event]:
    wanted = _EVENT.type.in_(WITHDRAWALS) if withdrawals else _EVENT.type.not_in(WITHDRAWALS)
    users = select(_EVENT.user_id).where(_PENDING, wanted, _is_due(now))
    query = (
        select(*_COLUMNS)
        .where(_PENDING, wanted, _EVENT.user_id.in_(users))
        .order_by(_EVENT.received, _EVENT.event_id)
        .limit(limit)
    )
    return [_event(row) for row in connection.execute(query)]


def postpone(
    connection: Connection,
    event_ids: Sequence[str],
    now: datetime,
    since: datetime,
    until: datetime,
) -> bool:
    """As `EventLog.postpone`; another process's attempt waits for the rows and finds none due."""
    these = (_PENDING, _EVENT.event_id.in_(padded(sorted(event_ids))))
    due = (
        select(_EVENT.event_id)
        .where(*these, _is_due(now))
        .order_by(_EVENT.event_id)
        .with_for_update()
    )
    if not connection.execute(due).all():
        return False
    later = {"since": microseconds(since), "due": microseconds(until)}
    connection.execute(update(events).where(*these).values(later))
    return True


def end_postponed(connection: Connection, user_id: str) -> None:
    """Mark a user's postponed events as done: nothing waits for the data of who has withdrawn."""
    query = select(_EVENT.event_id).where(_PENDING, _EVENT.user_id == user_id, _IS_POSTPONED)
    done(connection, [*connection.execute(query).scalars()])


def _is_due(now: datetime) -> ColumnElement[bool]:
    latest = microseconds(now + LONGEST_PAUSE + AHEAD)
    passed = or_(_EVENT.due <= microseconds(now), _EVENT.due > latest)
    return or_(_EVENT.due == _EVENT.received, passed)


def done(connection: Connection, event_ids: Sequence[str]) -> bool:
    """Mark these events as done and remove their user ids.

    Whether any of them named an account or archive, of which a log may hold copies. Blanks of the
    same length take the words' place: a row that became shorter would make SQLite move its
    neighbours together, and leave copies of them where they were.
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


def _event_row(event: Event, now: datetime) -> dict[str, object]:
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


def _event(row: Row[Any]) -> Event:
    columns: tuple[Any, ...] = tuple(row)
    event_id, digest, type_, user_id, source, kinds, added, since = columns
    every = tuple(map(Kind, kinds.split()))
    postponed = None if since is None else from_microseconds(since)
    return Event(event_id, digest, type_, user_id, source, every, added, postponed)
