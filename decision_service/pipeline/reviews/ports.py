"""What reviews need of the store, and how they are listed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.verdict import ReferKind
from decision_service.reviewing.model import Review, ReviewEvent, ReviewState
from decision_service.reviewing.opening import ReviewCase
from decision_service.reviewing.policy import ReviewPolicy
from decision_service.reviewing.steps import By, ReviewStep
from decision_service.rollout.allowances import DayLimits

Move: TypeAlias = Callable[[Review, Sequence[ReviewEvent]], ReviewStep | None]
"""A pure step from a review and its events; None where it was taken already."""


class ReviewFilter(msgspec.Struct, frozen=True):
    """Which reviews to list; empty means any.

    `unfinished` leaves out those that have ended. Overdue are the unfinished ones that were due
    before `due_before`.
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


class ReviewPosition(msgspec.Struct, frozen=True):
    """Where a page ended: most urgent first, by (due, review_id)."""

    due: datetime
    review_id: str


class QueueCount(msgspec.Struct, frozen=True):
    """The unfinished reviews of a queue: how many, how many overdue, and when the oldest began."""

    product: str
    queue: str
    open: int
    overdue: int
    oldest: datetime


class RecordedReview(msgspec.Struct, frozen=True):
    """A review with its events, or with a page of them, in order."""

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

    async def list(
        self, chosen: ReviewFilter, after: ReviewPosition | None, limit: int, now: datetime
    ) -> Sequence[Review]:
        """At most `limit` reviews, most urgent first, strictly after the position."""

    async def step(
        self, review_id: str, move: Move, limits: DayLimits | None = None
    ) -> Review | None:
        """Move a review in one transaction, durable on return; None where there is none.

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

    async def queues(self, now: datetime) -> Sequence[QueueCount]:
        """Every queue with unfinished reviews."""
