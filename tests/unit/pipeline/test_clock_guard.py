"""When the wall clock is believed: the vendor's dates, steps of it, and the newest record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from decision_service.runtime.clock import ASK_SECONDS, ClockGuard
from tests.fakes.world import NOW, SetClock

HOUR = timedelta(hours=1)
AHEAD = timedelta(days=2)


class Machine:
    """A machine whose wall clock may be wrong by `off`, and a vendor that is right."""

    def __init__(self) -> None:
        self.clock, self.off, self.slept = SetClock(), timedelta(), timedelta()
        self.guard = ClockGuard(self.clock.now, self.clock.monotonic)

    @property
    def real(self) -> datetime:
        """What time it is."""
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


def test_before_any_date_the_newest_record_decides(machine: Machine) -> None:
    """More than five seconds before it is in doubt; a step of the clock cannot be known yet."""
    assert not machine.guard.doubts()
    machine.guard.recorded(NOW)
    machine.guard.recorded(NOW - HOUR)
    for off, doubted in ((-5.0, False), (-5.001, True), (86400.0, False)):
        machine.wrong_by(timedelta(seconds=off))
        assert machine.guard.doubts() is doubted
    assert not machine.guard.agrees


def test_a_clock_that_starts_wrong_is_in_doubt_at_the_first_date(machine: Machine) -> None:
    """Until it is corrected, and one date confirms that."""
    machine.wrong_by(AHEAD)
    assert machine.date()
    machine.guard.recorded(machine.clock.now())
    machine.wrong_by(timedelta())
    assert machine.guard.doubts()
    assert not machine.date()


def test_a_difference_counts_once_two_dates_confirm_it(machine: Machine) -> None:
    """A vendor whose date is wrong once, or drifts by less than a minute, is no reason to refer."""
    machine.date()
    assert not machine.date(AHEAD)
    assert not machine.date()
    assert not machine.date(AHEAD)
    assert machine.date(AHEAD)
    assert machine.guard.doubts()
    assert not machine.date(timedelta(seconds=-59))


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


def test_a_computer_that_slept_needs_two_dates(machine: Machine) -> None:
    """Its wall clock is right and the other stopped: which of the two moved is not known."""
    machine.date()
    machine.sleep(8 * HOUR)
    assert machine.guard.doubts()
    assert machine.guard.wants_answer()
    assert machine.date()
    assert not machine.date()
    assert not machine.guard.wants_answer()


def test_after_a_correction_the_next_date_ends_the_doubt(machine: Machine) -> None:
    """Two days ahead with decisions recorded; a silent vendor later brings no doubt back."""
    machine.date()
    machine.wrong_by(AHEAD)
    for _ in range(3):
        assert machine.date()
        machine.guard.recorded(machine.clock.now())
    machine.wrong_by(timedelta())
    assert machine.guard.doubts()
    assert not machine.date()
    machine.pass_seconds(3600)
    assert not machine.guard.doubts()


def test_a_new_process_believes_the_vendor_above_the_record(machine: Machine) -> None:
    """A record from the future refers until the first date that agrees within five seconds."""
    machine.guard.recorded(NOW + AHEAD)
    assert machine.guard.doubts()
    assert machine.date(timedelta(seconds=6))
    assert not machine.date(timedelta(seconds=5))


def test_an_old_date_does_not_hide_that_the_clock_went_back(machine: Machine) -> None:
    """By less than a minute the step is small; the newest record shows it all the same."""
    machine.date()
    machine.guard.recorded(machine.clock.now())
    machine.wrong_by(timedelta(seconds=-30))
    assert machine.guard.doubts()


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


def test_the_vendor_is_asked_where_nothing_else_was(machine: Machine) -> None:
    """At the start and five minutes after the last answer; at once after a date that is far off."""
    assert machine.guard.wants_answer()
    machine.date()
    machine.pass_seconds(ASK_SECONDS)
    assert not machine.guard.wants_answer()
    machine.pass_seconds(1)
    assert machine.guard.wants_answer()
    machine.date(AHEAD)
    assert machine.guard.wants_answer()
    machine.date()
    assert not machine.guard.wants_answer()


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
