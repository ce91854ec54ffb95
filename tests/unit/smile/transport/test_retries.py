"""How often and how soon requests are sent again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.smile.limits import (
    RetryBudget,
    SmileLimits,
    backoff,
    pause,
    retry_after,
)
from tests.unit.smile.virtual import NOW

LIMITS = SmileLimits()


@given(st.lists(st.booleans(), max_size=400))
def test_retries_stay_within_a_tenth_of_first_tries_and_ten(wants_retry):
    """Whatever the order of tries and retries, retries are at most 10 + 10 % of first tries."""
    budget, first, retries = RetryBudget(LIMITS), 0, 0
    for wants in wants_retry:
        if wants:
            retries += budget.take()
        else:
            budget.first_try()
            first += 1
    assert retries <= 10 + 0.1 * first + 1e-6


def test_backoff_doubles_up_to_a_bound():
    """A wait lies between nothing and a bound that doubles up to two seconds, and varies."""
    for retry, longest in enumerate([0.2, 0.4, 0.8, 1.6, 2.0, 2.0]):
        waits = {backoff(retry, LIMITS) for _ in range(50)}
        assert all(0.0 <= wait <= longest for wait in waits)
        assert max(waits) > longest / 2


def test_a_pause_begins_at_one_second_and_is_capped_at_a_minute():
    """Without a usable Retry-After all requests rest 1, then 2 seconds; a day counts a minute."""
    assert [pause(None, retry, LIMITS) for retry in (0, 1)] == [1.0, 2.0]
    assert pause(86_400.0, 0, LIMITS) == 60.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 1.0),
        (" 30 ", 30.0),
        ("86400", 86_400.0),
        ("Tue, 24 Nov 2026 04:00:10 GMT", 10.0),
        ("Tue, 24 Nov 2026 04:00:10 -0000", 10.0),
        ("Tue, 24 Nov 2026 03:00:00 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("9" * 5000, None),
        ("Tue, 99 Nov 2026 04:00:10 GMT", None),
        ("٣", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header, seconds):
    """Whole seconds and future HTTP dates count; anything else is as if nothing was said."""
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=80))
def test_no_retry_after_raises(header):
    """Any text at all gives seconds above or at zero, or None."""
    found = retry_after(header, NOW)
    assert found is None or found >= 0
