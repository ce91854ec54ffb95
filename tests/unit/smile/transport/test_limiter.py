"""The request limiter."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.smile.errors import NoPermit
from decision_service.smile.limits import RateLimiter
from tests.fakes.examples import examples
from tests.unit.smile.virtual import VirtualClock, run

FAR = 1e9


def most_in_a_second(times):
    """The most times within any sliding second."""
    return max(sum(1 for other in times if at <= other < at + 1.0) for at in times)


async def sent_times(limiter, count, send_delay=0.0, spacing=0.0):
    """When so many requests left, asked for at a spacing and leaving with a delay."""
    loop = asyncio.get_running_loop()
    times = []

    async def one():
        permit = await limiter.acquire(FAR)
        await asyncio.sleep(send_delay)
        times.append(loop.time())
        permit.sent()

    jobs = []
    for _ in range(count):
        jobs.append(asyncio.create_task(one()))
        await asyncio.sleep(spacing)
    await asyncio.gather(*jobs)
    return times


@given(
    per_second=st.integers(1, 20),
    count=st.integers(1, 70),
    send_delay=st.floats(0, 0.6),
    spacing=st.floats(0, 0.2),
)
@settings(max_examples=examples(60), deadline=None)
def test_no_sliding_second_holds_more_than_the_limit(per_second, count, send_delay, spacing):
    """However requests arrive and however long they take to leave, no second has more than N."""

    async def main():
        limiter = RateLimiter(VirtualClock(), per_second)
        return await sent_times(limiter, count, send_delay, spacing)

    times = run(main())
    assert len(times) == count
    assert most_in_a_second(times) <= per_second


async def test_an_idle_limiter_lets_a_whole_second_through_at_once():
    """The first N requests do not wait, and the next waits 1.05 seconds."""
    times = await sent_times(RateLimiter(VirtualClock(), 20), 21)
    assert times[19] == pytest.approx(times[0], abs=1e-6)
    assert times[20] - times[0] == pytest.approx(1.05, abs=1e-6)


async def test_turns_are_given_first_come_first_served():
    """Waiting requests get their turns in the order in which they asked."""
    limiter, order = RateLimiter(VirtualClock(), 2), []

    async def one(name):
        (await limiter.acquire(FAR)).sent()
        order.append(name)

    await asyncio.gather(*(one(name) for name in range(7)))
    assert order == list(range(7))


async def test_a_pause_holds_every_turn_back():
    """After a pause nobody gets a turn until it is over, those who wait already included."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    began = clock.monotonic()
    (await limiter.acquire(FAR)).sent()
    waiting = asyncio.create_task(limiter.acquire(FAR))
    await asyncio.sleep(0.5)
    limiter.pause(3.0)
    limiter.pause(1.0)
    await waiting
    assert clock.monotonic() - began == pytest.approx(3.5, abs=1e-6)


async def test_a_turn_after_the_deadline_is_refused_at_once():
    """A request whose turn cannot come before its deadline is refused without waiting."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    (await limiter.acquire(FAR)).sent()
    began = clock.monotonic()
    with pytest.raises(NoPermit) as refused:
        await limiter.acquire(began + 1.0)
    assert clock.monotonic() == pytest.approx(began, abs=1e-6)
    assert refused.value.retry_after == pytest.approx(1.05)


async def test_the_queue_ahead_counts():
    """A request behind others that wait is refused when their turns use up its time."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    (await limiter.acquire(FAR)).sent()
    ahead = [asyncio.create_task(limiter.acquire(FAR)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(NoPermit):
        await limiter.acquire(clock.monotonic() + 3.0)
    for task in ahead:
        task.cancel()
    await asyncio.gather(*ahead, return_exceptions=True)
    (await limiter.acquire(clock.monotonic() + 3.0)).sent()


async def test_a_pause_that_comes_while_waiting_ends_the_wait_at_the_deadline():
    """A waiting request gives up by its deadline when a pause moves its turn behind it."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    (await limiter.acquire(FAR)).sent()
    stop_at = clock.monotonic() + 2.0
    waiting = asyncio.create_task(limiter.acquire(stop_at))
    await asyncio.sleep(0.1)
    limiter.pause(60.0)
    with pytest.raises(NoPermit):
        await waiting
    assert clock.monotonic() <= stop_at + 1e-6


async def test_a_cancelled_wait_takes_no_turn():
    """A request that is given up while it waits leaves its turn to the next."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    (await limiter.acquire(FAR)).sent()
    began = clock.monotonic()
    given_up = asyncio.create_task(limiter.acquire(FAR))
    await asyncio.sleep(0.5)
    given_up.cancel()
    (await limiter.acquire(FAR)).sent()
    assert clock.monotonic() - began == pytest.approx(1.05, abs=1e-6)


async def test_what_is_promised_is_not_promised_again():
    """Behind promised turns there is room for others only once these are given up."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 2)
    first = limiter.reserve(4, clock.monotonic() + 1.45)
    with pytest.raises(NoPermit):
        limiter.reserve(1, clock.monotonic() + 1.45)
    first.release()
    assert limiter.reserve(1, clock.monotonic() + 1.45).left == 1


async def test_a_claimed_turn_counts_once():
    """A turn that was promised and taken is behind nobody twice."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 4)
    reservation = limiter.reserve(3, clock.monotonic() + 0.5)
    reservation.take()
    (await limiter.acquire(FAR)).sent()
    assert limiter.reserve(1, clock.monotonic() + 0.5).left == 1
    with pytest.raises(NoPermit):
        limiter.reserve(1, clock.monotonic() + 0.5)
