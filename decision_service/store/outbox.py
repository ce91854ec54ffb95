"""Events for others: written with what happens, read in their order, and to be sent."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
import sqlalchemy as sa

from decision_service.casework.letters import StoredNotice
from decision_service.casework.review_steps import ReviewStep
from decision_service.domain.reviews import OpenedReview, ReviewState
from decision_service.outbox.events import (
    Attempt,
    Backlog,
    Event,
    EventFields,
    EventFilter,
    EventPage,
    EventType,
    ToSend,
    event_id,
)
from decision_service.outbox.subscriptions import Subscription
from decision_service.rollout.ports import JournalEntry
from decision_service.rulebook.releases import ReleaseAction, ReleaseEntry
from decision_service.store import columns
from decision_service.store.applicants import applicants
from decision_service.store.decisions import decisions
from decision_service.store.engine import Subject, reads, writes
from decision_service.store.replicas import ALIVE, LEASE_SECONDS

LOOKS = 3
LOOK_SECONDS = 0.01
"""How often open transactions are looked at, that mostly end at once, and how long between."""

MOST = 500
MOST_READ = 100_000
"""Events that are taken together into those to be sent, and those that one query looks through."""

_SAID = columns.withheld("the export has the decision, review or letter that it is about")
# SQLite numbers rows by itself for this type alone.
_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
events_out = sa.Table(
    "events_out",
    columns.metadata,
    sa.Column("sequence", _COUNTED, primary_key=True, info=columns.INNER),
    sa.Column("event_id", columns.TEXT, nullable=False, unique=True, info=columns.INNER),
    sa.Column("type", columns.TEXT, nullable=False, info=_SAID),
    sa.Column("made", sa.BigInteger, nullable=False, info=_SAID),
    sa.Column("caller", columns.TEXT, nullable=False, info=_SAID),
    sa.Column("decision_id", columns.TEXT, info=_SAID),
    sa.Column("body", columns.TEXT, nullable=False, info=_SAID),
    sa.Index("events_out_decision_id", "decision_id"),
    # No number is given twice: readers would take a new event for one that they have.
    sqlite_autoincrement=True,
    info=columns.of_person("decision_id", columns.ErasedBy.DECISIONS, "an erasure is said by id"),
)
"""What happened, for others; `caller` is whose decision it is about, empty where it is of none."""
GIVEN = sa.table("events_out", *(sa.column(one.name, one.type) for one in [*events_out.c][1:]))
"""What whoever writes an event gives of it. Of a decision its own rows have the rest."""

event_deliveries = sa.Table(
    "event_deliveries",
    columns.metadata,
    sa.Column("subscription", columns.TEXT, primary_key=True, info=columns.INNER),
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False, info=columns.INNER),
    sa.Column("decision_id", columns.TEXT, info=columns.INNER),
    sa.Column("key", columns.TEXT, nullable=False, info=columns.INNER),
    sa.Column("attempts", sa.BigInteger, nullable=False, info=columns.INNER),
    sa.Column("due", sa.BigInteger, nullable=False, info=columns.INNER),
    sa.Column("dead", sa.Boolean, nullable=False, info=columns.INNER),
    sa.Index("event_deliveries_key", "subscription", "key", "sequence"),
    sa.Index("event_deliveries_decision_id", "decision_id"),
    info=columns.of_person("decision_id", columns.ErasedBy.DECISIONS),
)
"""Events that a subscription has not received; one of them waits for earlier ones of its `key`."""

event_places = sa.Table(
    "event_places",
    columns.metadata,
    sa.Column("subscription", columns.TEXT, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
)
"""Up to where each subscription's events were taken into those to be sent."""
# Whoever deletes events waits for who takes them, which would leave what is to be sent.
HELD_PLACES = sa.select(event_places.c.sequence).with_for_update(read=True)

