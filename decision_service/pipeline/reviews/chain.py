"""The reviews of a decision, and the outcome that stands after them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from decision_service.domain.money import Money
from decision_service.domain.verdict import NO_TERMS, ApprovalTerms, Outcome
from decision_service.pipeline.ports import Clock, DecisionLog
from decision_service.pipeline.reviews.ports import ReviewLog
from decision_service.reviewing.model import Review, ReviewState
from decision_service.reviewing.standing import decided_again_as, result_of, standing

MOST_LINKS = 20
"""How many decisions of a chain are followed from one that is read."""


class StandingOutcome(msgspec.Struct, frozen=True):
    """The outcome that stands of an application; `confirmed` by a second person.

    `decision_id` is the decision whose outcome, or whose review's result, it is. `terms` and
    `expires` are those of a person's approval. `at` is None where no person decided it.
    """

    decision_id: str
    outcome: Outcome
    amount: Money | None = None
    at: datetime | None = None
    confirmed: bool = False
    terms: ApprovalTerms = NO_TERMS
    expires: datetime | None = None


class ReviewChain(msgspec.Struct, frozen=True):
    """A decision's reviews, oldest first, the newest one's state now, and what stands."""

    reviews: tuple[Review, ...]
    state: ReviewState
    decided_again_as: str
    standing: StandingOutcome


class ReadReviewChain:
    """Reads the chain that begins with a decision."""

    def __init__(self, log: ReviewLog, decisions: DecisionLog, clock: Clock) -> None:
        self._log = log
        self._decisions = decisions
        self._clock = clock

    async def __call__(self, decision_id: str, outcome: Outcome) -> ReviewChain | None:
        """The reviews of a decision with this recorded outcome; None where there are none."""
        reviews = tuple(await self._log.of_decision(decision_id))
        if not reviews:
            return None
        state = reviews[-1].state_at(self._clock.now())
        standing = await self._standing(decision_id, outcome, reviews)
        return ReviewChain(reviews, state, decided_again_as(reviews), standing)

    async def _standing(
        self, decision_id: str, outcome: Outcome, reviews: Sequence[Review]
    ) -> StandingOutcome:
        for _ in range(MOST_LINKS):
            stands = standing(reviews)
            if stands.review is not None:
                return _by_person(stands.review)
            entry = await self._decisions.get(stands.again) if stands.again else None
            if entry is None:
                break
            decision_id, outcome = stands.again, entry.outcome
            reviews = await self._log.of_decision(decision_id)
        return StandingOutcome(decision_id, outcome)


def _by_person(review: Review) -> StandingOutcome:
    result = result_of(review)
    return StandingOutcome(
        review.decision_id,
        result.outcome,
        result.amount,
        review.ended,
        bool(review.confirmed_by),
        review.terms,
        review.expires,
    )
