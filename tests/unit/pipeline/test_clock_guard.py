"""When the wall clock is believed: the vendor's dates, steps of it, and the newest record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from decision_service.runtime.clock import ClockGuard
from tests.fakes.world import NOW, SetClock
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
