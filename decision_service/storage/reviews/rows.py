"""Reviews and events as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from decision_service.reviewing.model import Review, ReviewEvent
from decision_service.reviewing.opening import OpenedReview
from decision_service.reviewing.steps import ReviewStep
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.queries.dialect import insert_new
from decision_service.storage.schema.tables import review_events, reviews

_ENCODER = msgspec.msgpack.Encoder()
_REVIEW = msgspec.msgpack.Decoder(Review)
_EVENT = msgspec.msgpack.Decoder(ReviewEvent)
_BY_ID = select(reviews.c.body).where(reviews.c.review_id == bindparam("review_id"))
_HELD = _BY_ID.with_for_update()
_EVENTS = (
    select(review_events.c.body)
    .where(review_events.c.review_id == bindparam("review_id"))
    .where(review_events.c.position > bindparam("after"))
    .order_by(review_events.c.position)
)
_OF_DECISION = (
    select(reviews.c.body)
    .where(reviews.c.decision_id == bindparam("decision_id"))
    .order_by(reviews.c.opened, reviews.c.review_id)
)


def open_all(connection: Connection, opened: Iterable[OpenedReview]) -> None:
    """Store new reviews with the events that opened them; one that is there stays as it is."""
    every = [*opened]
    insert_new(connection, reviews, [_row(one.review) for one in every])
    insert_new(connection, review_events, [_event(one.review, one.event) for one in every])


def take(connection: Connection, step: ReviewStep) -> None:
    """Store a review after a step, and the step's event."""
    row = _row(step.review)
    changed = update(reviews).where(reviews.c.review_id == step.review.review_id)
    connection.execute(changed.values(row))
    connection.execute(insert(review_events), _event(step.review, step.event))


def by_id(connection: Connection, review_id: str, *, held: bool = False) -> Review | None:
    """One review; `held` keeps others from taking a step until the transaction ends."""
    query = _HELD if held else _BY_ID
    body = connection.execute(query, {"review_id": review_id}).scalar()
    return None if body is None else review_of(body)


def events(
    connection: Connection, review_id: str, after: int = 0, limit: int | None = None
) -> tuple[ReviewEvent, ...]:
    """Events of a review after a position, in order."""
    query = _EVENTS.limit(limit)
    found = connection.execute(query, {"review_id": review_id, "after": after}).scalars()
    return tuple(_EVENT.decode(bytes(body)) for body in found)


def of_decision(connection: Connection, decision_id: str) -> Sequence[Review]:
    """The reviews of a decision, oldest first."""
    found = connection.execute(_OF_DECISION, {"decision_id": decision_id}).scalars()
    return [*map(review_of, found)]


def review_of(body: Any) -> Review:
    """The review of a row's body."""
    return _REVIEW.decode(bytes(body))


def _row(review: Review) -> dict[str, object]:
    until = review.claimed_until
    return {
        "review_id": review.review_id,
        "decision_id": review.decision_id,
        "user_id": review.user_id,
        "product": review.product,
        "queue": review.queue,
        "kind": review.kind and review.kind.value,
        "tags": "".join(f"\n{tag}" for tag in review.tags) + "\n",
        "state": review.state.value,
        "opened": microseconds(review.opened),
        "due": microseconds(review.due),
        "claimed_until": None if until is None else microseconds(until),
        "overridden": review.overrides,
        "body": _ENCODER.encode(review),
        **_charged(review),
    }


def _charged(review: Review) -> dict[str, object]:
    """What it takes from its day."""
    if review.charge is None or review.ended is None:
        return dict.fromkeys(("charged_at", "tier", "approvals", "granted"))
    return {
        "charged_at": microseconds(review.ended),
        "tier": review.tier,
        "approvals": review.charge.approvals,
        "granted": review.charge.amount,
    }


def _event(review: Review, event: ReviewEvent) -> dict[str, object]:
    return {
        "review_id": review.review_id,
        "position": event.position,
        "decision_id": review.decision_id,
        "body": _ENCODER.encode(event),
    }
