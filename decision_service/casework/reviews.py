"""Reading and moving reviews, and deciding an application again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from msgspec.structs import replace

from decision_service.casework import review_steps as steps
from decision_service.casework.review_log import (
    MOST_OF_PERSON,
    Desk,
    RecordedReview,
    ReviewFilter,
    ReviewLog,
    ReviewPosition,
    desk_of,
)
from decision_service.casework.review_person import ReviewedPerson, person_of
from decision_service.casework.review_results import day_caps
from decision_service.casework.review_steps import (
    By,
    Move,
    ReviewStep,
    decided_again,
    is_repeated,
    not_decided_again,
)
from decision_service.decide.application import Application, EarlierDecision
from decision_service.decide.decide import CallContext, DecideApplication
from decision_service.decide.replay import Page, ReadDecisions, Recorded
from decision_service.decide.snapshots import PATIENCE
from decision_service.domain.accounts import Kind
from decision_service.domain.actors import Actor
from decision_service.domain.decision import NO_TERMS, Outcome
from decision_service.domain.errors import (
    CallerError,
    DecisionUnknown,
    FieldInvalid,
    NotYet,
    RequestInProgress,
    ReviewRefused,
    ReviewUnknown,
    RulesetUnknown,
    ServiceError,
    StoreError,
)
from decision_service.domain.ports import Clock, DayLimits, NewId, ReplyStyle
from decision_service.domain.reviews import (
    NO_POLICY,
    Review,
    ReviewAction,
    ReviewCase,
    ReviewEvent,
    ReviewPolicy,
    ReviewResult,
    ReviewState,
)
from decision_service.domain.values import Money, Month
from decision_service.rulebook.rulebook import Rulebook

ENDS = frozenset({ReviewAction.PROPOSED, ReviewAction.COMPLETED})

AT_ONCE = 20
AGAIN_SECONDS = 30.0
RETRY_SECONDS = 5.0
FINAL_SECONDS = 5.0
"""How often a process looks for results whose time to withdraw is over."""

LOOK_SECONDS = 30.0
"""How often a process looks for what another one was asked for and left."""

NEVER_WHOLE = (
    "Smile said that data had arrived, but it could not be read whole within "
    f"{PATIENCE // timedelta(hours=1)} hours: a person has to take the review"
)
"""What the history of a review says at the end of the patience."""

log = structlog.get_logger("decision_service.reviews")


def review_case(recorded: Recorded) -> ReviewCase:
    """The decision as a review knows it; its offer is known while its values are stored."""
    entry = recorded.entry
    decision = recorded.decision
    requested = recorded.facts.sent.get("requested_amount")
    offer = None if decision is None else decision.verdict.offer
    approved = offer is not None and entry.outcome is Outcome.APPROVE
    return ReviewCase(
        entry.decision_id,
        entry.caller,
        entry.user_id,
        product=entry.product,
        outcome=entry.outcome,
        requested=requested if isinstance(requested, Money) else None,
        tier="" if offer is None else offer.tier,
        approved=offer.approved_amount if offer is not None and approved else None,
        sender=recorded.facts.sender,
    )


ReviewObserver = Callable[[ReviewStep], None]
"""Receives every step that became durable in this process, once; never raises."""


@dataclass(frozen=True, slots=True)
class OperateReviews:
    """Reads reviews and takes their steps; raises StoreUnavailable, and steps ReviewRefused.

    `wake` has the applications that are due decided again.
    """

    log: ReviewLog
    read: ReadDecisions
    rulebook: Callable[[], Rulebook]
    clock: Clock
    new_id: NewId
    wake: Callable[[], None]
    observer: ReviewObserver

    async def get(self, review_id: str, after: int = 0, limit: int | None = None) -> RecordedReview:
        """One review with its events after a position; raises ReviewUnknown."""
        found = await self.log.get(review_id, after, limit)
        if found is None:
            raise ReviewUnknown.of(review_id)
        return found

    async def list(
        self, chosen: ReviewFilter, after: ReviewPosition | None, size: int
    ) -> Page[Review, ReviewPosition]:
        found = await self.log.list(chosen, after, size + 1, self.clock.now())
        return Page.of(found, size, lambda one: ReviewPosition(one.due, one.review_id))

    async def others(self, reviews: Sequence[Review]) -> Mapping[str, Sequence[Review]]:
        """By id of each review the other unfinished ones of its person, most urgent first."""
        found = await self.log.of_persons({review.user_id for review in reviews})
        others = {}
        for review in reviews:
            every = found.get(review.user_id, ())
            left = [one for one in every if one.review_id != review.review_id]
            others[review.review_id] = left[: MOST_OF_PERSON - 1]
        return others

    async def claim(self, review_id: str, who: Actor, hold_until: datetime | None = None) -> Review:
        """Raises ReviewRefused, FieldInvalid where the claim cannot be held until then."""
        return await self._step(
            review_id, self._by(who), partial(steps.claim, hold_until=hold_until)
        )

    async def claim_next(self, who: Actor, chosen: ReviewFilter) -> Review | None:
        """The most urgent review, claimed; None where there is none that the caller may take.

        What the caller has claimed already comes first, unless it is held. One that the caller may
        not end, having sent it, is passed over.
        """

        # Who holds a case waits for something, such as a call back.
        def is_own(one: Review) -> bool:
            return one.claimed_by == who.caller and not one.held

        def is_free(one: Review) -> bool:
            return who.caller not in one.skipped_by

        wanted = {ReviewState.CLAIMED: is_own, ReviewState.OPEN: is_free}
        for state, is_wanted in wanted.items():
            async for review in self._every(replace(chosen, state=state)):
                if is_wanted(review) and not steps.is_barred(review, who):
                    # Another caller may have taken it since it was listed.
                    with suppress(ReviewRefused, ReviewUnknown):
                        return await self.claim(review.review_id, who)
        return None

    async def _every(self, chosen: ReviewFilter) -> AsyncIterator[Review]:
        page = await self.list(chosen, None, AT_ONCE)
        while True:
            for review in page.entries:
                yield review
            if page.next is None:
                return
            page = await self.list(chosen, page.next, AT_ONCE)

    async def skip(self, review_id: str, who: Actor, text: str) -> Review:
        return await self._step(review_id, self._by(who), partial(steps.skip, text=text))

    async def release(self, review_id: str, who: Actor, hand_to: str = "") -> Review:
        """Raises ReviewRefused, FieldInvalid where the caller hands it to itself."""
        return await self._step(review_id, self._by(who), partial(steps.release, hand_to=hand_to))

    async def move(self, review_id: str, who: Actor, queue: str) -> Review:
        """Raises ReviewRefused, FieldInvalid where the desk has no other queue of this name."""

        def take(review: Review, by: By) -> ReviewStep:
            return steps.move(review, by, queue, policy=self._policy(review.product))

        return await self._step(review_id, self._by(who), take)

    async def take_over(self, review_id: str, who: Actor, why: str) -> Review:
        """Raises ReviewRefused unless a colleague holds it, or has not ended it in time."""
        return await self._step(review_id, self._by(who), partial(steps.take_over, why=why))

    async def withdraw(
        self, review_id: str, who: Actor, request_id: str, why: str, *, is_second: bool
    ) -> Review:
        """Raises ReviewRefused once it is final, PermissionDenied, RequestIdReused."""
        by = self._by(who, request_id)
        take = partial(steps.withdraw, why=why, is_second=is_second)
        return await self._step(review_id, by, take, repeats={ReviewAction.WITHDRAWN}, text=why)

    async def desks(self, product: str) -> Sequence[Desk]:
        """The desk of a product, those of all without one; raises ProductUnknown."""
        book = self.rulebook()
        counts = await self.log.queues(self.clock.now())
        names = [product] if product else sorted(book.products)
        return [desk_of(book.product(name), counts) for name in names]

    async def note(self, review_id: str, who: Actor, request_id: str, text: str) -> Review:
        by = self._by(who, request_id)
        take = partial(steps.note, text=text)
        return await self._step(review_id, by, take, repeats={ReviewAction.NOTED}, text=text)

    async def request_data(
        self, review_id: str, who: Actor, request_id: str, kinds: Sequence[Kind], text: str
    ) -> Review:
        by = self._by(who, request_id)
        wanted = tuple(sorted({*kinds}))
        take = partial(steps.request_data, kinds=wanted, text=text)
        asked = {ReviewAction.DATA_REQUESTED}
        return await self._step(review_id, by, take, repeats=asked, kinds=wanted, text=text)

    async def decide_again(self, review_id: str, who: Actor) -> Review:
        review = await self._step(review_id, self._by(who), steps.decide_again)
        self.wake()
        return review

    async def complete(
        self,
        review_id: str,
        who: Actor,
        request_id: str,
        result: ReviewResult,
        *,
        dry_run: bool = False,
    ) -> Review:
        """Raises ReviewRefused, FieldInvalid, PermissionDenied, RequestIdReused.

        A dry run records nothing.
        """
        by = self._by(who, request_id)
        terms = NO_TERMS
        review = (await self.get(review_id, limit=0)).review
        if result.amount is not None:
            # Before the step, which is a pure function under the lock of the review's row (0177).
            terms = await self.read.price(review.decision_id, result.amount)

        def take(found: Review, by: By) -> ReviewStep:
            policy = self._policy(found.product)
            return steps.complete(found, by, result, policy=policy, terms=terms, dry_run=dry_run)

        caps = self._day_caps(review)
        return await self._step(
            review_id, by, take, repeats=ENDS, limits=caps, dry_run=dry_run, result=result
        )

    async def confirm(
        self, review_id: str, who: Actor, request_id: str, seen: str, words: str = ""
    ) -> Review:
        """End a review as proposed; raises ReviewRefused, PermissionDenied, RequestIdReused."""
        by = self._by(who, request_id)

        def take(review: Review, by: By) -> ReviewStep:
            policy = self._policy(review.product)
            return steps.confirm(review, by, policy, seen=seen, words=words)

        caps = self._day_caps((await self.get(review_id, limit=0)).review)
        confirmed = {ReviewAction.CONFIRMED}
        return await self._step(review_id, by, take, repeats=confirmed, limits=caps, text=words)

    async def reject(
        self, review_id: str, who: Actor, request_id: str, seen: str, why: str
    ) -> Review:
        """Give a review back whose proposed end is not confirmed; raises as `confirm`."""
        by = self._by(who, request_id)
        take = partial(steps.reject, why=why, seen=seen)
        return await self._step(review_id, by, take, repeats={ReviewAction.REJECTED}, text=why)

    async def request(
        self, decision_id: str, who: Actor, request_id: str, text: str, scope: str
    ) -> Review:
        """Raises DecisionUnknown, FieldInvalid where not decided here, ReviewRefused."""
        # Where the rules that made it compile no more its offer is not known.
        recorded = await self._recorded(decision_id, scope)
        entry = recorded.entry
        if entry.outcome is Outcome.NOT_ENROLLED:
            what = f"is {decision_id}, which was not decided here: nothing to review"
            raise FieldInvalid.of("decision_id", what)
        by = self._by(who, request_id)
        policy = self._policy(entry.product)
        review = await self.log.contest(review_case(recorded), by, text, policy)
        if review is None:
            raise DecisionUnknown.of(decision_id)
        return review

    async def see_person(
        self, review_id: str, who: Actor, why: str, month: Month | None
    ) -> ReviewedPerson:
        """Who applied, with the records of a month; `why` is for who does not hold the review.

        Raises ReviewUnknown, FieldInvalid where a reason is needed and none is given, ReviewRefused
        where the step does not fit, SnapshotErased.
        """
        by = self._by(who)
        review = (await self.get(review_id, limit=0)).review
        is_held = steps.is_held(review, by)
        if not is_held and not why:
            what = f"is empty, and you do not have {review_id} claimed: say in up to 500 characters"
            raise FieldInvalid.of("reason", f"{what} why you read who applied")
        recorded = await self._recorded(review.decision_id)
        snapshot = await self.read.reading(recorded.entry)
        months = await self.read.income_months(recorded)
        person = person_of(recorded, snapshot, months, month=month)
        if not is_held:
            # Durable before anything is shown.
            await self._note_sight(review_id, by, why)
        # Not the words of the reason: a person wrote them, and may have named the applicant.
        log.info(
            "reviews.person_seen",
            review_id=review_id,
            caller=who.caller,
            held=is_held,
            reason_given=bool(why),
        )
        return person

    async def _note_sight(self, review_id: str, by: By, why: str) -> None:
        def move(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
            if steps.has_seen(events, by, why):
                return None
            return steps.see_person(review, by, why)

        if await _moved(self.log, self.observer, review_id, move=move) is None:
            raise ReviewUnknown.of(review_id)

    async def _recorded(self, decision_id: str, scope: str = "") -> Recorded:
        """A decision, with its values where the rules that made it compile still."""
        try:
            return await self.read.get(decision_id, full=True, scope=scope)
        except RulesetUnknown:
            return await self.read.get(decision_id, full=False, scope=scope)

    async def _step(
        self,
        review_id: str,
        by: By,
        take: Callable[[Review, By], ReviewStep | None],
        repeats: Collection[ReviewAction] = (),
        limits: DayLimits | None = None,
        *,
        dry_run: bool = False,
        **said: object,
    ) -> Review:
        """Take a step, unless its request took one of `repeats` already that said the same."""

        def move(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
            if repeats and is_repeated(events, by, repeats, **said):
                return None
            step = take(review, by)
            desk = self._policy(review.product).digest
            return step and replace(step, event=replace(step.event, desk=desk))

        review = await _moved(
            self.log, self.observer, review_id, move=move, limits=limits, dry_run=dry_run
        )
        if review is None:
            raise ReviewUnknown.of(review_id)
        return review

    def _day_caps(self, review: Review) -> DayLimits | None:
        product = self.rulebook().products.get(review.product)
        return None if product is None else day_caps(product, self.clock.now())

    def _by(self, who: Actor, request_id: str = "") -> By:
        request_id = request_id or self.new_id.request_id()
        return By(who.caller, request_id, self.clock.now(), person=who.person)

    def _policy(self, product: str) -> ReviewPolicy:
        found = self.rulebook().products.get(product)
        return (found and found.plan.review) or NO_POLICY


async def _moved(
    log: ReviewLog,
    observer: ReviewObserver,
    review_id: str,
    move: Move,
    limits: DayLimits | None = None,
    *,
    dry_run: bool = False,
) -> Review | None:
    """Move a review, and show the step that became durable to the observer."""
    taken: list[ReviewStep | None] = [None]

    def noted(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
        taken[0] = move(review, events)
        return taken[0]

    review = await log.step(review_id, noted, limits, dry_run=dry_run)
    if taken[0] is not None and not dry_run:
        observer(taken[0])
    return review


@dataclass(frozen=True, slots=True)
class MakeFinal:
    """Ends the reviews whose results nobody withdrew in time."""

    log: ReviewLog
    clock: Clock
    observer: ReviewObserver

    async def run(self) -> None:
        while True:
            await self.drain()
            await asyncio.sleep(FINAL_SECONDS)

    async def drain(self) -> None:
        """End all that are due; where the store cannot be read, they wait for the next look."""
        taken: Sequence[ReviewStep] = ()
        try:
            while len(taken := await self.log.make_final(self.clock.now(), AT_ONCE)) == AT_ONCE:
                self._show(taken)
        except StoreError as error:
            log.warning("reviews.not_made_final", reason=error.reason)
            return
        self._show(taken)

    def _show(self, taken: Sequence[ReviewStep]) -> None:
        for step in taken:
            self.observer(step)


@dataclass(frozen=True, slots=True)
class DecideAgain:
    """Works through the reviews whose applications are to be decided again."""

    log: ReviewLog
    read: ReadDecisions
    decide: DecideApplication
    clock: Clock
    observer: ReviewObserver
    _due: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._due.set()

    async def arrived(self, user_id: str, kinds: Collection[Kind]) -> None:
        """As `ArrivalListener.arrived`: note it in the reviews; raises StoreUnavailable."""
        if await self.log.arrived(user_id, kinds, self.clock.now()):
            self.wake()

    async def never_whole(self, user_id: str, kinds: Collection[Kind]) -> None:
        """As `ArrivalListener.never_whole`: note it in the reviews; raises StoreUnavailable."""
        await self.log.never_whole(user_id, kinds, self.clock.now(), NEVER_WHOLE)

    async def run(self) -> None:
        """Until cancelled; what an earlier process left undone comes first."""
        while True:
            # Before the look: what becomes due during it ends the wait that follows.
            self._due.clear()
            done = await self.drain()
            try:
                await asyncio.wait_for(self._due.wait(), LOOK_SECONDS if done else RETRY_SECONDS)
            except TimeoutError:
                continue

    async def drain(self) -> bool:
        """Decide all that is due; False where something has to be tried again."""
        tried: set[str] = set()
        stuck = False
        while True:
            try:
                # Longest due first: without the addition those that failed would fill the list.
                due = await self.log.deciding_again(AT_ONCE + len(tried))
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
        try:
            end = await self._end_of(review)
            if end is not None:
                await self._step(review, end)
        except ServiceError as error:
            log.warning("reviews.again", review_id=review.review_id, reason=error.reason)
            return False
        return end is not None

    async def _end_of(self, review: Review) -> Callable[[Review, By], ReviewStep] | None:
        """How the attempt ends; None while another call decides."""
        deadline = self.clock.monotonic() + AGAIN_SECONDS
        try:
            recorded = await self.read.get(review.decision_id, full=False)
            # whoever asks: the chain stays the first sender's
            call = CallContext(recorded.entry.caller, deadline, recorded.facts.sender)
            entry = await self.decide(application_of(recorded, review.attempt), call)
        except RequestInProgress:
            return None
        except (CallerError, NotYet) as error:
            return partial(not_decided_again, why=error.message)
        if entry.outcome is Outcome.NOT_ENROLLED:
            why = "the rollout does not decide this applicant at present"
            return partial(not_decided_again, why=why)
        return partial(decided_again, decision_id=entry.decision_id)

    async def _step(self, review: Review, end: Callable[[Review, By], ReviewStep]) -> None:
        """End the attempt; what another process, or an erasure, has ended stays as it is."""

        def move(found: Review, _: Sequence[ReviewEvent]) -> ReviewStep | None:
            if found.state is not ReviewState.DECIDING_AGAIN or found.attempt != review.attempt:
                return None
            return end(found, By("", "", self.clock.now()))

        await _moved(self.log, self.observer, review.review_id, move=move)


def application_of(recorded: Recorded, attempt: int) -> Application:
    entry = recorded.entry
    facts = recorded.facts
    first = facts.first_decision or entry.decision_id
    return Application(
        # Made of the earlier id and the attempt: several processes, and one after a kill, make
        # one decision.
        **entry.request_fields() | {"request_id": f"again-{entry.decision_id}-{attempt}"},
        inputs=facts.sent,
        style=ReplyStyle(full=False, languages=facts.languages),
        earlier=EarlierDecision(first, entry.decision_id, facts.own.match),
    )
