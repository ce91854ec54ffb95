"""A bounded amount of work, and a bounded queue for it."""

import asyncio

import pytest

from decision_service.decide.flow import Bulkhead
from decision_service.domain.errors import Overloaded


class Workers:
    """Pieces of work that hold their place until they are let go."""

    def __init__(self, bulkhead: Bulkhead) -> None:
        self.bulkhead = bulkhead
        self.began: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.go = asyncio.Event()

    async def start(self, count: int) -> None:
        for number in range(len(self.tasks), len(self.tasks) + count):
            self.tasks.append(asyncio.create_task(self._work(number)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _work(self, number: int) -> None:
        async with self.bulkhead:
            self.began.append(number)
            await self.go.wait()


async def test_work_beyond_the_limit_waits_in_order() -> None:
    """Two work, four wait, and they get their places first come, first served."""
    workers = Workers(Bulkhead(2))
    await workers.start(6)
    assert (workers.began, workers.bulkhead.working, workers.bulkhead.waiting) == ([0, 1], 2, 4)
    workers.go.set()
    await asyncio.gather(*workers.tasks)
    assert workers.began == [0, 1, 2, 3, 4, 5]
    assert (workers.bulkhead.working, workers.bulkhead.waiting) == (0, 0)


async def test_more_than_twice_the_limit_does_not_wait() -> None:
    """The seventh of two places is refused at once, and counted; later there is room again."""
    workers = Workers(Bulkhead(2))
    await workers.start(6)
    with pytest.raises(Overloaded):
        await workers.bulkhead.__aenter__()
    assert workers.bulkhead.refused == 1
    workers.go.set()
    await asyncio.gather(*workers.tasks)
    async with workers.bulkhead:
        assert workers.bulkhead.working == 1


async def test_who_gives_up_waiting_leaves_the_queue() -> None:
    """A cancelled waiter takes no place from those behind it."""
    workers = Workers(Bulkhead(1))
    await workers.start(3)
    workers.tasks[1].cancel()
    await asyncio.sleep(0)
    assert workers.bulkhead.waiting == 1
    workers.go.set()
    await asyncio.gather(*workers.tasks, return_exceptions=True)
    assert workers.began == [0, 2]


async def test_who_gives_up_as_a_place_is_free_is_passed_over() -> None:
    """A waiter that is cancelled in the turn in which a place is given up ends as cancelled."""
    workers = Workers(Bulkhead(1))
    await workers.start(3)
    for task in workers.tasks[:2]:
        task.cancel()
    workers.go.set()
    ends = await asyncio.gather(*workers.tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 2 + [type(None)]
    assert workers.began == [0, 2]


async def test_a_shedding_bulkhead_takes_nothing_new() -> None:
    """What is in progress goes on; new work is refused even where places are free."""
    bulkhead = Bulkhead(2)
    async with bulkhead:
        bulkhead.shedding = True
        with pytest.raises(Overloaded):
            await bulkhead.__aenter__()
    bulkhead.shedding = False
    async with bulkhead:
        assert bulkhead.working == 1
