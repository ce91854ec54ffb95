"""How reviewers take reviews from a store, and try a result: subclass with a `log` fixture."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from decision_service.casework.review_log import ReviewFilter
from decision_service.casework.review_steps import ReviewStep, complete
from decision_service.casework.reviews import OperateReviews
from decision_service.decide.application import user_key
from decision_service.domain.actors import Actor
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.errors import ReviewRefused
from decision_service.domain.ports import CapLimit, DayLimits, HistoryEntry
from decision_service.domain.reviews import Review, ReviewState
from decision_service.rulebook.rulebook import Rulebook
from decision_service.store.store import Store
from tests.fakes.world import Numbered, SetClock
from tests.kits.decision_entries import NOON
from tests.kits.review_log import (
    APPROVED,
    POLICY,
    by,
    claimed,
    committed,
    completed_by,
    referred,
)

ANY = ReviewFilter()
ANA = Actor("ana")
_KEY = user_key("user-1")


class Floor:
    """Reviewers of one store, with the steps that were shown."""

    def __init__(self, log: Store) -> None:
        self.clock, self.seen = SetClock(NOON + timedelta(minutes=1)), list[ReviewStep]()
        self.operate = OperateReviews(
            log.reviews,
            cast("Any", None),
            lambda: Rulebook({}),
            self.clock,
            Numbered(),
            lambda: None,
            self.seen.append,
        )

    async def next(self, who: str, chosen: ReviewFilter = ANY) -> str:
        """The id of what somebody takes next; empty for nothing."""
        taken = await self.operate.claim_next(Actor(who), chosen)
        assert taken is None or (taken.state, taken.claimed_by) == (ReviewState.CLAIMED, who)
        return "" if taken is None else taken.review_id

    def hours(self, count: float) -> datetime:
        """So many hours from now."""
        return self.clock.now() + timedelta(hours=count)


async def opened_many(log: Store, count: int) -> list[str]:
    """The ids of so many reviews, the most urgent one first."""
    every = (referred(n, minutes=n, user_id=f"u-{n}") for n in range(1, count + 1))
    return [await committed(log, one) for one in every]


class ReviewTakingKit:
    """The suite; `log` is an empty store."""

    async def test_reviewers_at_once_take_different_reviews(self, log: Store) -> None:
        """Each of twelve has one of the twelve most urgent of many, and the next one the next."""
        floor, ids = Floor(log), await opened_many(log, 14)
        taken = await asyncio.gather(*(floor.next(f"p-{n}") for n in range(12)))
        assert sorted(taken) == sorted(ids[:12])
        assert [await floor.next("eve"), await floor.next("fay")] == ids[12:]
        assert await floor.next("gus") == ""

    async def test_a_held_review_does_not_come_next(self, log: Store) -> None:
        """While it is held its person takes others, and when that time is over anyone takes it."""
        floor, ids = Floor(log), await opened_many(log, 3)
        await floor.operate.claim(ids[0], ANA, floor.hours(72))
        assert await floor.next("ana") == await floor.next("ana") == ids[1]
        floor.clock.wall += timedelta(hours=72)
        assert await floor.next("ben") == ids[0]

    async def test_a_skipped_review_is_for_others(self, log: Store) -> None:
        """Who skips it is not offered it, however often; others are, and read who skipped."""
        floor, ids = Floor(log), await opened_many(log, 45)
        for review_id in ids[:44]:
            await floor.operate.skip(review_id, ANA, "I know them.")
        again = await floor.operate.skip(ids[0], ANA, "And again.")
        found = await log.reviews.get(ids[0])
        assert found is not None
        assert (again, again.skipped_by) == (found.review, ("ana",))
        told = [(one.action, one.who, one.text) for one in found.events[1:]]
        assert told == [("SKIPPED", "ana", "I know them.")]
        assert len(floor.seen) == 44
        assert await floor.next("ana") == ids[44]
        assert await floor.next("ben") == ids[0]

    async def test_what_comes_next_is_of_a_product_and_a_queue(self, log: Store) -> None:
        """The filter counts for what is claimed already too."""
        floor = Floor(log)
        score = await committed(log, referred(1, user_id="u-1"))
        data = await committed(log, referred(2, ReferKind.DATA, 1_800, user_id="u-2"))
        assert await floor.next("ana") == score
        assert await floor.next("ana", ReviewFilter("personal-loan-ph", "data")) == data
        assert await floor.next("ana", ReviewFilter(queue="default")) == score
        assert await floor.next("ben", ReviewFilter("other")) == ""

    async def test_a_review_that_was_handed_over_comes_next(self, log: Store) -> None:
        """Before all that is open, even to who had skipped it."""
        floor, ids = Floor(log), await opened_many(log, 2)
        await floor.operate.skip(ids[1], Actor("ben"), "")
        await floor.operate.claim(ids[1], ANA, floor.hours(5))
        handed = await floor.operate.release(ids[1], ANA, "ben")
        assert (handed.claimed_by, handed.claimed_until) == ("ben", floor.hours(0.5))
        assert await floor.next("ben") == ids[1]
        assert await floor.next("ana") == ids[0]

    async def test_what_the_caller_sent_does_not_come_next(self, log: Store) -> None:
        """Who sent it could not end it; others have it, and a claim of one's own is no reason."""
        floor = Floor(log)
        first = await committed(log, referred(1, user_id="u-1"))
        found = await log.reviews.get(first)
        assert found is not None
        sender = found.review.caller
        assert await floor.next(sender) == ""
        await floor.operate.claim(first, Actor(sender))
        assert await floor.next(sender) == ""
        await floor.operate.release(first, Actor(sender))
        assert await floor.next("ana") == first

    async def test_a_dry_run_leaves_everything_as_it_was(self, log: Store) -> None:
        """It returns the review as it would be, and the result itself is taken afterwards."""
        review_id = await claimed(log, referred(1), "ana")
        before = await log.reviews.get(review_id)
        past = await log.past([_KEY])
        tried = await log.reviews.step(review_id, completed_by("ana"), dry_run=True)
        assert tried is not None
        assert (tried.state, tried.result, tried.completed_by) == ("COMPLETED", APPROVED, "ana")
        assert await log.reviews.get(review_id) == before
        assert await log.past([_KEY]) == past
        assert await log.reviews.step(review_id, completed_by("ana")) == tried
        changed = (await log.past([_KEY]))[_KEY].decisions
        assert {one.outcome for one in changed} == {Outcome.APPROVE}

    async def test_a_dry_run_is_refused_as_the_result_would_be(self, log: Store) -> None:
        """By a cap of the day, and by what was granted to the person meanwhile."""
        first, second = referred(1), referred(2, history=HistoryEntry(((_KEY, 1),), "PHP"))
        ids = [await claimed(log, one, "ana") for one in (first, second)]
        limits = DayLimits(NOON - timedelta(hours=12), (CapLimit("all", amount=1_000_000),))
        with pytest.raises(ReviewRefused, match="the cap `all`"):
            await log.reviews.step(ids[0], completed_by("ana"), limits, dry_run=True)
        await log.reviews.step(ids[0], completed_by("ana"))

        def tried(review: Review, _: object) -> ReviewStep:
            return complete(review, by("ana"), APPROVED, POLICY, dry_run=True)

        with pytest.raises(ReviewRefused, match="have the application decided again"):
            await log.reviews.step(ids[1], tried, dry_run=True)
        found = await log.reviews.get(ids[1])
        assert found is not None
        assert [event.action for event in found.events] == ["OPENED", "CLAIMED"]
