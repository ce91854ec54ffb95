"""Reviews as they are kept: found, listed and counted; and the desks that they wait at."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from decision_service.casework.review_steps import By, Move, ReviewStep
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import ReferKind
from decision_service.domain.errors import StoreError
from decision_service.domain.ports import Clock, DayLimits
from decision_service.domain.reviews import (
    NO_POLICY,
    Review,
    ReviewCase,
    ReviewEvent,
    ReviewPolicy,
    ReviewReason,
    ReviewState,
)
from decision_service.domain.values import Money, to_minor
from decision_service.rulebook.rulebook import Product

COUNT_SECONDS = 15.0

MOST_OF_PERSON = 21
"""How many unfinished reviews of one person are read together: one that is shown and 20 others."""

log = structlog.get_logger("decision_service.reviews")


class ReviewFilter(msgspec.Struct, frozen=True):
    """Which reviews to list; empty means any.

    `unfinished` leaves out those that have ended. Overdue are the unfinished ones that were due
    before `due_before`. `one_a_person` leaves of each person the most urgent one.
    """

    product: str = ""
    queue: str = ""
    kind: ReferKind | None = None
    tag: str = ""
    state: ReviewState | None = None
    decision_id: str = ""
    unfinished: bool = False
    due_before: datetime | None = None
    opened_before: datetime | None = None
    one_a_person: bool = False


class ReviewPosition(msgspec.Struct, frozen=True):
    due: datetime
    review_id: str


class QueueCount(msgspec.Struct, frozen=True):
    product: str
    queue: str
    open: int
    overdue: int
    oldest: datetime


class RecordedReview(msgspec.Struct, frozen=True):
    review: Review
    events: tuple[ReviewEvent, ...]


class ReviewLog(Protocol):
    """The durable reviews; every method raises StoreUnavailable."""

    async def get(
        self, review_id: str, after: int = 0, limit: int | None = None
    ) -> RecordedReview | None:
        """One review by id, with its events after a position, at most `limit` if that is given."""

    async def of_decision(self, decision_id: str) -> Sequence[Review]:
        """The reviews of a decision, oldest first."""

    async def of_decisions(self, decision_ids: Iterable[str]) -> Mapping[str, Sequence[Review]]:
        """The reviews of decisions by decision, oldest first; of one without reviews nothing."""

    async def list(
        self, chosen: ReviewFilter, after: ReviewPosition | None, limit: int, now: datetime
    ) -> Sequence[Review]:
        """At most `limit` reviews, most urgent first, strictly after the position."""

    async def of_persons(self, user_ids: Collection[str]) -> Mapping[str, Sequence[Review]]:
        """The unfinished reviews of each user, most urgent first, at most `MOST_OF_PERSON`."""

    async def step(
        self, review_id: str, move: Move, limits: DayLimits | None = None, *, dry_run: bool = False
    ) -> Review | None:
        """Move a review in one transaction, durable on return; None where there is none.

        A dry run returns, or raises, what would come of it, and leaves everything as it was.
        One step at a time for each review, over all processes. A completed review changes what the
        history holds of its decision in the same transaction, and an approval takes from its day.
        Raises what `move` raises, and ReviewRefused where the caps in `limits` have no room.
        """

    async def contest(
        self, case: ReviewCase, by: By, text: str, policy: ReviewPolicy
    ) -> Review | None:
        """The decision's unfinished review with the contest noted, else a new one.

        None where the decision is not stored any more.
        """

    async def arrived(self, user_id: str, kinds: Collection[Kind], now: datetime) -> int:
        """Note in the user's reviews that data has arrived; how many are decided again."""

    async def never_whole(
        self, user_id: str, kinds: Collection[Kind], now: datetime, why: str
    ) -> None:
        """Note in the user's reviews that this data never became whole, and leave them to persons.

        Said again with nothing between, it is noted once.
        """

    async def deciding_again(self, limit: int) -> Sequence[Review]:
        """Reviews whose applications are to be decided again, longest due first."""

    async def make_final(self, now: datetime, limit: int) -> Sequence[ReviewStep]:
        """End at most `limit` reviews whose time to withdraw is over; each once over all processes.

        Event and end of each are written in one transaction; the steps that were taken are
        returned, and fewer than `limit` where no more are due.
        """

    async def queues(self, now: datetime) -> Sequence[QueueCount]:
        """Every queue with unfinished reviews."""


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
    withdraw_within: timedelta = timedelta()


def desk_of(product: Product, counts: Iterable[QueueCount]) -> Desk:
    """`counts` are those of the queues of all products."""
    policy = product.plan.review or NO_POLICY
    currency = product.champion.currency
    found = {
        one.queue: (one.open, one.overdue, one.oldest)
        for one in counts
        if one.product == product.name
    }
    queues = [
        DeskQueue(queue.name, queue.sla, *found.get(queue.name, ())) for queue in policy.every_queue
    ]
    desk = Desk(product.name, tuple(queues), policy.reasons, withdraw_within=policy.withdraw_within)
    limits = policy.authority
    # No authority by default: that would be a lender's decision made by a program (0177).
    if limits is None:
        return desk
    return replace(
        desk,
        authority=Money(currency, to_minor(limits.review, currency)),
        authority_second=Money(currency, to_minor(limits.review_second, currency)),
    )


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