event_stores = sa.Table(
    "event_stores",
    columns.metadata,
    sa.Column("server", columns.TEXT, primary_key=True),
    sa.Column("store_id", columns.TEXT, nullable=False),
)
"""The id of this store, as long as it is in the same database of the same server."""

Whose: TypeAlias = tuple[str, str | None]
"""The caller, and the decision."""

Said: TypeAlias = dict[str, Any]
_EVENTS = events_out.c
_DUE = event_deliveries.c
OWN = (event_deliveries, events_out)
_OF = ("product", "created", "decision_id")
_OF_EACH = ("decision_id", "request_id", "application_id", "product")
_ARMS = sa.table("arm_decisions", *map(sa.column, (*_OF, "version", "refer_kind")))
_READ = sa.select(
    events_out,
    *(decisions.c[name] for name in ("user_id", *_OF_EACH[1:], "outcome")),
    *(_ARMS.c.version, _ARMS.c.refer_kind.label("kind")),
).select_from(
    events_out.outerjoin(decisions, _EVENTS.decision_id == decisions.c.decision_id).outerjoin(
        _ARMS, sa.and_(*(_ARMS.c[name] == decisions.c[name] for name in _OF))
    )
)
# Sequences are given before commits, so that the last one may be ahead of what can be read.
_LAST = sa.text("SELECT coalesce(pg_sequence_last_value('events_out_sequence_seq'), 0)")
_NOW = sa.text("SELECT pg_current_xact_id()::text::bigint")
_OLDEST_OPEN = sa.text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")

_SERVER = sa.text(
    "SELECT system_identifier || '/' || (SELECT oid FROM pg_database "
    "WHERE datname = current_database()) FROM pg_control_system()"
)
_SENDS = sa.text(f"""
    INSERT INTO leases (caller, request_id, fence, backend, expires)
    VALUES ('', 'events', '', pg_backend_pid(), clock_timestamp() + interval '{LEASE_SECONDS} s')
    ON CONFLICT (caller, request_id) DO UPDATE
    SET backend = excluded.backend, expires = excluded.expires
    WHERE leases.backend = excluded.backend OR NOT ({ALIVE})
    RETURNING backend
""")  # noqa: S608 - it is made of constants
_FIELDS = msgspec.json.Decoder(EventFields)
_WAITS = _DUE.dead.is_(False)
_CALLERS = (decisions, applicants)
_DECISIONS = (EventType.DECISION_RECORDED, EventType.DECISION_AGAIN)
_OF_DECISIONS = ("outcome", "version", "kind")
_REVIEWS = {
    ReviewState.COMPLETED: EventType.REVIEW_COMPLETED,
    ReviewState.ENDED: EventType.REVIEW_ENDED,
}


def row(
    name: EventType, of: str, at: datetime, *, whose: Whose = ("", None), **said: Any
) -> columns.Values:
    """An event as a row; `of` is what happened once, such as the id of a review that ended."""
    body = msgspec.json.encode({field: value for field, value in said.items() if value})
    return event_id(name, of), name.value, columns.microseconds(at), *whose, body.decode()


def record(connection: sa.Connection, rows: Sequence[columns.Values]) -> None:
    """Write events in the transaction of what happened; one that is there stays as it is."""
    columns.insert(connection, GIVEN, rows)


def of_review(step: OpenedReview | ReviewStep) -> columns.Values:
    review = step.review
    result = review.result if review.state is ReviewState.COMPLETED else review
    said: Said = {
        "review_id": review.review_id,
        "outcome": result and result.outcome.value,
        "kind": (review.end or review.kind or review.origin).value,
    }
    name = _REVIEWS.get(review.state, EventType.REVIEW_OPENED)
    whose = (review.caller, review.decision_id)
    return row(name, review.review_id, step.event.at, whose=whose, **said)


