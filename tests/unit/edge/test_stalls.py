"""Replies that nobody reads end their calls."""

import asyncio

from decision_service.edge.rpc import stalls
from decision_service.edge.rpc.layers import STALL_SECONDS
from decision_service.edge.rpc.stalls import StallWatch


async def _leave(watch: StallWatch, read: asyncio.Event) -> None:
    """A call whose reply leaves, and arrives when it is read."""
    watch.leaving()
    await read.wait()


async def test_a_reply_that_does_not_arrive_in_ten_seconds_ends_its_call() -> None:
    """One that has arrived, and one that is young, are left alone."""
    now = 0.0
    watch = StallWatch(lambda: now)
    reads = [asyncio.Event() for _ in range(3)]
    tasks = []
    for read in reads:
        tasks.append(asyncio.create_task(_leave(watch, read)))
        await asyncio.sleep(0)
        now += 1.0
    reads[0].set()
    await tasks[0]
    now = STALL_SECONDS + 1.0
    watch.look()
    await asyncio.sleep(0)
    assert [task.cancelled() for task in tasks] == [False, True, False]
    assert (watch.ended, watch.under_way) == (1, 1)
    tasks[2].cancel()


async def test_replies_that_have_arrived_are_not_kept() -> None:
    """However many leave between two looks, only those under way and a few more are remembered."""
    watch, read = StallWatch(lambda: 0.0), asyncio.Event()
    read.set()
    for _ in range(4 * stalls.FEW):
        await asyncio.create_task(_leave(watch, read))
        assert watch.remembered <= stalls.FEW + 1
    assert watch.under_way == 0
