"""Lists of reviews, most urgent first, and counts of their queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_

from decision_service.pipeline.reviews.ports import QueueCount, ReviewFilter, ReviewPosition
from decision_service.reviewing.model import UNFINISHED, Review, ReviewState
from decision_service.storage.queries.decisions import from_microseconds, microseconds
from decision_service.storage.reviews.rows import review_of
from decision_service.storage.schema.tables import reviews

_ROW = reviews.c
_PLACE = tuple_(_ROW.due, _ROW.review_id)
_IS_UNFINISHED = _ROW.state.in_([state.value for state in UNFINISHED])


def page(
    connection: Connection,
    chosen: ReviewFilter,
    after: ReviewPosition | None,
    limit: int,
    now: datetime,
) -> Sequence[Review]:
    """At most `limit` reviews of the filter, most urgent first, strictly after the position."""
    conditions = [*_conditions(chosen, microseconds(now))]
    if after is not None:
        conditions.append((microseconds(after.due), after.review_id) < _PLACE)
    query = select(_ROW.body).where(*conditions).order_by(_ROW.due, _ROW.review_id).limit(limit)
    return [*map(review_of, connection.execute(query).scalars())]


def deciding_again(connection: Connection, limit: int) -> Sequence[Review]:
    """Reviews whose applications are to be decided again, longest due first."""
    query = (
        select(_ROW.body)
        .where(_ROW.state == ReviewState.DECIDING_AGAIN.value)
        .order_by(_ROW.due, _ROW.review_id)
        .limit(limit)
    )
    return [*map(review_of, connection.execute(query).scalars())]


def unfinished_of(connection: Connection, user_id: str) -> Sequence[Review]:
    """A user's unfinished reviews, which nobody else changes until the transaction ends."""
    query = (
        select(_ROW.body)
        .where(_ROW.user_id == user_id, _IS_UNFINISHED)
        .order_by(_ROW.review_id)
        .with_for_update()
    )
    return [*map(review_of, connection.execute(query).scalars())]


def queues(connection: Connection, now: datetime) -> Sequence[QueueCount]:
    """Every queue with unfinished reviews, in order."""
    overdue = func.count().filter(_ROW.due < microseconds(now))
    query = (
        select(_ROW.product, _ROW.queue, func.count(), overdue, func.min(_ROW.opened))
        .where(_IS_UNFINISHED)
        .group_by(_ROW.product, _ROW.queue)
        .order_by(_ROW.product, _ROW.queue)
    )
    return [
        QueueCount(product, queue, int(count), int(late), from_microseconds(oldest))
        for product, queue, count, late, oldest in connection.execute(query)
    ]


def _conditions(chosen: ReviewFilter, now: int) -> Iterator[ColumnElement[bool]]:
    for name in ("product", "queue", "decision_id"):
        if getattr(chosen, name):
            yield _ROW[name] == getattr(chosen, name)
    if chosen.kind is not None:
        yield _ROW.kind == chosen.kind.value
    if chosen.tag:
        yield _ROW.tags.contains(f"\n{chosen.tag}\n", autoescape=True)
    if chosen.state is not None:
        yield _in_state(chosen.state, now)
    if chosen.unfinished:
        yield _IS_UNFINISHED
    if chosen.due_before is not None:
        yield and_(_IS_UNFINISHED, _ROW.due < microseconds(chosen.due_before))
    if chosen.opened_before is not None:
        yield _ROW.opened < microseconds(chosen.opened_before)


def _in_state(state: ReviewState, now: int) -> ColumnElement[bool]:
    """A claim that has ended leaves the review open."""
    same = _ROW.state == state.value
    claimed = _ROW.state == ReviewState.CLAIMED.value
    if state is ReviewState.OPEN:
        return or_(same, and_(claimed, _ROW.claimed_until <= now))
    if state is ReviewState.CLAIMED:
        return and_(same, _ROW.claimed_until > now)
    return same
