"""Reviews on a store: decided again, contested, and the terms of what a person approves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from msgspec.structs import replace

from decision_service.casework.compose import letter, text
from decision_service.casework.letters import subject_of
from decision_service.casework.review_results import CurrentOutcome, ReadReviewChain, ReviewedResult
from decision_service.casework.reviews import DecideAgain, OperateReviews
from decision_service.cli.views import chain_lines
from decision_service.decide.application import user_key
from decision_service.decide.replay import ReadDecisions
from decision_service.domain.actors import Actor
from decision_service.domain.decision import NO_TERMS, ApprovalTerms, Outcome
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import Filter, StoredEntry
from decision_service.domain.reviews import Review, ReviewResult, ReviewState
from decision_service.domain.values import Money
from decision_service.rollout.state import kill
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.rulebook import Rulebook
from decision_service.server.services.reviews import chain_message
from tests.fakes.world import NOW, PRODUCT, ScriptedSource, World, application, steady_earner
from tests.kits.stores import opened
from tests.unit.casework.test_letters import TEXTS
from tests.unit.decide.test_decide import capped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from decision_service.casework.review_steps import ReviewStep
    from decision_service.domain.snapshot import Snapshot
    from decision_service.store.reviews import Reviews
    from decision_service.store.store import Store


@dataclass
class Steps:
    """Notes the steps that it is told of."""

    taken: list[ReviewStep] = field(default_factory=list)

    def __call__(self, step: ReviewStep) -> None:
        self.taken.append(step)


class Dying:
    """Reviews of a process that dies before it has ended one; else the store's."""

    def __init__(self, reviews: Reviews) -> None:
        self._reviews = reviews

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reviews, name)

    async def step(self, *_: object, **_named: object) -> Review | None:
        """Never returns with an ended review."""
        raise StoreUnavailable("the process has died")


def stale() -> Snapshot:
    """The steady earner's data of three months ago."""
    told = steady_earner()
    (account,) = told.accounts
    old = replace(account, connection_updated_at=NOW - timedelta(days=90))
    return replace(told, accounts=(old,))


class Desk:
    """A store, a vendor, and a referral for stale data that has come in by now."""

    def __init__(self, store: Store) -> None:
        self.store, self.steps = store, Steps()
        self.source = ScriptedSource(stale())
        self.world = World(source=self.source, log=cast("Any", store))
        archive = RulesetArchive(store, lambda: self.world.book, CompilationThread())
        self.read = ReadDecisions(store, archive)

    async def referred(self) -> Review:
        """The review of a new referral."""
        decide = self.world.decide(leases=self.store.leases)
        made = await decide(application(), self.world.call())
        assert made.outcome is Outcome.REFER
        self.source.snapshot = steady_earner()
        (review,) = await self.store.reviews.of_decision(made.decision_id)
        return review

    def again(self, reviews: object = None, book: object = None) -> DecideAgain:
        """A process that decides again."""
        rulebook = (lambda: book) if book else None
        decide = self.world.decide(leases=self.store.leases, rulebook=cast("Any", rulebook))
        log = cast("Any", reviews or self.store.reviews)
        return DecideAgain(log, self.read, decide, self.world.clock, self.steps)

    async def decisions(self) -> list[StoredEntry]:
        """All decisions, newest first."""
        return [*await self.store.list(Filter(), None, 50)]

    async def review(self, review_id: str) -> Review:
        found = await self.store.reviews.get(review_id)
        assert found is not None
        return found.review


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as store:
        yield Desk(store)


async def test_arrived_data_makes_a_decision_that_names_the_first(desk: Desk) -> None:
    """By the same caller, with the same inputs; the review ends with its id, and it is counted."""
    review = await desk.referred()
    again = desk.again()
    await again.arrived("u-1", ())
    assert await again.drain()
    second, first = await desk.decisions()
    assert (first.outcome, second.outcome) == (Outcome.REFER, Outcome.APPROVE)
    assert second.caller == first.caller
    facts = (await desk.read.get(second.decision_id, full=False)).facts
    assert facts.first_decision == first.decision_id
    assert facts.inputs == (await desk.read.get(first.decision_id, full=False)).facts.inputs
    ended = await desk.review(review.review_id)
    assert (ended.state, ended.decided_again_as) == ("ENDED", second.decision_id)
    assert [step.event.action for step in desk.steps.taken] == ["DECIDED_AGAIN"]


async def test_a_chain_names_its_first_decision(desk: Desk) -> None:
    """A second referral is decided again as well, and the third decision names the first one."""
    await desk.referred()
    desk.source.snapshot = stale()
    again = desk.again()
    for _ in range(2):
        await again.arrived("u-1", ())
        assert await again.drain()
        desk.source.snapshot = steady_earner()
    third, _, first = await desk.decisions()
    assert third.outcome is Outcome.APPROVE
    facts = (await desk.read.get(third.decision_id, full=False)).facts
    assert facts.first_decision == first.decision_id


