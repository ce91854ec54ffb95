"""How long data that is not whole is read again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from decision_service.decide.snapshots import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PATIENCE,
    is_over,
    next_reading,
)
from tests.kits.decision_entries import NOON

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("waited", "pause"),
    [
        (timedelta(0), FIRST_PAUSE),
        (FIRST_PAUSE + SECOND, FIRST_PAUSE + SECOND),
        (timedelta(minutes=8), timedelta(minutes=8)),
        (PATIENCE, LONGEST_PAUSE),
        (timedelta(days=-2), FIRST_PAUSE),
    ],
)
def test_a_pause_is_as_long_as_the_wait_so_far(waited: timedelta, pause: timedelta) -> None:
    """At least half a minute and at most half an hour, whatever the clock says."""
    assert next_reading(NOON - waited, NOON) == NOON + pause


@pytest.mark.parametrize(
    ("waited", "over"),
    [
        (timedelta(0), False),
        (PATIENCE - SECOND, False),
        (PATIENCE, True),
        (timedelta(seconds=-5), False),
        (timedelta(days=-2), True),
    ],
)
def test_patience_ends(waited: timedelta, over: bool) -> None:
    """After four hours, and where a clock that was two days ahead set its beginning."""
    assert is_over(NOON - waited, NOON) is over
