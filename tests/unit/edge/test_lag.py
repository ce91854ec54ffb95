"""A loop that is late for long takes no new work."""

from decision_service.app.wiring import LATE, LATE_FOR, LOOK_SECONDS, LagWatch
from decision_service.decide.flow import Bulkhead


def test_lateness_for_five_seconds_closes_the_room_until_the_loop_is_in_time() -> None:
    """A stall of half a second is shown, five seconds of them shed, one look in time ends it."""
    bulkhead, shown = Bulkhead(1), []
    watch = LagWatch(bulkhead, lambda: 0.0, shown.append)
    now = 0.0
    while now < LATE_FOR - 1:
        watch.woke(now, now := now + LOOK_SECONDS + 0.5)
        assert not bulkhead.shedding
    watch.woke(now, now := now + LOOK_SECONDS + 0.5)
    watch.woke(now, now := now + LOOK_SECONDS + 0.5)
    assert bulkhead.shedding
    assert set(shown) == {0.5}
    watch.woke(now, now + LOOK_SECONDS + LATE)
    assert not bulkhead.shedding


def test_late_now_and_then_is_not_late_for_long() -> None:
    """One look in time begins the count anew."""
    bulkhead = Bulkhead(1)
    watch = LagWatch(bulkhead, lambda: 0.0, lambda _: None)
    for start in range(10):
        watch.woke(start, start + 0.75)
        watch.woke(start + 0.75, start + 1.0)
    assert not bulkhead.shedding