def of_letter(letter: StoredNotice) -> columns.Values:
    of = letter.notice_id
    kind = letter.letter.kind.name
    said: Said = {"letter_id": of, "review_id": letter.review_id, "kind": kind}
    whose = (letter.caller, letter.decision_id)
    return row(EventType.LETTER_MADE, of, letter.made, whose=whose, **said)


def of_step(step: JournalEntry) -> columns.Values:
    of = f"{step.product} {step.position}"
    kind = step.action.value
    said: Said = {"product": step.product, "position": step.position, "kind": kind}
    return row(EventType.ROLLOUT_STEPPED, of, step.at, **said)


_RELEASES = {
    ReleaseAction.PROPOSE: (EventType.RULES_PROPOSED,),
    ReleaseAction.CONFIRM: (EventType.RULES_CONFIRMED,),
    ReleaseAction.DECLINE: (EventType.RULES_DECLINED,),
    ReleaseAction.RELEASE: (EventType.RULES_CONFIRMED, EventType.RULES_LOADED),
    ReleaseAction.REVERT: (EventType.RULES_LOADED,),
    ReleaseAction.TAKE_OVER: (EventType.RULES_LOADED,),
}
"""What others hear of a step of a release; of one that no person confirmed only that it decides."""


def of_release(step: ReleaseEntry) -> Iterator[columns.Values]:
    kind = step.action.value
    for name in _RELEASES[step.action]:
        if name is not EventType.RULES_CONFIRMED or step.about:
            of = f"release {step.position}"
            yield row(name, of, step.at, kind=kind, position=step.position)


def of_erasure(
    connection: sa.Connection, user_id: str, erasure_ids: Iterable[str], at: datetime
) -> Sequence[columns.Values]:
    """One for each caller who decided on the person or onboarded it, else one of no caller."""
    whose = (sa.select(one.c.caller).where(one.c.user_id == user_id) for one in _CALLERS)
    callers = sorted(connection.execute(sa.union(*whose)).scalars()) or [""]
    name = EventType.APPLICANT_ERASED
    of = min(erasure_ids)
    return [row(name, f"{of} {one}", at, whose=(one, None), user_id=user_id) for one in callers]


def page(
    connection: sa.Connection, after: int, last: int, chosen: EventFilter, limit: int
) -> EventPage:
    """Events strictly after one sequence and up to another, which is an `Outbox.end`."""
    first = sa.select(sa.func.min(_EVENTS.sequence)).where(after < _EVENTS.sequence)
    # In parts, so that a rare type is found within the deadline of the call.
    last = min(last, (connection.scalar(first) or last) + MOST_READ)
    query = _READ.where(after < _EVENTS.sequence, last >= _EVENTS.sequence)
    if chosen.caller:
        query = query.where(_EVENTS.caller == chosen.caller)
    if chosen.types:
        query = query.where(_EVENTS.type.in_(chosen.types))
    events = [*map(_event, connection.execute(query.order_by(_EVENTS.sequence).limit(limit)))]
    # A page that is not full has seen all up to the mark, so that the next one begins there.
    return EventPage(events, events[-1].sequence if len(events) == limit else max(after, last))


def _event(row: sa.Row[Any]) -> Event:
    said = msgspec.structs.asdict(_FIELDS.decode(row.body))
    own = _OF_EACH + (_OF_DECISIONS if row.type in _DECISIONS else ())
    said |= {name: value for name in own if (value := getattr(row, name))}
    return Event(
        **said,
        id=row.event_id,
        type=row.type,
        made=columns.from_microseconds(row.made),
        sequence=row.sequence,
        key=row.user_id or said["user_id"] or said["product"],
    )


def identify(connection: sa.Connection) -> str:
    """The store's id. A copy on another server or in another database is another store."""
    shared = connection.dialect.name == "postgresql"
    server = connection.execute(_SERVER).scalar_one() if shared else ""
    made = {"server": server, "store_id": secrets.token_hex(8)}
    # A row of another server is of the database that this one was copied from.
    if columns.insert_new(connection, event_stores, [made]) and shared:
        connection.execute(sa.delete(event_stores).where(event_stores.c.server != server))
    return str(connection.execute(sa.select(event_stores.c.store_id)).scalar_one())


