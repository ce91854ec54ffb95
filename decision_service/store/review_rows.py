"""Reviews and their events as rows, and lists of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from decision_service.casework.review_log import (
    MOST_OF_PERSON,
    QueueCount,
    ReviewFilter,
    ReviewPosition,
)
from decision_service.casework.review_steps import ReviewStep
from decision_service.domain.reviews import (
    UNDONE,
    UNFINISHED,
    OpenedReview,
    Review,
    ReviewEvent,
    ReviewState,
    event_without_words,
    result_without_words,
)
from decision_service.store import outbox
from decision_service.store.columns import (
    INNER,
    TEXT,
    ErasedBy,
    as_row,
    from_microseconds,
    insert_new,
    metadata,
    microseconds,
    of_person,
    padded,
    withheld,
)

OF_THE_DAY = withheld("how the lender's budget of a day counts the result, which is disclosed")

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("review_id", TEXT, primary_key=True),
    sa.Column("decision_id", TEXT, nullable=False),
    sa.Column("user_id", TEXT, nullable=False),
    sa.Column("product", TEXT, nullable=False),
    sa.Column("queue", TEXT, nullable=False, info=withheld("how the lender shares out its work")),
    sa.Column("kind", TEXT),
    sa.Column("tags", TEXT, nullable=False, info=withheld("some are for the lender alone")),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("opened", sa.BigInteger, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("claimed_until", sa.BigInteger, info=INNER),
    sa.Column("overridden", sa.Boolean, nullable=False, info=INNER),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("charged_at", sa.BigInteger, info=OF_THE_DAY),
    sa.Column("tier", TEXT, info=OF_THE_DAY),
    sa.Column("approvals", sa.BigInteger, info=OF_THE_DAY),
    sa.Column("granted", sa.BigInteger, info=OF_THE_DAY),
    sa.Column("release_at", sa.BigInteger, info=INNER),
    sa.Index("reviews_decision_id", "decision_id"),
    sa.Index("reviews_user_id", "user_id"),
    sa.Index("reviews_due", "due", "review_id"),
    sa.Index("reviews_state", "state", "due", "review_id"),
    info=of_person(
        "decision_id",
        ErasedBy.DECISIONS,
        "a review that an erasure ends says so, and goes with its decision; what persons wrote in "
        "it goes with every erasure",
    ),
)
"""Every review as it is now; `body` is the whole of it, the other columns what lists look for.

