"""The meter and the request limit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.standin.server import SlidingLimit
from tests.fakes.examples import examples
from tests.unit.simulator.stand import GEORGE, open_stand

GAPS = st.lists(st.integers(0, 700).map(lambda thousandths: thousandths / 1000), max_size=80)


def moments(gaps: list[float]) -> list[float]:
    """Moments with these gaps between them."""
    found, now = [], 5.0
    for gap in gaps:
        now += gap
        found.append(now)
    return found


@settings(max_examples=examples(150), deadline=None)
@given(gaps=GAPS, limit=st.integers(1, 10))
def test_no_second_has_more_than_the_limit(gaps: list[float], limit: int) -> None:
    """Whatever arrives when, no second holds more allowed requests than the limit."""
    sliding = SlidingLimit(limit)
    allowed = [at for at in moments(gaps) if sliding.allows(at)]
    assert all(sum(a <= b < a + 0.999 for b in allowed) <= limit for a in allowed)


async def test_the_limit_spans_all_endpoints_and_the_meter_sees_all() -> None:
    """The limit counts every endpoint together; refused requests are metered too."""
    times = iter((1.0, 1.2, 1.4, 1.6, 1.8, 1.99, 2.0, 2.1))
    async with open_stand(requests_per_second=4, seconds=lambda: next(times)) as stand:
        paths = [
            "/providers",
            "/users",
            "/accounts",
            f"/users/{GEORGE.user_id}",
            "/nothing",
            "/x",
            "/users",
            "/users",
        ]
        statuses = [(await stand.get(path)).status_code for path in paths]
        meter = stand.app.meter
    assert statuses == [200, 200, 200, 200, 429, 429, 200, 429]
    assert (meter.total, meter.peak()) == (8, 7)
    assert [call.status for call in meter.calls] == statuses
    assert meter.by_path()["/users/{id}"] == 1
    assert meter.times == [1.0, 1.2, 1.4, 1.6, 1.8, 1.99, 2.0, 2.1]
