"""Deciding applications again: a new decision that names the first, then the review's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

import msgspec
import structlog

from decision_service.domain.errors import (
    CallerError,
    NotYet,
    RequestInProgress,
    ServiceError,
)
from decision_service.domain.kinds import Kind
from decision_service.domain.verdict import Outcome
from decision_service.pipeline.decide.application import Application, EarlierDecision
from decision_service.pipeline.decide.decide import DecideApplication
from decision_service.pipeline.decide.record_codec import inputs_from_wire
from decision_service.pipeline.decide.run import CallContext
from decision_service.pipeline.ports import Clock, ReplyStyle
from decision_service.pipeline.records.read import ReadDecisions, Recorded
from decision_service.pipeline.reviews.observer import ReviewObserver
from decision_service.pipeline.reviews.ports import ReviewLog
from decision_service.pipeline.snapshots.patience import PATIENCE
from decision_service.reviewing.model import Review, ReviewEvent, ReviewState
from decision_service.reviewing.steps import By, ReviewStep, decided_again, not_decided_again

AT_ONCE = 20
SECONDS = 30.0
RETRY_SECONDS = 5.0
LOOK_SECONDS = 30.0
"""How often a process looks for what another one was asked for and left."""

NEVER_WHOLE = (
    "Smile said that data had arrived, but it could not be read whole within "
    f"{PATIENCE // timedelta(hours=1)} hours: a person has to take the review"
)
"""What the history of a review says at the end of the patience."""

log = structlog.get_logger("decision_service.reviews")


class AgainDeps(msgspec.Struct, frozen=True):
    """What deciding again needs."""

    log: ReviewLog
    read: ReadDecisions
    decide: DecideApplication
    clock: Clock
    observer: ReviewObserver


class DecideAgain:
    """Works through the reviews whose applications are to be decided again.

    The request id is derived from the earlier decision's id: of several processes, and after a
    kill, one decision is made.
    """

    def __init__(self, deps: AgainDeps) -> None:
        self._deps = deps
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look soon."""
        self._wake.set()

    async def arrived(self, user_id: str, kinds: Collection[Kind]) -> None:
        """As `ArrivalListener.arrived`: note it in the reviews; raises StoreUnavailable."""
        if await self._deps.log.arrived(user_id, kinds, self._deps.clock.now()):
            self.wake()

    async def never_whole(self, user_id: str, kinds: Collection[Kind]) -> None:
        """As `ArrivalListener.never_whole`: note it in the reviews; raises StoreUnavailable."""
        await self._deps.log.never_whole(user_id, kinds, self._deps.clock.now(), NEVER_WHOLE)

    async def run(self) -> None:
        """Until cancelled; what an earlier process left undone comes first."""
        while True:
            self._wake.clear()
            done = await self.drain()
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS if done else RETRY_SECONDS)
            except TimeoutError:
                continue

    async def drain(self) -> bool:
        """Decide all that is due; False where something has to be tried again."""
        tried: set[str] = set()
        stuck = False
        while True:
            try:
                due = await self._deps.log.deciding_again(AT_ONCE + len(tried))
            except ServiceError as error:
                log.warning("reviews.not_read", reason=error.reason)
                return False
            new = [review for review in due if review.review_id not in tried]
            if not new:
                return not stuck
            for review in new[:AT_ONCE]:
                tried.add(review.review_id)
                stuck |= not await self._again(review)

    async def _again(self, review: Review) -> bool:
        """Decide one application again and end its review; False where it is tried again."""
        try:
            await self._decided(review)
        except (CallerError, NotYet) as error:
            if isinstance(error, RequestInProgress):
                return False
            return await self._give_back(review, error.message)
        except ServiceError as error:
            log.warning("reviews.again", review_id=review.review_id, reason=error.reason)
            return False
        return True

    async def _decided(self, review: Review) -> None:
        recorded = await self._deps.read.get(review.decision_id, full=False)
        application = application_of(recorded, review.attempt)
        deadline = self._deps.clock.monotonic() + SECONDS
        call = CallContext(recorded.entry.caller, deadline)
        entry = await self._deps.decide(application, call)
        by = By("", "", self._deps.clock.now())
        if entry.outcome is Outcome.NOT_ENROLLED:
            why = "the rollout does not decide this applicant at present"
            await self._step(review, lambda one: not_decided_again(one, by, why))
            return
        await self._step(review, lambda one: decided_again(one, by, entry.decision_id))

    async def _give_back(self, review: Review, why: str) -> bool:
        by = By("", "", self._deps.clock.now())
        try:
            await self._step(review, lambda one: not_decided_again(one, by, why))
        except ServiceError as error:
            log.warning("reviews.again", review_id=review.review_id, reason=error.reason)
            return False
        return True

    async def _step(self, review: Review, end: Callable[[Review], ReviewStep]) -> None:
        """End the attempt; what another process, or an erasure, has ended stays as it is."""
        taken: list[ReviewStep] = []

        def move(found: Review, _: Sequence[ReviewEvent]) -> ReviewStep | None:
            taken.clear()
            if found.state is not ReviewState.DECIDING_AGAIN or found.attempt != review.attempt:
                return None
            taken.append(end(found))
            return taken[0]

        await self._deps.log.step(review.review_id, move)
        for step in taken:
            self._deps.observer.stepped(step)


def application_of(recorded: Recorded, attempt: int) -> Application:
    """The application of a decision as it is decided again."""
    entry, facts = recorded.entry, recorded.facts
    first = facts.first_decision or entry.decision_id
    return Application(
        request_id=f"again-{entry.decision_id}-{attempt}",
        user_id=entry.user_id,
        product=entry.product,
        application_id=entry.application_id,
        customer_ref=entry.customer_ref,
        inputs=inputs_from_wire(facts.inputs),
        style=ReplyStyle(full=False, languages=facts.languages),
        earlier=EarlierDecision(first, entry.decision_id, facts.own.match),
    )
