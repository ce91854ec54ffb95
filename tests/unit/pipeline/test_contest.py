"""Contests of decisions, on a store: what the review knows of the offer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from decision_service.casework.reviews import OperateReviews
from decision_service.decide.replay import ReadDecisions
from decision_service.domain.actors import Actor
from decision_service.domain.decision import Outcome
from decision_service.domain.reviews import Review
from decision_service.domain.values import Money
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.rulebook import Rulebook
from decision_service.store.store import Store
from tests.fakes.world import World, application
from tests.kits.stores import opened
from tests.unit.pipeline.test_day_caps import capped
from tests.unit.pipeline.test_decide_again import Steps


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
