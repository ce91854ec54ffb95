"""Latencies counted under bounds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.rollout.judge import BOUNDS_MS, quantile
from decision_service.steering.counters import bound_of
from tests.fakes.examples import examples


@pytest.mark.parametrize(
    ("ms", "bound"), [(0.0, 5), (5.0, 5), (5.1, 10), (1500.0, 1500), (9e9, 3_600_000)]
)
def test_a_latency_is_counted_under_the_next_bound(ms, bound):
    """Bounds are inclusive, and what exceeds all of them is counted under the last."""
    assert bound_of(ms) == bound


def test_nothing_counted_has_no_latency():
    """Without any count the quantile is 0."""
    assert quantile({}, 0.99) == 0.0


@settings(deadline=None, max_examples=examples(200))
@given(st.lists(st.floats(0.1, 3_000_000), min_size=1, max_size=300), st.sampled_from(BOUNDS_MS))
def test_a_ceiling_at_a_bound_is_judged_exactly(latencies, ceiling):
    """The p99 lies above a bound exactly when more than a hundredth of the latencies do."""
    histogram: dict[int, int] = {}
    for ms in latencies:
        histogram[bound_of(ms)] = histogram.get(bound_of(ms), 0) + 1
    above = sum(ms > ceiling for ms in latencies)
    if abs(above - 0.01 * len(latencies)) > 1e-6:
        assert (quantile(histogram, 0.99) > ceiling) == (above > 0.01 * len(latencies))


def test_between_bounds_it_is_read_off_evenly():
    """Half way through the counts of a bound lies half way between it and the one below."""
    assert quantile({100: 50, 150: 50}, 0.75) == pytest.approx(125)
    assert quantile({100: 100}, 1.0) == 100
