"""What a store holds of reviews, read past the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select

from bench.reliability.stores import looked
from decision_service.domain.reviews import Review, ReviewEvent
from decision_service.store.decisions import decisions
from decision_service.store.history import history
from decision_service.store.review_rows import review_events, reviews

AGAIN = "again-"
"""How the request ids of decisions that are made again begin; the earlier decision's id follows."""


class Standing(NamedTuple):
    """The outcome of a decision as the history has it, and the amount in minor units."""

    outcome: str
    approved: int | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Reviews and their steps by review id; by decision id what stands, and decisions made again."""

    reviews: Mapping[str, Review]
    events: Mapping[str, Sequence[ReviewEvent]]
    standing: Mapping[str, Standing]
    again: Mapping[str, Sequence[str]]


async def recorded_reviews(url: str) -> Recorded:
    """Everything of a store."""
    return await looked(url, _recorded)


def _recorded(connection: Connection) -> Recorded:
    bodies = connection.execute(select(reviews.c.review_id, reviews.c.body))
    found = {one: msgspec.msgpack.decode(bytes(body), type=Review) for one, body in bodies}
    return Recorded(found, _events(connection), _standing(connection), _again(connection))


def _events(connection: Connection) -> dict[str, list[ReviewEvent]]:
    query = select(review_events.c.review_id, review_events.c.body)
    found: dict[str, list[ReviewEvent]] = {}
    for review_id, body in connection.execute(
        query.order_by(review_events.c.review_id, review_events.c.position)
    ):
        event = msgspec.msgpack.decode(bytes(body), type=ReviewEvent)
        found.setdefault(review_id, []).append(event)
    return found


def _standing(connection: Connection) -> dict[str, Standing]:
    query = select(history.c.decision_id, history.c.outcome, history.c.approved)
    return {one: Standing(outcome, amount) for one, outcome, amount in connection.execute(query)}


def _again(connection: Connection) -> dict[str, list[str]]:
    query = select(decisions.c.request_id, decisions.c.decision_id)
    made: dict[str, list[str]] = {}
    chosen = query.where(decisions.c.request_id.startswith(AGAIN))
    for request_id, decision_id in connection.execute(chosen):
        earlier = request_id.removeprefix(AGAIN).rpartition("-")[0]
        made.setdefault(earlier, []).append(decision_id)
    return made
