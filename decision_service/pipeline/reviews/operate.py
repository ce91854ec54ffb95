"""Steps of reviews: what reviewers, a second person and the loan system ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from decision_service.domain.errors import (
    DecisionUnknown,
    FieldInvalid,
    FieldProblem,
    ReviewUnknown,
    RulesetUnknown,
)
from decision_service.domain.kinds import Kind
from decision_service.domain.verdict import NO_TERMS, ApprovalTerms, Outcome
from decision_service.pipeline.ports import Clock, NewId
from decision_service.pipeline.records.read import ReadDecisions, Recorded
from decision_service.pipeline.reviews.cases import review_case
from decision_service.pipeline.reviews.day_caps import day_caps
from decision_service.pipeline.reviews.observer import ReviewObserver
from decision_service.pipeline.reviews.ports import (
    Move,
    RecordedReview,
    ReviewFilter,
    ReviewLog,
    ReviewPosition,
)
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.reviewing import steps
from decision_service.reviewing.completing import complete, confirm, reject
from decision_service.reviewing.model import (
    Review,
    ReviewAction,
    ReviewEvent,
    ReviewResult,
)
from decision_service.reviewing.policy import NO_POLICY, ReviewPolicy
from decision_service.reviewing.steps import By, ReviewStep, is_repeated
from decision_service.rollout.allowances import DayLimits

ENDS = frozenset({ReviewAction.PROPOSED, ReviewAction.COMPLETED})


class ReviewPage(msgspec.Struct, frozen=True):
    """One page of a list; `next` is None on the last one."""

    reviews: Sequence[Review]
    next: ReviewPosition | None


class ReviewDeps(msgspec.Struct, frozen=True):
    """What reviews need; `wake` has the applications that are due decided again."""

    log: ReviewLog
    read: ReadDecisions
    rulebook: Callable[[], Rulebook]
    clock: Clock
    new_id: NewId
    wake: Callable[[], None]
    observer: ReviewObserver


class OperateReviews:
    """Reads reviews and takes their steps; every method raises StoreUnavailable."""

    def __init__(self, deps: ReviewDeps) -> None:
        self._deps = deps
        self._log = deps.log

    async def get(self, review_id: str, after: int = 0, limit: int | None = None) -> RecordedReview:
        """One review with its events after a position; raises ReviewUnknown."""
        found = await self._log.get(review_id, after, limit)
        if found is None:
            raise ReviewUnknown.of(review_id)
        return found

    async def list(
        self, chosen: ReviewFilter, after: ReviewPosition | None, size: int
    ) -> ReviewPage:
        """One page, most urgent first."""
        found = await self._log.list(chosen, after, size + 1, self._deps.clock.now())
        if len(found) <= size:
            return ReviewPage(found, None)
        last = found[size - 1]
        return ReviewPage(found[:size], ReviewPosition(last.due, last.review_id))

    async def claim(self, review_id: str, who: str) -> Review:
        """Claim a review for a while, or prolong the claim; raises ReviewRefused."""
        by = self._by(who)

        def move(review: Review, _: Sequence[ReviewEvent]) -> ReviewStep:
            return steps.claim(review, by, self._policy(review).claim_for)

        return await self._step(review_id, move)

    async def release(self, review_id: str, who: str) -> Review:
        """Give a claimed review back to its queue; raises ReviewRefused."""
        by = self._by(who)
        return await self._step(review_id, lambda review, _: steps.release(review, by))

    async def note(self, review_id: str, who: str, request_id: str, text: str) -> Review:
        """Add a note."""
        by = self._by(who, request_id)

        def move(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
            if is_repeated(events, by, {ReviewAction.NOTED}, text=text):
                return None
            return steps.note(review, by, text)

        return await self._step(review_id, move)

    async def request_data(
        self, review_id: str, who: str, request_id: str, kinds: Sequence[Kind], text: str
    ) -> Review:
        """Put a claimed review aside until data of these kinds arrives; raises ReviewRefused."""
        by, wanted = self._by(who, request_id), tuple(sorted({*kinds}))

        def move(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
            action = {ReviewAction.DATA_REQUESTED}
            if is_repeated(events, by, action, kinds=wanted, text=text):
                return None
            return steps.request_data(review, by, wanted, text)

        return await self._step(review_id, move)

    async def decide_again(self, review_id: str, who: str) -> Review:
        """Have the application decided again, soon; raises ReviewRefused."""
        by = self._by(who)
        review = await self._step(review_id, lambda found, _: steps.decide_again(found, by))
        self._deps.wake()
        return review

    async def complete(
        self, review_id: str, who: str, request_id: str, result: ReviewResult
    ) -> Review:
        """End a claimed review, or propose its end to a second person.

        Raises ReviewRefused, FieldInvalid, AuthorityExceeded, RequestIdReused.
        """
        by, terms = self._by(who, request_id), await self._terms(review_id, result)

        def move(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
            if is_repeated(events, by, ENDS, result=result):
                return None
            return complete(review, by, result, self._policy(review), terms)

        return await self._end(review_id, move)

    async def confirm(self, review_id: str, who: str, request_id: str, seen: str) -> Review:
        """End a review as proposed; raises ReviewRefused, PermissionDenied, RequestIdReused."""
        by = self._by(who, request_id)

        def move(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
            if is_repeated(events, by, {ReviewAction.CONFIRMED}):
                return None
            return confirm(review, by, self._policy(review), seen)

        return await self._end(review_id, move)

    async def reject(
        self, review_id: str, who: str, request_id: str, seen: str, why: str
    ) -> Review:
        """Give a review back whose proposed end is not confirmed; raises as `confirm`."""
        by = self._by(who, request_id)

        def move(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
            if is_repeated(events, by, {ReviewAction.REJECTED}, text=why):
                return None
            return reject(review, by, why, seen)

        return await self._step(review_id, move)

    async def request(
        self, decision_id: str, who: str, request_id: str, text: str, scope: str
    ) -> Review:
        """Open a review that the applicant asks for, or note it in the unfinished one.

        Raises DecisionUnknown, also where the decision is not the caller `scope`'s, FieldInvalid
        for an application that was not decided here, and ReviewRefused for a contest too many.
        """
        recorded = await self._recorded(decision_id, scope)
        entry = recorded.entry
        if entry.outcome is Outcome.NOT_ENROLLED:
            message = f"decision_id is {decision_id}, which was not decided here: nothing to review"
            raise FieldInvalid(message, (FieldProblem("decision_id", message),))
        case = review_case(recorded)
        policy = self._policy_of(entry.product)
        review = await self._log.contest(case, self._by(who, request_id), text, policy)
        if review is None:
            raise DecisionUnknown.of(decision_id)
        return review

    async def _terms(self, review_id: str, result: ReviewResult) -> ApprovalTerms:
        """Term and instalment of an approval, and the checks that it fails."""
        if result.amount is None:
            return NO_TERMS
        review = (await self.get(review_id)).review
        return await self._deps.read.price(review.decision_id, result.amount)

    async def _recorded(self, decision_id: str, scope: str) -> Recorded:
        """A decision with its offer, or without where the rules that made it no longer compile."""
        try:
            return await self._deps.read.get(decision_id, full=True, scope=scope)
        except RulesetUnknown:
            return await self._deps.read.get(decision_id, full=False, scope=scope)

    async def _end(self, review_id: str, move: Move) -> Review:
        """Take a step that may approve, within the caps of the day."""
        found = await self.get(review_id)
        product = self._deps.rulebook().products.get(found.review.product)
        limits = None if product is None else day_caps(product, self._deps.clock.now())
        return await self._step(review_id, move, limits)

    async def _step(self, review_id: str, move: Move, limits: DayLimits | None = None) -> Review:
        taken: list[ReviewStep | None] = [None]

        def noted(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
            taken[0] = move(review, events)
            return taken[0]

        review = await self._log.step(review_id, noted, limits)
        if review is None:
            raise ReviewUnknown.of(review_id)
        if taken[0] is not None:
            self._deps.observer.stepped(taken[0])
        return review

    def _by(self, who: str, request_id: str = "") -> By:
        request_id = request_id or self._deps.new_id.request_id()
        return By(who, request_id, self._deps.clock.now())

    def _policy(self, review: Review) -> ReviewPolicy:
        return self._policy_of(review.product)

    def _policy_of(self, product: str) -> ReviewPolicy:
        found = self._deps.rulebook().products.get(product)
        return (found and found.plan.review) or NO_POLICY