async def test_a_process_that_died_between_makes_no_second_decision(desk: Desk) -> None:
    """The decision is recorded, the review not ended: the next process ends it with that one."""
    review = await desk.referred()
    dying = desk.again(Dying(desk.store.reviews))
    await dying.arrived("u-1", ())
    assert not await dying.drain()
    assert len(await desk.decisions()) == 2
    assert (await desk.review(review.review_id)).state == "DECIDING_AGAIN"
    assert await desk.again().drain()
    second, _ = await desk.decisions()
    assert (await desk.review(review.review_id)).decided_again_as == second.decision_id


async def test_several_processes_make_one_decision(desk: Desk) -> None:
    """All at once, and each review ends once."""
    await desk.referred()
    await desk.again().arrived("u-1", ())
    await asyncio.gather(*(desk.again().drain() for _ in range(5)))
    assert len(await desk.decisions()) == 2
    assert [step.event.action for step in desk.steps.taken] == ["DECIDED_AGAIN"]


async def test_whom_the_rollout_does_not_decide_stays_in_review(desk: Desk) -> None:
    """A killed product gives the review back with the reason; later another attempt is made."""
    review = await desk.referred()
    product = desk.world.book.product(PRODUCT)
    state = kill(product.state, None)
    assert not isinstance(state, type(None))
    killed = replace(
        desk.world.book,
        products={**desk.world.book.products, PRODUCT: replace(product, state=state)},
    )
    await desk.again().arrived("u-1", ())
    assert await desk.again(book=killed).drain()
    found = await desk.store.reviews.get(review.review_id)
    assert found is not None
    assert found.review.state == "OPEN"
    assert "does not decide this applicant" in found.events[-1].text
    await desk.again().arrived("u-1", ())
    assert await desk.again().drain()
    assert (await desk.review(review.review_id)).state == "ENDED"


async def test_an_erasure_meanwhile_stays_the_end(desk: Desk) -> None:
    """Who withdraws before the attempt is decided again by nobody."""
    review = await desk.referred()
    again = desk.again()
    await again.arrived("u-1", ())
    await desk.store.erase("u-1")
    assert await again.drain()
    assert (await desk.review(review.review_id)).end == "ERASED"
    assert len(await desk.decisions()) == 1


async def test_a_store_that_is_down_is_tried_again(desk: Desk) -> None:
    """Nothing is lost: the review still waits to be decided again."""
    await desk.referred()
    await desk.store.reviews.arrived("u-1", (), NOW)

    class Down(Dying):
        async def deciding_again(self, limit: int) -> list[Review]:
            raise StoreUnavailable("no store")

    assert not await desk.again(Down(desk.store.reviews)).drain()
    assert await desk.again().drain()
    assert len(await desk.decisions()) == 2


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as found:
        yield found


async def test_a_capped_referral_keeps_the_tier_of_its_offer(store: Store) -> None:
    """So that a person's approval of it counts in that tier."""
    world = capped("  - {name: top, tier: T1, approvals_per_day: 1}\n")
    world.log = cast("Any", store)
    for number in (1, 2):
        asked = application(request_id=f"r-{number}", user_id=f"u-{number}")
        made = await world.decide(leases=store.leases)(asked, world.call())
    [review] = await store.reviews.of_decision(made.decision_id)
    assert (review.queue, review.tier, review.approved) == ("default", "T1", None)


async def contested(store: Store, book: Rulebook | None = None) -> Review:
    """The review of an approval that its applicant contests, by the rules that are known then."""
    world = World(log=cast("Any", store))
    made = await world.decide(leases=store.leases)(application(), world.call())
    assert made.outcome is Outcome.APPROVE
    known = world.book if book is None else book
    read = ReadDecisions(store, RulesetArchive(store, lambda: known, CompilationThread()))
    operate = OperateReviews(
        store.reviews, read, lambda: known, world.clock, world.ids, lambda: None, Steps()
    )
    return await operate.request(made.decision_id, Actor("los"), "r-1", "More, please.", "")


async def test_a_contest_of_an_approval_knows_what_is_approved(store: Store) -> None:
    """So that a rise takes from the day what it adds alone."""
    assert (await contested(store)).approved == Money("PHP", 2_000_000)


async def test_a_contest_needs_no_rules(store: Store) -> None:
    """Where those that decided are known no more, the right to a person stays."""
    review = await contested(store, Rulebook({}))
    assert (review.queue, review.approved, review.tier) == ("contest", None, "")


DECEMBER = datetime(2026, 11, 30, 16, tzinfo=UTC)

"""When a figure of the loan changes, in Manila."""

HALF = Money("PHP", 1_000_000)

ANA = Actor("ana")

PROVIDER = "Sss (PH)"