`tags` are one a line, with a line's end before the first and after the last. From `charged_at` on
the columns are what a person's approval takes from its day, null of any other review. From
`release_at` on a result may not be withdrawn any more; null where none waits for that.
"""
sa.Index(
    "reviews_overridden",
    reviews.c.product,
    reviews.c.decision_id,
    sqlite_where=sa.literal_column("overridden = 1"),
    postgresql_where=reviews.c.overridden,
)
sa.Index(
    "reviews_release_at",
    reviews.c.release_at,
    sqlite_where=sa.literal_column("release_at IS NOT NULL"),
    postgresql_where=sa.literal_column("release_at IS NOT NULL"),
)
IS_CHARGED: sa.ColumnElement[bool] = sa.literal_column("charged_at IS NOT NULL")
sa.Index(
    "reviews_charged",
    *(reviews.c[name] for name in ("product", "charged_at", "tier", "approvals", "granted")),
    sqlite_where=IS_CHARGED,
    postgresql_where=IS_CHARGED,
)

review_events = sa.Table(
    "review_events",
    metadata,
    sa.Column("review_id", TEXT, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False, info=INNER),
    sa.Column("decision_id", TEXT, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("review_events_decision_id", "decision_id"),
    sqlite_with_rowid=False,
    info=of_person(
        "decision_id",
        ErasedBy.DECISIONS,
        "who took which step and when; what persons wrote goes with every erasure",
    ),
)
"""Every step of every review, numbered from 1; an erasure alone changes one, by its words."""


_ENCODER = msgspec.msgpack.Encoder()
_REVIEW = msgspec.msgpack.Decoder(Review)
_EVENT = msgspec.msgpack.Decoder(ReviewEvent)
_BY_ID = sa.select(reviews.c.body).where(reviews.c.review_id == sa.bindparam("review_id"))
_HELD = _BY_ID.with_for_update()
_EVENTS = (
    sa.select(review_events.c.body)
    .where(review_events.c.review_id == sa.bindparam("review_id"))
    .where(review_events.c.position > sa.bindparam("after"))
    .order_by(review_events.c.position)
)
_OF_DECISIONS = (
    sa.select(reviews.c.body)
    .where(reviews.c.decision_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(reviews.c.opened, reviews.c.review_id)
)

_ROW = reviews.c
_OF_USER = (
    sa.select(_ROW.body)
    .where(_ROW.user_id == sa.bindparam("user_id"))
    .order_by(_ROW.review_id)
    .with_for_update()
)
_EVENT_AT = (
    sa.update(review_events)
    .where(review_events.c.review_id == sa.bindparam("of"))
    .where(review_events.c.position == sa.bindparam("at"))
)
_PLACE = sa.tuple_(_ROW.due, _ROW.review_id)
_MOST_URGENT = sa.select(_ROW.body).order_by(_ROW.due, _ROW.review_id)
_UNFINISHED = [state.value for state in UNFINISHED]
_UNDONE = [state.value for state in UNDONE]
_RANKED = (
    sa.select(
        _ROW.user_id,
        _ROW.body,
        sa.func.row_number()
        .over(partition_by=_ROW.user_id, order_by=(_ROW.due, _ROW.review_id))
        .label("rank"),
    )
    .where(_ROW.user_id.in_(sa.bindparam("ids", expanding=True)), _ROW.state.in_(_UNFINISHED))
    .subquery()
)
_OF_PERSONS = (
    sa.select(_RANKED.c.body)
    .where(_RANKED.c.rank <= MOST_OF_PERSON)
    .order_by(_RANKED.c.user_id, _RANKED.c.rank)
)


def open_all(connection: sa.Connection, opened: Iterable[OpenedReview]) -> None:
    """Store new reviews with the events that opened them; one that is there stays as it is."""
    every = [*opened]
    insert_new(connection, reviews, [_row(one.review) for one in every])
    insert_new(connection, review_events, [_event(one.review, one.event) for one in every])
    outbox.record(connection, [*map(outbox.of_review, every)])


def take(connection: sa.Connection, step: ReviewStep) -> None:
    row = _row(step.review)
    changed = sa.update(reviews).where(reviews.c.review_id == step.review.review_id)
    connection.execute(changed.values(row))
    connection.execute(sa.insert(review_events), _event(step.review, step.event))
    if step.review.ended:
        outbox.record(connection, [outbox.of_review(step)])


def by_id(connection: sa.Connection, review_id: str, *, held: bool = False) -> Review | None:
    """One review; `held` keeps others from taking a step until the transaction ends."""
    query = _HELD if held else _BY_ID
    body = connection.execute(query, {"review_id": review_id}).scalar()
    return None if body is None else review_of(body)


def events_of(
    connection: sa.Connection, review_id: str, after: int = 0, limit: int | None = None
) -> tuple[ReviewEvent, ...]:
    query = _EVENTS.limit(limit)
    found = connection.execute(query, {"review_id": review_id, "after": after}).scalars()
    return tuple(_EVENT.decode(bytes(body)) for body in found)


def of_decision(connection: sa.Connection, decision_id: str) -> Sequence[Review]:
    return of_decisions(connection, [decision_id]).get(decision_id, ())


def of_decisions(
    connection: sa.Connection, decision_ids: Iterable[str]
) -> Mapping[str, Sequence[Review]]:
    """The reviews of decisions by decision, oldest first; of one without reviews nothing."""
    return _grouped(connection, _OF_DECISIONS, decision_ids, by=attrgetter("decision_id"))


def _grouped(
    connection: sa.Connection,
    query: sa.Select[Any],
    ids: Iterable[str],
    by: Callable[[Review], str],
) -> Mapping[str, Sequence[Review]]:
    """The reviews that a query of bodies finds of `ids`, by what they are asked for, in order."""
    wanted = padded(sorted({*ids}))
    if not wanted:
        return {}
    found: dict[str, list[Review]] = {}
    for body in connection.execute(query, {"ids": wanted}).scalars():
        review = review_of(body)
        found.setdefault(by(review), []).append(review)
    return found


def review_of(body: Any) -> Review:
    return _REVIEW.decode(bytes(body))


def _row(review: Review) -> dict[str, object]:
    # A proposal takes nothing from the day.
    charge = review.charge if review.has_effect else None
    counted = review.counted or review.ended
    waits = review.state is ReviewState.AWAITING_RELEASE
    return as_row(
        reviews,
        review,
        # A line's end on both sides, so that no tag is found within a longer one.
        tags="".join(f"\n{tag}" for tag in review.tags) + "\n",
        overridden=review.overrides,
        body=_ENCODER.encode(review),
        charged_at=charge and counted and microseconds(counted),
        tier=charge and review.tier,
        approvals=charge and charge.approvals,
        granted=charge and charge.amount,
        release_at=microseconds(review.final) if waits and review.final else None,
    )


def _event(review: Review, event: ReviewEvent) -> dict[str, object]:
    return {
        "review_id": review.review_id,
        "position": event.position,
        "decision_id": review.decision_id,
        "body": _ENCODER.encode(event),
    }


def page(
    connection: sa.Connection,
    chosen: ReviewFilter,
    after: ReviewPosition | None,
    limit: int,
    now: datetime,
) -> Sequence[Review]:
    conditions = [*_conditions(chosen, microseconds(now), _ROW)]
    if chosen.one_a_person:
        conditions.append(_is_first_of_person(chosen, microseconds(now)))
    if after is not None:
        conditions.append((microseconds(after.due), after.review_id) < _PLACE)
    query = _MOST_URGENT.where(*conditions).limit(limit)
    return [*map(review_of, connection.execute(query).scalars())]


def of_persons(
    connection: sa.Connection, user_ids: Collection[str]
) -> Mapping[str, Sequence[Review]]:
    return _grouped(connection, _OF_PERSONS, user_ids, by=attrgetter("user_id"))


def deciding_again(connection: sa.Connection, limit: int) -> Sequence[Review]:
    query = _MOST_URGENT.where(_ROW.state == ReviewState.DECIDING_AGAIN.value).limit(limit)
    return [*map(review_of, connection.execute(query).scalars())]


def due_to_release(connection: sa.Connection, now: datetime, limit: int) -> Sequence[Review]:
    """Reviews whose time to withdraw is over, which no other transaction changes meanwhile."""
    query = (
        sa.select(_ROW.body)
        .where(_ROW.release_at <= microseconds(now))
        .order_by(_ROW.release_at, _ROW.review_id)
        .limit(limit)
        # What another process is about to end, or a person to withdraw, is left to them.
        .with_for_update(skip_locked=True)
    )
    return [*map(review_of, connection.execute(query).scalars())]


def unfinished_of(connection: sa.Connection, user_id: str) -> Sequence[Review]:
    """A user's unfinished reviews, which no other transaction changes until this one ends."""
    query = (
        sa.select(_ROW.body)
        .where(_ROW.user_id == user_id, _ROW.state.in_(_UNFINISHED))
        # In order of reviews: two transactions on one user never wait in a ring.
        .order_by(_ROW.review_id)
        .with_for_update()
    )
    return [*map(review_of, connection.execute(query).scalars())]


