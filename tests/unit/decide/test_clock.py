"""A wall clock that is wrong: when it is believed, and what happens while it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from decision_service.decide.replay import ReadDecisions, ReplayDecision, WhichRules
from decision_service.decide.snapshots import Ages, SnapshotCache
from decision_service.domain.decision import Outcome, OverrideKind, ReferKind
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.runtime.clock import ClockGuard
from decision_service.store.erasure import BATCH, Retention, months_before
from tests.fakes.world import NOW, ScriptedSource, SetClock, World, application
from tests.kits.cases import cases

HOUR = timedelta(hours=1)

AHEAD = timedelta(days=2)

SCENARIOS = cases("clock/doubt")


class Machine:
    """A machine whose wall clock may be wrong by `off`, and a vendor that is right."""

    def __init__(self) -> None:
        self.clock, self.off, self.slept = SetClock(), timedelta(), timedelta()
        self.guard = ClockGuard(self.clock.now, self.clock.monotonic)

    @property
    def real(self) -> datetime:
        return NOW + timedelta(seconds=self.clock.seconds - 1000) + self.slept

    def wrong_by(self, off: timedelta) -> None:
        """Set the wall clock."""
        self.off, self.clock.wall = off, self.real + off

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass on every clock."""
        self.clock.seconds += seconds
        self.wrong_by(self.off)

    def sleep(self, asleep: timedelta) -> None:
        """A lid is closed: the monotonic clock does not count."""
        self.slept += asleep
        self.wrong_by(self.off)

    def date(self, off: timedelta = timedelta()) -> bool:
        """An answer of the vendor, whose date may be wrong; whether the clock is in doubt then."""
        self.guard.answered(self.real + off)
        return self.guard.doubts()


@pytest.fixture
def machine() -> Machine:
    """A machine that has just started and heard nothing."""
    return Machine()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one["name"])
def test_the_clock_is_doubted_as_the_scenario_says(machine: Machine, scenario: dict) -> None:
    """By dates, records, steps and sleep, in any order."""
    guard, clock = machine.guard, machine.clock
    does = {
        "record": lambda off: guard.recorded(clock.now() + off),
        "wall": machine.wrong_by,
        "pass": lambda time: machine.pass_seconds(time.total_seconds()),
        "sleep": machine.sleep,
        "date": machine.date,
    }
    says = {"doubts": guard.doubts, "wants": guard.wants_answer, "agrees": lambda: guard.agrees}
    for number, step in enumerate(scenario["steps"]):
        for what, seconds in step.items():
            if what in does:
                does[what](timedelta(seconds=seconds))
        expected = {what: step[what] for what in says if what in step}
        assert {what: says[what]() for what in expected} == expected, number


@pytest.mark.parametrize("step", [AHEAD, -AHEAD, timedelta(seconds=61), timedelta(seconds=-61)])
def test_a_step_is_known_at_once(machine: Machine, step: timedelta) -> None:
    """Without any answer in between, and whatever the answers of before said."""
    machine.date()
    machine.pass_seconds(10 * 3600)
    assert not machine.guard.doubts()
    machine.wrong_by(step)
    assert machine.guard.doubts()
    assert machine.date()
    machine.wrong_by(timedelta())
    assert machine.guard.doubts() is False or machine.date() is False


