"""A wall clock that is wrong: what nobody can tell the age of is referred, and by no rule."""

from __future__ import annotations

from datetime import timedelta

import pytest

from decision_service.decide.replay import ReadDecisions, ReplayDecision, WhichRules
from decision_service.decide.snapshots import Ages, SnapshotCache
from decision_service.domain.decision import Outcome, OverrideKind, ReferKind
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.runtime.clock import ClockGuard
from tests.fakes.world import NOW, ScriptedSource, World, application

AHEAD = timedelta(seconds=172_800)


def guarded(world: World) -> ClockGuard:
    """The guard of a process on the world that has just started."""
    world.last = ClockGuard(world.clock.now, world.clock.monotonic)
    return world.last


async def outcomes(world: World, *ahead: timedelta) -> list[Outcome]:
    """The outcomes of one decision after another, each with the clock so far ahead."""
    found, decide = [], world.decide()
    for off in ahead:
        world.clock.wall = NOW + off
        request_id = world.ids.request_id()
        found.append((await decide(application(request_id=request_id), world.call())).outcome)
    return found


@pytest.mark.parametrize("warm", [False, True])
async def test_a_clock_that_was_set_ahead_approves_nothing(warm: bool) -> None:
    """Two days ahead of the vendor's, whatever is warm, and before the vendor answers anything."""
    world = World()
    world.warm = SnapshotCache(world.log, Ages(timedelta(days=9), timedelta(days=9)))
    world.warm = world.warm if warm else None
    guarded(world).answered(NOW)
    asked = world.source
    assert isinstance(asked, ScriptedSource)
    assert await outcomes(world, timedelta()) == [Outcome.APPROVE]
    before = asked.asked
    assert await outcomes(world, AHEAD, AHEAD) == [Outcome.REFER, Outcome.REFER]
    assert (asked.asked == before) is warm


async def test_a_date_that_comes_while_the_vendor_is_read_counts() -> None:
    """Of a process that starts with a wrong clock the first decision is referred."""
    world = World()
    world.clock.wall = NOW + AHEAD
    guard = guarded(world)

    class Dated(ScriptedSource):
        """A vendor whose answers have its time."""

        async def gather(self, *args, **more):
            guard.answered(NOW)
            return await ScriptedSource.gather(self, *args, **more)

    world.source = Dated()
    assert await outcomes(world, AHEAD) == [Outcome.REFER]


async def test_such_a_decision_says_so_and_replays_to_itself() -> None:
    """The doubt is recorded, with what the rules concluded, and nothing is asked of the person."""
    world = World()
    guarded(world).recorded(NOW + timedelta(hours=1))
    stored = await world.decide()(application(), world.call())
    archive = RulesetArchive(world.log, lambda: world.book, CompilationThread())
    reading = ReadDecisions(world.log, archive)
    replay = ReplayDecision(world.log, reading, archive, lambda: world.book)
    decision = (await replay(stored.decision_id, WhichRules())).decision
    verdict, override = decision.verdict, decision.override
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.POLICY)
    assert [reason.code for reason in verdict.reasons] == ["CLOCK_DOUBTFUL"]
    assert (verdict.offer, verdict.data_requests) == (None, ())
    assert override is not None
    assert (override.kind, override.verdict.outcome) == (
        OverrideKind.CLOCK_DOUBTFUL,
        Outcome.APPROVE,
    )


async def test_what_is_read_by_such_a_clock_is_not_kept_warm() -> None:
    """Its date would make it look fresh later."""
    world = World()
    world.warm = SnapshotCache(world.log, Ages())
    guarded(world).recorded(NOW + timedelta(hours=1))
    assert await outcomes(world, timedelta()) == [Outcome.REFER]
    assert (await world.log.user_state("u-1")).warm is None
