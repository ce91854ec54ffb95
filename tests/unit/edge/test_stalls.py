"""Replies that nobody reads end their calls."""

import asyncio

from decision_service.edge.rpc.layers import STALL_SECONDS
from decision_service.edge.rpc.stalls import StallWatch


class Call:
    """A call's context: it remembers whom to tell when it has ended."""

    def add_done_callback(self, callback: object) -> None:
        self.done = callback


async def test_a_reply_that_does_not_arrive_in_ten_seconds_ends_its_call() -> None:
    """One that has arrived, and one that is young, are left alone."""
    now = 0.0
    watch = StallWatch(lambda: now)

    async def reply(call: Call) -> None:
        watch.leaving(call)
        await asyncio.Event().wait()

    calls = [Call(), Call(), Call()]
    tasks = []
    for call in calls:
        tasks.append(asyncio.create_task(reply(call)))
        await asyncio.sleep(0)
        now += 1.0
    calls[0].done(calls[0])
    now = STALL_SECONDS + 1.0
    watch.look()
    await asyncio.sleep(0)
    assert [task.cancelled() for task in tasks] == [False, True, False]
    assert watch.ended == 1
    for task in tasks:
        task.cancel()