def test_a_missing_date_is_an_alarm_only(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers without one, or of a vendor that is down, refer nothing; said once in a silence."""
    machine.date()
    for _ in range(8):
        machine.pass_seconds(300)
        machine.guard.answered(None)
        assert not machine.guard.wants_answer()
        assert not machine.guard.doubts()
    assert capsys.readouterr().out.count("the vendor's answers give no time") == 1
    assert not machine.guard.agrees


Told = Callable[[], str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """What the log said since it was last asked."""
    return lambda: capsys.readouterr().out


def test_clocks_that_are_nearly_apart_give_one_alarm(machine: Machine, told: Told) -> None:
    """The date has whole seconds: a difference of about five moves above and below it."""
    for seconds in (5.6, 4.7, 5.6, 4.7, 3.1, 5.2):
        machine.wrong_by(timedelta(seconds=seconds))
        machine.date()
    assert told().count("clock differs from the vendor's") == 1


@pytest.mark.parametrize("hours", [48, -48])
def test_the_alarm_is_given_as_the_clocks_come_apart(
    machine: Machine, told: Told, hours: int
) -> None:
    """Once, with the seconds, for a clock that was set forward or back; again after they agreed."""
    machine.wrong_by(timedelta(seconds=5))
    machine.date()
    assert "CLOCK" not in told()
    for ahead in (hours * HOUR, hours * HOUR, timedelta(), HOUR):
        machine.wrong_by(ahead)
        machine.guard.answered(machine.real)
    said = told()
    assert said.count("clock differs from the vendor's") == 2
    assert f"ahead_seconds={hours * 3600}" in said


def test_the_doubt_is_said_once(machine: Machine, told: Told) -> None:
    """Not with every decision; the line names the newest record, which was ahead or is right."""
    machine.guard.recorded(NOW)
    for seconds in (60, 50, 0, 60):
        machine.wrong_by(timedelta(seconds=-seconds))
        machine.guard.doubts()
    said = told()
    assert said.count("clock doubtful") == 2
    assert f"newest_decision={NOW.isoformat()}" in said


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
    assert await outcomes(world, AHEAD, AHEAD) == [
        Outcome.REFER,
        Outcome.REFER,
    ]
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


@dataclass
class Old:
    """A store with so many old decisions."""

    left: int
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    forgotten: list[datetime] = field(default_factory=list)

    async def forget_ended(self, now: datetime) -> None:
        self.forgotten.append(now)

    async def expire(self, before: datetime, most: int, *, closed_before: datetime) -> int:
        self.asked.append((before, closed_before))
        taken = min(self.left, most)
        self.left -= taken
        return taken


async def test_everything_that_is_due_goes_in_bounded_batches() -> None:
    """Batch after batch until nothing is left, all by the same instants, 25 and 60 months back."""
    store = Old(2 * BATCH + 1)
    assert (
        await Retention(store.expire, store.forget_ended, SetClock(), 25, 60, lambda: True).once(
            pause=0
        )
        == 2 * BATCH + 1
    )
    assert store.left == 0
    kept = datetime(2024, 10, 24, 4, tzinfo=UTC), datetime(2021, 11, 24, 4, tzinfo=UTC)
    assert store.asked == [kept] * 4


async def test_what_was_lent_is_kept_no_shorter_than_what_was_not() -> None:
    """The longer of two settings counts for decisions with loans."""
    store = Old(1)
    await Retention(store.expire, store.forget_ended, SetClock(), 25, 12, lambda: True).once(0)
    assert {before == closed for before, closed in store.asked} == {True}


async def test_nothing_goes_while_the_clock_is_not_confirmed() -> None:
    """Before any date of the vendor, after a step of years, and while no date comes."""
    store, clock = Old(3), SetClock()
    guard = ClockGuard(clock.now, clock.monotonic)
    retention = Retention(store.expire, store.forget_ended, clock, 25, 60, lambda: guard.agrees)
    assert await retention.once(pause=0) == 0
    guard.answered(clock.now())
    clock.wall += timedelta(days=3650)
    assert await retention.once(pause=0) == 0
    clock.wall -= timedelta(days=3650)
    clock.seconds += 601
    clock.wall += timedelta(seconds=601)
    assert await retention.once(pause=0) == 0
    assert (store.left, store.forgotten) == (3, [])
    guard.answered(clock.now())
    assert await retention.once(pause=0) == 3


async def test_what_is_left_of_disconnected_accounts_goes_in_time() -> None:
    """Every run names the time that it is."""
    store, clock = Old(0), SetClock()
    await Retention(store.expire, store.forget_ended, clock, 25, 60, lambda: True).once(pause=0)
    assert store.forgotten == [clock.now()]


@pytest.mark.parametrize(
    ("months", "expected"),
    [(1, (2026, 2, 28)), (3, (2025, 12, 31)), (13, (2025, 2, 28)), (25, (2024, 2, 29))],
)
def test_months_end_with_their_last_day(months: int, expected: tuple[int, int, int]) -> None:
    """The same day of an earlier month, or its last."""
    found = months_before(datetime(2026, 3, 31, 12, tzinfo=UTC), months)
    assert (found.year, found.month, found.day) == expected
