"""The vendor's events, each id once, and the stored reading that they make stale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from decision_service.decide.events import (
    WITHDRAWALS,
    Event,
    EventAction,
    Receipt,
    WaitingEvents,
)
from decision_service.decide.snapshots import AHEAD, LONGEST_PAUSE
from decision_service.domain.accounts import Kind
from decision_service.store import columns
from decision_service.store.engine import reads, writes
from decision_service.store.snapshots import Snapshots, quarantine_reading

events = sa.Table(
    "events",
    columns.metadata,
    sa.Column("event_id", columns.TEXT, primary_key=True, info=columns.INNER),
    sa.Column("digest", columns.TEXT, nullable=False, info=columns.INNER),
    sa.Column("type", columns.TEXT, nullable=False),
    sa.Column("user_id", columns.TEXT, nullable=False),
    sa.Column("source", columns.TEXT, nullable=False),
    sa.Column("kinds", columns.TEXT, nullable=False),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False, info=columns.INNER),
    sa.Column("added", sa.BigInteger, nullable=False),
    sa.Column("since", sa.BigInteger),
    sa.Column("due", sa.BigInteger),
    sa.Index("events_pending", "done", "received"),
    info=columns.of_person(
        "user_id",
        columns.ErasedBy.NOTHING,
        "what the vendor sent and is not handled yet; then the row has no name",
    ),
)
"""Events that the vendor sent, by id for ever; `done` once what they ask for has happened.

From then on nothing is kept of the persons. Both of `since` and `due` are `received` until a
reading was not whole: then they are when that was, and when the data is read again.
"""


_EVENT = events.c
_FORGOTTEN = {"user_id": "", "source": "", "kinds": ""}
_PENDING = _EVENT.done.is_(False)
_IS_POSTPONED = _EVENT.due != _EVENT.received
_NAMES = ("event_id", "digest", "type", "user_id", "source", "kinds", "added")
_COLUMNS = (*(_EVENT[name] for name in _NAMES), sa.case((_IS_POSTPONED, _EVENT.since)))
_WORDS = sa.select(_EVENT.event_id, *(_EVENT[name] for name in _FORGOTTEN)).where(
    _EVENT.event_id.in_(sa.bindparam("ids", expanding=True))
)
_SETTLED = (
    sa.update(events)
    .where(_EVENT.event_id == sa.bindparam("id"))
    .values(done=True, **{name: sa.bindparam(name) for name in _FORGOTTEN})
)


def receive(connection: sa.Connection, event: Event, now: datetime, *, quarantine: bool) -> Receipt:
    if columns.insert_new(connection, events, [_event_row(event, now)]) != 1:
        # Events come twice, late or forged: one id with other content is no repetition.
        known = connection.execute(
            sa.select(_EVENT.digest).where(_EVENT.event_id == event.id)
        ).scalar()
        return Receipt.SEEN if known == event.digest else Receipt.CONFLICT
    # In the same transaction: once the vendor is answered, no decision may rest on the old data.
    if quarantine:
        quarantine_reading(connection, event.user_id, now)
    return Receipt.NEW


def pending(
    connection: sa.Connection, limit: int, now: datetime, *, withdrawals: bool
) -> Sequence[Event]:
    wanted = _EVENT.type.in_(WITHDRAWALS) if withdrawals else _EVENT.type.not_in(WITHDRAWALS)
    # A user's events stay together: one that is due brings those that wait with it.
    users = sa.select(_EVENT.user_id).where(_PENDING, wanted, _is_due(now))
    query = (
        sa.select(*_COLUMNS)
        .where(_PENDING, wanted, _EVENT.user_id.in_(users))
        .order_by(_EVENT.received, _EVENT.event_id)
        .limit(limit)
    )
    return [_event(row) for row in connection.execute(query)]


def waiting(connection: sa.Connection) -> WaitingEvents:
    found = sa.select(sa.func.count(), sa.func.min(_EVENT.received)).where(_PENDING)
    count, oldest = connection.execute(found).one()
    return WaitingEvents(count, None if oldest is None else columns.from_microseconds(oldest))


def postpone(
    connection: sa.Connection,
    event_ids: Sequence[str],
    now: datetime,
    since: datetime,
    until: datetime,
) -> bool:
    """As `EventLog.postpone`; another process's attempt waits for the rows and finds none due."""
    these = (_PENDING, _EVENT.event_id.in_(columns.padded(sorted(event_ids))))
    due = (
        sa.select(_EVENT.event_id)
        .where(*these, _is_due(now))
        # Locks in order of ids: another process that postpones the same waits and finds none due.
        .order_by(_EVENT.event_id)
        .with_for_update()
    )
    if not connection.execute(due).all():
        return False
    later = {"since": columns.microseconds(since), "due": columns.microseconds(until)}
    connection.execute(sa.update(events).where(*these).values(later))
    return True