def erase_words(connection: sa.Connection, user_id: str) -> bool:
    """Erase what persons wrote in a user's reviews, finished or not; whether there was any."""
    found = connection.execute(_OF_USER, {"user_id": user_id}).scalars().all()
    changed = False
    for review in map(review_of, found):
        for event in events_of(connection, review.review_id):
            left = event_without_words(event)
            if left != event:
                of = {"of": review.review_id, "at": event.position}
                connection.execute(_EVENT_AT.values(body=_ENCODER.encode(left)), of)
                changed = True
        result = None if review.result is None else result_without_words(review.result)
        if result != review.result:
            mine = sa.update(reviews).where(_ROW.review_id == review.review_id)
            body = _ENCODER.encode(replace(review, result=result))
            connection.execute(mine.values(body=body))
            changed = True
    return changed


def queues(connection: sa.Connection, now: datetime) -> Sequence[QueueCount]:
    overdue = sa.func.count().filter(_ROW.due < microseconds(now))
    query = (
        sa.select(_ROW.product, _ROW.queue, sa.func.count(), overdue, sa.func.min(_ROW.opened))
        .where(_ROW.state.in_(_UNDONE))
        .group_by(_ROW.product, _ROW.queue)
        .order_by(_ROW.product, _ROW.queue)
    )
    return [
        QueueCount(product, queue, int(count), overdue=int(late), oldest=from_microseconds(oldest))
        for product, queue, count, late, oldest in connection.execute(query)
    ]


def _conditions(
    chosen: ReviewFilter, now: int, row: sa.ColumnCollection[str, Any]
) -> Iterator[sa.ColumnElement[bool]]:
    """What `chosen` asks of the columns of a row of `reviews`, or of an alias of it."""
    for name in ("product", "queue", "decision_id"):
        if getattr(chosen, name):
            yield row[name] == getattr(chosen, name)
    if chosen.kind is not None:
        yield row.kind == chosen.kind.value
    if chosen.tag:
        yield row.tags.contains(f"\n{chosen.tag}\n", autoescape=True)
    if chosen.state is not None:
        yield _in_state(chosen.state, now, row)
    if chosen.unfinished:
        yield row.state.in_(_UNFINISHED)
    if chosen.due_before is not None:
        yield sa.and_(row.state.in_(_UNDONE), row.due < microseconds(chosen.due_before))
    if chosen.opened_before is not None:
        yield row.opened < microseconds(chosen.opened_before)


def _is_first_of_person(chosen: ReviewFilter, now: int) -> sa.ColumnElement[bool]:
    """Whether no more urgent review of the same person is chosen as well."""
    other = reviews.alias("other")
    place = sa.tuple_(other.c.due, other.c.review_id)
    # By the same choice: a person whose most urgent review is left out by it is still listed.
    more_urgent = (
        sa.select(other.c.review_id)
        .where(other.c.user_id == _ROW.user_id, place < _PLACE)
        .where(*_conditions(chosen, now, other.c))
    )
    return ~more_urgent.exists()


def _in_state(
    state: ReviewState, now: int, row: sa.ColumnCollection[str, Any]
) -> sa.ColumnElement[bool]:
    """A claim that has ended leaves the review open."""
    same: sa.ColumnElement[bool] = row.state == state.value
    claimed = row.state == ReviewState.CLAIMED.value
    if state is ReviewState.OPEN:
        return sa.or_(same, sa.and_(claimed, row.claimed_until <= now))
    if state is ReviewState.CLAIMED:
        return sa.and_(same, row.claimed_until > now)
    return same
