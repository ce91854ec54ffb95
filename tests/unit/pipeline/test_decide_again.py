"""Applications that are decided again, on a store and with a scripted vendor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from decision_service.casework.review_steps import ReviewStep
from decision_service.casework.reviews import DecideAgain
from decision_service.decide.replay import ReadDecisions
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import Filter, StoredEntry
from decision_service.domain.reviews import Review
from decision_service.domain.snapshot import Snapshot
from decision_service.rollout.state import kill
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.store.reviews import Reviews
from decision_service.store.store import Store
from tests.fakes.world import NOW, PRODUCT, ScriptedSource, World, application, steady_earner
from tests.kits.stores import opened


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