def expire(connection: sa.Connection, before: int) -> None:
    """Delete events of no decision from before an instant; others go with their decisions."""
    connection.execute(HELD_PLACES)
    old = sa.select(_EVENTS.sequence).where(_EVENTS.decision_id.is_(None), _EVENTS.made < before)
    # Deliveries first: once the events are gone, nothing says which of them are old.
    for place in (_DUE.sequence, _EVENTS.sequence):
        connection.execute(sa.delete(place.table).where(place.in_(old)))


def collect(connection: sa.Connection, to: Subscription, last: int, now: datetime) -> int:
    """Take new events into those to be sent; a new subscription begins with what comes next."""
    mine = event_places.c.subscription == to.name
    # Two processes that collect for one subscription would else take the same events.
    known = connection.scalar(sa.select(event_places.c.sequence).where(mine).with_for_update())
    if known is None:
        columns.insert_new(connection, event_places, [{"subscription": to.name, "sequence": last}])
        return 0
    found = page(connection, known, last, chosen=to.chosen, limit=MOST)
    due = columns.microseconds(now)
    fresh = {"subscription": to.name, "attempts": 0, "due": due, "dead": False}
    rows = [
        {"sequence": one.sequence, "decision_id": one.decision_id or None, "key": one.key} | fresh
        for one in found.events
    ]
    columns.insert_new(connection, event_deliveries, rows)
    if found.last != known:
        connection.execute(sa.update(event_places).where(mine).values(sequence=found.last))
    return len(rows)


def due(connection: sa.Connection, to: Subscription, now: datetime, most: int) -> Sequence[ToSend]:
    """What is to be sent now, of each key no more than the first."""
    earlier = event_deliveries.alias()
    same = (earlier.c.subscription == _DUE.subscription, earlier.c.key == _DUE.key)
    # Those of one person go out in order; what was given up holds nothing back.
    before = sa.exists().where(*same, earlier.c.dead.is_(False), earlier.c.sequence < _DUE.sequence)
    at = columns.microseconds(now)
    # 10**10 microseconds are 2.8 hours, more than any pause: beyond that a clock was ahead.
    later = _DUE.due.between(at + 1, at + 10**10)
    wanted = (_DUE.subscription == to.name, _WAITS, ~later, ~before)
    return _to_send(connection, wanted, most)


def dead(connection: sa.Connection, after: tuple[str, int], limit: int) -> Sequence[ToSend]:
    place = sa.tuple_(_DUE.subscription, _DUE.sequence)
    return _to_send(connection, (_DUE.dead.is_(True), place > after), limit)


def _to_send(
    connection: sa.Connection, wanted: Iterable[sa.ColumnElement[bool]], most: int
) -> Sequence[ToSend]:
    of = event_deliveries.c.sequence == _EVENTS.sequence
    query = _READ.add_columns(_DUE.subscription, _DUE.attempts).join(event_deliveries, of)
    order = query.where(*wanted).order_by(_DUE.subscription, _DUE.sequence).limit(most)
    found = connection.execute(order)
    return [ToSend(one.subscription, _event(one), one.attempts) for one in found]


def settle(connection: sa.Connection, attempts: Sequence[Attempt]) -> None:
    """Note how deliveries went: what was received is done, the rest is tried again or dead."""
    for one in attempts:
        sent = one.sent
        mine = (_DUE.subscription == sent.subscription, _DUE.sequence == sent.event.sequence)
        later: Said = {"dead": True} if one.due is None else {"due": columns.microseconds(one.due)}
        change = sa.update(event_deliveries).values(attempts=sent.attempts + 1, **later)
        done = sa.delete(event_deliveries) if one.received else change
        connection.execute(done.where(*mine))


