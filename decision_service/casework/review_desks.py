"""How the reviews of products are worked on: queues with what waits in them, and authority."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from decision_service.casework.review_steps import QueueCount, ReviewLog
from decision_service.domain.errors import StoreError
from decision_service.domain.ports import Clock
from decision_service.domain.reviews import NO_POLICY, ReviewReason
from decision_service.domain.values import Money, to_minor
from decision_service.rulebook.rulebook import Product

COUNT_SECONDS = 15.0

log = structlog.get_logger("decision_service.reviews")


class DeskQueue(msgspec.Struct, frozen=True):
    """A queue, and how many reviews of it are unfinished and overdue."""

    queue: str
    due_within: timedelta
    unfinished: int = 0
    overdue: int = 0
    oldest: datetime | None = None


class Desk(msgspec.Struct, frozen=True):
    """How the reviews of a product are worked on; no authority where none may be completed."""

    product: str
    queues: tuple[DeskQueue, ...]
    reasons: tuple[ReviewReason, ...]
    authority: Money | None = None
    authority_second: Money | None = None


def desk_of(product: Product, counts: Iterable[QueueCount]) -> Desk:
    """`counts` are those of the queues of all products."""
    policy, currency = product.plan.review or NO_POLICY, product.champion.currency
    found = {
        one.queue: (one.open, one.overdue, one.oldest)
        for one in counts
        if one.product == product.name
    }
    queues = [
        DeskQueue(queue.name, queue.sla, *found.get(queue.name, ())) for queue in policy.every_queue
    ]
    limits = policy.authority
    amounts = (limits.review, limits.review_second) if limits else ()
    authority = (Money(currency, to_minor(amount, currency)) for amount in amounts)
    return Desk(product.name, tuple(queues), policy.reasons, *authority)


class QueueWatch:
    def __init__(self, reviews: ReviewLog, clock: Clock) -> None:
        self._reviews = reviews
        self.clock = clock
        self.counts: Sequence[QueueCount] = ()

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(COUNT_SECONDS)

    async def look(self) -> None:
        """Count once; where the store cannot be read, the last counts stay."""
        try:
            self.counts = await self._reviews.queues(self.clock.now())
        except StoreError as error:
            log.warning("reviews.not_counted", reason=error.reason)
