"""How far this machine's clock is from the vendor's."""

from datetime import UTC, datetime, timedelta

import pytest

from decision_service.smile.client import VendorTime
from tests.fakes.world import SetClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DATE = "Tue, 24 Nov 2026 12:00:00 GMT"


def test_the_drift_is_that_of_the_last_answer() -> None:
    """It follows each date; an answer without one, or with anything else, tells nothing."""
    clock = SetClock(wall=NOON + timedelta(seconds=3))
    time = VendorTime(clock)
    for header, drift in ((None, None), (DATE, timedelta(seconds=3)), ("soon", None)):
        time.note(header)
        assert time.drift == drift
    time.note("Tue, 24 Nov 2026 12:00:00 " + "x" * 100)
    assert time.drift is None


def test_clocks_that_are_nearly_apart_give_one_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    """The date has whole seconds: a difference of about five moves above and below it."""
    clock = SetClock()
    time = VendorTime(clock)
    for seconds in (5.6, 4.7, 5.6, 4.7, 3.1, 5.2):
        clock.wall = NOON + timedelta(seconds=seconds)
        time.note(DATE)
    assert capsys.readouterr().out.count("clock differs from the vendor's") == 1


@pytest.mark.parametrize("hours", [48, -48])
def test_the_alarm_is_given_as_the_clocks_come_apart(
    hours: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, with the seconds, for a clock that jumped forward or back; again after they agreed."""
    clock = SetClock(wall=NOON + timedelta(seconds=5))
    time = VendorTime(clock)
    time.note(DATE)
    assert "CLOCK" not in capsys.readouterr().out
    for ahead in (timedelta(hours=hours), timedelta(hours=hours), timedelta(), timedelta(hours=1)):
        clock.wall = NOON + ahead
        time.note(DATE)
    told = capsys.readouterr().out
    assert told.count("clock differs from the vendor's") == 2
    assert f"ahead_seconds={hours * 3600}" in told