def resend(connection: sa.Connection, event: str, now: datetime) -> int:
    """Have a dead event sent again, to each subscription that gave it up; how many these are."""
    sequence = sa.select(_EVENTS.sequence).where(_EVENTS.event_id == event)
    gone = (_DUE.dead.is_(True), _DUE.sequence.in_(sequence))
    anew = {"dead": False, "attempts": 0, "due": columns.microseconds(now)}
    return connection.execute(sa.update(event_deliveries).where(*gone).values(anew)).rowcount


def backlog(connection: sa.Connection, names: Sequence[str]) -> Sequence[Backlog]:
    """What each subscription has not received, and since when, also what it could not take yet."""
    place = event_places.c
    later = events_out.alias().c
    made = sa.case((_WAITS, _EVENTS.made))
    # Also what could not be taken yet, so that an open transaction shows in the age.
    beyond = sa.select(later.made).where(later.sequence > place.sequence)
    first = beyond.order_by(later.sequence).limit(1).scalar_subquery()
    figures = (sa.func.count(made), sa.func.coalesce(sa.func.min(made), first))
    taken = event_places.outerjoin(event_deliveries, _DUE.subscription == place.subscription)
    every = taken.outerjoin(events_out, _EVENTS.sequence == _DUE.sequence)
    query = sa.select(place.subscription, *figures, sa.func.count(_DUE.sequence)).select_from(every)
    found = query.where(place.subscription.in_(names)).group_by(place.subscription)
    return [
        Backlog(name, waiting, since and columns.from_microseconds(since), dead=every - waiting)
        for name, waiting, since, every in connection.execute(found)
    ]


class Outbox(Subject):
    """Events that others follow, and those that are to be sent."""

    _id = ""
    _end = -1
    _mark: tuple[int, int] | None = None
    page = reads(page)
    due = reads(due)
    dead = reads(dead)
    backlog = reads(backlog)
    _collect = writes(collect)
    settle = writes(settle, repeatable=True)
    resend = writes(resend, repeatable=True)
    _record = writes(record, repeatable=True)

    async def end(self) -> int:
        """The last sequence up to which none can be committed any more, -1 until it is known.

        A mark is the last sequence that was given, then a transaction that begins after it: once
        all before that one have ended, so have those that were given a number up to the mark.
        """
        for _ in range(LOOKS):
            await self._database.read(self._look)
            if self._mark is None:
                break
            await asyncio.sleep(LOOK_SECONDS)
        return self._end

    def _look(self, connection: sa.Connection) -> None:
        if connection.dialect.name != "postgresql":
            self._end = connection.scalar(sa.select(sa.func.max(_EVENTS.sequence))) or 0
            return
        # Once the old mark has ended a new one is set at once, which may have ended as well.
        for _ in range(2):
            mark = self._mark or (connection.scalar(_LAST), connection.scalar(_NOW))
            if connection.scalar(_OLDEST_OPEN) <= mark[1]:
                self._mark = mark
                return
            self._end = mark[0]
            self._mark = None

    async def collect(self, to: Subscription, now: datetime) -> int:
        last = await self.end()
        return await self._collect(to, last, now) if last >= 0 else 0

    async def store_id(self) -> str:
        self._id = self._id or await self._database.write(identify)
        return self._id

    async def rules_refused(self, problems: str, at: datetime) -> None:
        """Record that a folder was refused, within an hour once for all processes."""
        # The id is made of hour and problems, so that one process of all records the event.
        await self._record([row(EventType.RULES_REFUSED, f"{at:%Y-%m-%dT%H} {problems}", at)])

    async def may_send(self) -> bool:
        """Whether this process sends: one has the lease, until it hangs or its connection ends."""
        if not self._database.shared:
            return True
        return bool(await self._database.note(lambda connection: connection.scalar(_SENDS)))