def end_postponed(connection: sa.Connection, user_id: str) -> None:
    """Mark a user's postponed events as done: nothing waits for the data of who has withdrawn."""
    query = sa.select(_EVENT.event_id).where(_PENDING, _EVENT.user_id == user_id, _IS_POSTPONED)
    done(connection, [*connection.execute(query).scalars()])


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    # A due time further ahead than any pause was written by a clock that was ahead.
    latest = columns.microseconds(now + LONGEST_PAUSE + AHEAD)
    passed = sa.or_(_EVENT.due <= columns.microseconds(now), _EVENT.due > latest)
    return sa.or_(_EVENT.due == _EVENT.received, passed)


def done(connection: sa.Connection, event_ids: Sequence[str]) -> bool:
    """Mark these events as done and remove their user ids.

    Whether any of them named an account or archive, of which a log may hold copies.
    """
    wanted = {"ids": columns.padded(sorted(event_ids))}
    found = connection.execute(_WORDS, wanted).all()
    rows: list[dict[str, str]] = []
    for event_id, *words in found:
        # Blanks of the same length: a row that became shorter would make SQLite move its
        # neighbours together, and leave copies of them where they were.
        blanks = {name: " " * len(word) for name, word in zip(_FORGOTTEN, words, strict=True)}
        rows.append({"id": event_id, **blanks})
    if rows:
        connection.execute(_SETTLED, rows)
    return any(row.source for row in found)


def _event_row(event: Event, now: datetime) -> dict[str, object]:
    noted = event.meaning is EventAction.NOTED
    at = dict.fromkeys(("received", "since", "due"), columns.microseconds(now))
    kinds = " ".join(kind.value for kind in event.kinds)
    # Of the same length later, so that the row stays where it is.
    row = columns.as_row(events, event, event_id=event.id, kinds=kinds, done=noted, **at)
    return row | _FORGOTTEN if noted else row


def _event(row: sa.Row[Any]) -> Event:
    values: tuple[Any, ...] = tuple(row)
    event_id, digest, type_, user_id, source, kinds, added, since = values
    every = tuple(map(Kind, kinds.split()))
    postponed = None if since is None else columns.from_microseconds(since)
    return Event(
        event_id,
        digest,
        type_,
        user_id=user_id,
        source=source,
        kinds=every,
        added=added,
        postponed=postponed,
    )


class Events(Snapshots):
    """The vendor's events; some put a user's reading into quarantine."""

    pending = reads(pending)
    waiting_events = reads(waiting)
    postpone = writes(postpone)

    async def receive(self, event: Event, now: datetime, *, quarantine: bool) -> Receipt:
        # Before the write: whoever decides meanwhile must look at the store.
        self._held.forget(event.user_id)
        work = partial(receive, event=event, now=now, quarantine=quarantine)
        return await self._database.write(work)

    async def done(self, event_ids: Sequence[str]) -> None:
        named = await self._database.write(partial(done, event_ids=event_ids))
        # SQLite's log may hold the words; PostgreSQL's own vacuum removes its old rows.
        if named and not self._database.shared:
            await self._database.scrub()
