"""A wall clock that goes back: evidence whose age nobody can tell decides nothing."""

from datetime import timedelta

import pytest

from decision_service.decide.clock_guard import ClockGuard
from decision_service.decide.decide import DecideApplication
from decision_service.decide.replay import ReadDecisions, ReplayDecision, WhichRules
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from tests.fakes.world import NOW, World, application


async def outcomes(world: World, decide: DecideApplication, *backs: float) -> list[Outcome]:
    """The outcomes of one decision after another, each with the clock so many seconds back."""
    found = []
    for number, seconds in enumerate(backs):
        world.clock.wall = NOW - timedelta(seconds=seconds)
        stored = await decide(application(request_id=f"r-{number}"), world.call())
        found.append(stored.outcome)
    return found


async def test_a_clock_far_behind_the_last_record_refers() -> None:
    """More than five seconds back is REFER; exactly five, and the time it was before, decide."""
    world = World()
    found = await outcomes(world, world.decide(), 0, 5, 5.001, 3600, 0)
    assert found == [
        Outcome.APPROVE,
        Outcome.APPROVE,
        Outcome.REFER,
        Outcome.REFER,
        Outcome.APPROVE,
    ]


async def test_the_last_record_of_an_earlier_process_counts() -> None:
    """A clock set back while the service was down is noticed by what the store holds."""
    world = World()
    world.last = ClockGuard(newest=NOW + timedelta(hours=1))
    assert await outcomes(world, world.decide(), 0) == [Outcome.REFER]


async def test_such_a_decision_replays_to_itself() -> None:
    """The doubt is recorded: without it the replay would approve."""
    world = World()
    world.last = ClockGuard(newest=NOW + timedelta(hours=1))
    stored = await world.decide()(application(), world.call())
    archive = RulesetArchive(world.log, lambda: world.book, CompilationThread())
    reading = ReadDecisions(world.log, archive)
    replay = ReplayDecision(world.log, reading, archive, lambda: world.book)
    replayed = await replay(stored.decision_id, WhichRules())
    verdict = replayed.decision.verdict
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)


async def test_the_newest_record_is_the_measure() -> None:
    """An older record noted later does not make the clock believable again."""
    last = ClockGuard()
    assert not await last.doubts(NOW)
    last.note(NOW)
    last.note(NOW - timedelta(hours=1))
    assert await last.doubts(NOW - timedelta(minutes=1))


async def test_the_alarm_is_given_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The log says so when the clock goes back, not with every decision, and names the newest."""
    last = ClockGuard(newest=NOW)
    for seconds in (60, 50, 0, 60):
        await last.doubts(NOW - timedelta(seconds=seconds))
    told = capsys.readouterr().out
    assert told.count("clock went back") == 2
    assert f"newest_decision={NOW.isoformat()}" in told
    assert "behind_seconds=60" in told