class Office:
    """A referral that Ana has claimed, read by the rules that are known."""

    def __init__(self, store: Store) -> None:
        self.store, self.world = store, World(log=cast("Any", store))
        self.world.source.snapshot = stale()  # type: ignore[attr-defined]  # a scripted source
        self.review_id = self.decision_id = ""

    async def opened(self, known: Rulebook | None = None) -> OperateReviews:
        """The use cases, with a claimed review."""
        made = await self.world.decide(leases=self.store.leases)(application(), self.world.call())
        assert made.outcome is Outcome.REFER
        self.decision_id = made.decision_id
        [review] = await self.store.reviews.of_decision(made.decision_id)
        self.review_id, book = review.review_id, self.world.book if known is None else known
        archive = RulesetArchive(self.store, lambda: book, CompilationThread())
        read, plans = ReadDecisions(self.store, archive), self.world.book
        world, reviews = self.world, self.store.reviews
        operate = OperateReviews(
            reviews, read, lambda: plans, world.clock, world.ids, print, Steps()
        )
        await operate.claim(self.review_id, ANA)
        return operate


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as store:
        yield Office(store)


def result(amount: Money | None = None) -> ReviewResult:
    """An approval, or without an amount a decline."""
    outcome = Outcome.DECLINE if amount is None else Outcome.APPROVE
    return ReviewResult(outcome, "DATA_WRONG", "payslips seen", amount)


async def test_an_approval_has_the_terms_of_its_amount(office: Office) -> None:
    """Kept with the review, shown with what stands, and the same when the call is repeated.

    It ends after the product's time, or before, where a figure of the rules changes.
    """
    operate = await office.opened()
    for _ in range(2):
        ended = await operate.complete(office.review_id, ANA, "r-1", result(HALF))
        assert (ended.terms.term_months, ended.terms.instalment) == (6, Money("PHP", 197_017))
    assert ended.final is not None
    assert ended.final + timedelta(days=14) > DECEMBER
    assert ended.expires == DECEMBER
    lasting = replace(ended, terms=replace(ended.terms, change=ended.final))
    assert lasting.expires == ended.final + timedelta(days=14)
    chain = ReadReviewChain(office.store.reviews, office.store, office.world.clock)
    found = await chain(office.decision_id, Outcome.REFER)
    assert found is not None
    assert (found.state, found.final) == (ReviewState.AWAITING_RELEASE, ended.final)
    assert found.current == CurrentOutcome(office.decision_id, Outcome.REFER)
    await office.store.reviews.make_final(ended.final, 1)
    found = await chain(office.decision_id, Outcome.REFER)
    assert found is not None
    assert (found.state, found.final) == (ReviewState.COMPLETED, ended.final)
    assert (found.current.terms, found.current.expires) == (ended.terms, DECEMBER)
    past = await office.store.past([user_key(ended.user_id)])
    found_of = {one.decision_id: one for one in past[user_key(ended.user_id)].decisions}
    counted = found_of[office.decision_id]
    assert (counted.expires, counted.reviewed) == (DECEMBER, ended.counted)
    message = chain_message(found)
    assert message.expire_time.ToDatetime(UTC) == DECEMBER
    [_, line] = chain_lines(message)
    assert " by a person (review), until 2026-11-30 16:00" in line


async def test_a_letter_of_what_is_missing_names_the_provider_of_the_stale_account(
    office: Office,
) -> None:
    """As the decision recorded it, in the applicant's words."""
    await office.opened()
    archive = RulesetArchive(office.store, lambda: office.world.book, CompilationThread())
    recorded = await ReadDecisions(office.store, archive).get(office.decision_id, full=True)
    assert recorded.decision is not None
    subject = subject_of(recorded.decision, ReviewedResult())
    made = letter(subject, TEXTS["en"])
    assert made is not None
    assert {one.provider for one in subject.lacks} == {PROVIDER}
    assert f"Connect {PROVIDER} again" in " ".join(text(made).split())


async def test_a_result_that_is_tried_has_the_terms_and_is_counted_nowhere(office: Office) -> None:
    """Without a reason or a request id, and as often as the person likes."""
    operate = await office.opened()
    bare = replace(result(HALF), reason="", explanation="")
    tried = [
        await operate.complete(office.review_id, ANA, "", bare, dry_run=True) for _ in range(2)
    ]
    ended = await operate.complete(office.review_id, ANA, "r-1", result(HALF))
    assert [one.terms for one in tried] == [ended.terms] * 2
    assert [one.state for one in tried] == [ReviewState.AWAITING_RELEASE] * 2
    shown = cast("Steps", operate.observer).taken
    assert [step.event.action for step in shown] == ["CLAIMED", "COMPLETED"]


async def test_a_decline_has_no_terms(office: Office) -> None:
    """There is nothing to repay."""
    operate = await office.opened()
    ended = await operate.complete(office.review_id, ANA, "r-1", result())
    assert (ended.terms, ended.expires) == (NO_TERMS, None)


async def test_what_no_rules_can_check_has_a_second_person(office: Office) -> None:
    """Where those that decided are known no more, an approval has no terms and is confirmed."""
    operate = await office.opened(Rulebook({}))
    ended = await operate.complete(office.review_id, ANA, "r-1", result(HALF))
    assert (ended.state, ended.result) == (ReviewState.AWAITING_SECOND, result(HALF))
    assert ended.terms == ApprovalTerms(failed_checks=("RULE_ERROR",))
