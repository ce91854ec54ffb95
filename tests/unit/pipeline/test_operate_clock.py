"""Resetting the clock guard after a clock that was ahead, and every way of misusing that."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from decision_service.decide.clock_guard import ClockGuard, OperateClock
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import ClockResetRefused, UpstreamUnavailable
from tests.fakes.world import NOW, World, application

AHEAD = timedelta(days=2)
HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Vendor:
    """A vendor whose clock is right; `silent` answers tell no time, and a `down` one none."""

    world: World
    real: datetime = NOW
    silent: bool = False
    down: bool = False

    def last_drift(self) -> timedelta | None:
        return None if self.silent or self.down else self.world.clock.wall - self.real

    async def clock_drift(self, stop_at: float) -> timedelta | None:
        del stop_at
        if self.down:
            raise UpstreamUnavailable("the vendor is down")
        return self.last_drift()


@dataclass
class Story:
    """One store, its processes, and the operator's tool in the first of them."""

    world: World = field(default_factory=World)
    made: int = 0

    def __post_init__(self) -> None:
        self.vendor = Vendor(self.world)
        self.guard = self.world.last = ClockGuard(self.world.log)
        self.decide = self.world.decide()
        self.operate = OperateClock(self.guard, self.world.log, self.vendor, self.world.clock)

    async def decided(self, at: datetime, decide=None) -> Outcome:
        """The outcome of a new decision while the clock shows this instant."""
        self.world.clock.wall = at
        self.made += 1
        stored = await (decide or self.decide)(
            application(request_id=f"r-{self.made}"), self.world.call()
        )
        return stored.outcome

    async def restarted(self):
        """Deciding in a process that has just started on the store."""
        self.world.last = await ClockGuard.open(self.world.log)
        return self.world.decide()

    async def reset(self) -> None:
        await self.operate.reset("ops", "NTP was two days ahead", 0.0)


@pytest.fixture
def story() -> Story:
    """A new store with one process."""
    return Story()


async def jumped(story: Story) -> None:
    """One decision while the clock is two days ahead, and the clock corrected."""
    assert await story.decided(NOW + AHEAD) is not None
    assert await story.decided(NOW) is Outcome.REFER


async def test_a_reset_ends_the_referrals_in_every_process(story: Story) -> None:
    """In the process that was asked, in one beside it, and in one that is started later."""
    await jumped(story)
    beside = await story.restarted()
    assert await story.decided(NOW, beside) is Outcome.REFER
    await story.reset()
    for decide in (story.decide, beside, await story.restarted()):
        assert await story.decided(NOW + HOUR, decide) is Outcome.APPROVE


async def test_a_clock_that_goes_back_after_a_reset_is_doubted_again(story: Story) -> None:
    """What was recorded since the reset counts, in running processes and in new ones."""
    await jumped(story)
    await story.reset()
    assert await story.decided(NOW + HOUR) is Outcome.APPROVE
    for decide in (story.decide, await story.restarted()):
        assert await story.decided(NOW, decide) is Outcome.REFER


async def test_the_instant_of_a_reset_counts_as_a_decision(story: Story) -> None:
    """A clock that goes back behind the reset is doubted although nothing was decided since."""
    await story.decided(NOW + AHEAD)
    story.world.clock.wall = NOW
    await story.reset()
    for decide in (story.decide, await story.restarted()):
        assert await story.decided(NOW - HOUR, decide) is Outcome.REFER


async def test_what_a_reset_covers_counts_when_it_is_recorded_anew(story: Story) -> None:
    """While real time passes what was covered, a clock that goes back there is doubted."""
    await jumped(story)
    await story.reset()
    assert await story.decided(NOW + AHEAD) is Outcome.APPROVE
    assert await story.decided(NOW + AHEAD - HOUR) is Outcome.REFER


@pytest.mark.parametrize("wrong", [-AHEAD, -HOUR, HOUR, timedelta(seconds=-6)], ids=str)
async def test_a_reset_while_the_clock_is_wrong_is_refused(story: Story, wrong: timedelta) -> None:
    """Behind the vendor's clock or ahead of it: it is to be corrected, and nothing changes."""
    await jumped(story)
    story.world.clock.wall = NOW + wrong
    with pytest.raises(ClockResetRefused, match=r"s (ahead of|behind) the vendor's: correct"):
        await story.reset()
    assert list(await story.world.log.clock_resets()) == []
    assert await story.decided(NOW + wrong) is Outcome.REFER


async def test_a_reset_while_the_clock_is_ahead_does_not_hide_that(story: Story) -> None:
    """It is refused, and the reset after the correction covers what was recorded until then."""
    await story.decided(NOW + AHEAD)
    with pytest.raises(ClockResetRefused, match="172800 s ahead"):
        await story.reset()
    await story.decided(NOW + AHEAD + HOUR)
    assert await story.decided(NOW) is Outcome.REFER
    await story.reset()
    assert await story.decided(NOW) is Outcome.APPROVE
    [reset] = await story.world.log.clock_resets()
    assert (reset.first, reset.last) == (NOW + AHEAD, NOW + AHEAD + HOUR)


async def test_a_reset_needs_the_vendors_clock(story: Story) -> None:
    """Where its answers tell no time, or none come, the guard stays."""
    await jumped(story)
    story.vendor.silent = True
    with pytest.raises(ClockResetRefused, match="holds no time"):
        await story.reset()
    story.vendor.down = True
    with pytest.raises(UpstreamUnavailable):
        await story.reset()
    assert (await story.operate.show()).drift is None
    assert await story.decided(NOW) is Outcome.REFER


async def test_there_is_nothing_to_reset_where_the_clock_is_believed(story: Story) -> None:
    """Neither before anything was decided nor afterwards, nor a second time."""
    for at in (NOW, NOW + timedelta(seconds=1)):
        with pytest.raises(ClockResetRefused, match="nothing to reset"):
            await story.reset()
        await story.decided(at)
    story.vendor.real = story.world.clock.wall
    await jumped(story)
    story.vendor.real = NOW
    await story.reset()
    with pytest.raises(ClockResetRefused, match="nothing to reset"):
        await story.reset()


async def test_of_two_operators_one_resets(story: Story) -> None:
    """The other is told to look again, and the journal holds one reset with its reason."""
    await jumped(story)
    done = await asyncio.gather(story.reset(), story.reset(), return_exceptions=True)
    assert sorted(type(one) for one in done if one) == [ClockResetRefused]
    [reset] = (await story.operate.show()).resets
    assert (reset.who, reset.why, reset.at) == ("ops", "NTP was two days ahead", NOW)


async def test_a_process_that_still_jumps_is_not_covered(story: Story) -> None:
    """What is recorded ahead after a reset makes the clock doubtful again, until another reset."""
    await jumped(story)
    await story.reset()
    await story.decided(NOW + 2 * AHEAD)
    assert await story.decided(NOW) is Outcome.REFER
    await story.reset()
    assert await story.decided(NOW) is Outcome.APPROVE
    assert await story.decided(NOW, await story.restarted()) is Outcome.APPROVE
