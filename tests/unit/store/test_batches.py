"""Answering many callers by one piece of work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from decision_service.domain.errors import StoreError, StoreUnavailable
from decision_service.store.batches import Batches
from decision_service.store.errors import EntryRefused

LONG = 3600.0


class Work:
    """Doubles numbers, when the test lets it; refuses `bad`, fails while `failing`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()
        self.bad: set[int] = set()
        self.failing: Exception | None = None

    async def double(self, numbers: Sequence[int]) -> Sequence[int | StoreError]:
        self.batches.append(list(numbers))
        self.started.set()
        await self.go.wait()
        if self.failing:
            raise self.failing
        if self.bad.intersection(numbers):
            raise EntryRefused("bad")
        return [2 * number for number in numbers]


def ask_all(batches: Batches[int, int], numbers: Sequence[int]) -> list[asyncio.Task[int]]:
    """A task per number, all asking at once."""
    return [asyncio.create_task(batches.submit(number)) for number in numbers]


async def served_together(work: Work, size: int, *, linger: float) -> Batches[int, int]:
    """Batches in which so many callers were served together lately."""
    batches = Batches(work.double, most=100, linger=linger)
    await asyncio.gather(*ask_all(batches, range(size)))
    return batches


async def test_callers_who_come_together_are_answered_together() -> None:
    """Forty callers at once cost one piece of work, and each gets its own answer."""
    work = Work()
    batches = Batches(work.double, most=100)
    assert await asyncio.gather(*ask_all(batches, range(40))) == [2 * n for n in range(40)]
    assert work.batches == [list(range(40))]


async def test_a_batch_has_an_upper_bound() -> None:
    """Callers beyond the bound come in the next batches, in the order they asked."""
    work = Work()
    batches = Batches(work.double, most=3)
    await asyncio.gather(*ask_all(batches, range(8)))
    assert work.batches == [[0, 1, 2], [3, 4, 5], [6, 7]]


async def test_batches_never_overlap() -> None:
    """Whoever comes while a batch runs waits for the next."""
    work = Work()
    work.go.clear()
    batches = Batches(work.double, most=100)
    first = ask_all(batches, [1])
    await work.started.wait()
    later = ask_all(batches, [2, 3])
    await asyncio.sleep(0)
    assert work.batches == [[1]]
    work.go.set()
    assert await asyncio.gather(*first, *later) == [2, 4, 6]
    assert work.batches == [[1], [2, 3]]


async def test_a_lone_caller_does_not_wait_for_company() -> None:
    """However long the linger, callers who come one at a time are served at once."""
    work = Work()
    batches = Batches(work.double, most=100, linger=LONG)
    for number in range(3):
        assert await batches.submit(number) == 2 * number


async def test_callers_served_together_stay_together() -> None:
    """Of three who were served together two wait for the third, however long the linger."""
    work = Work()
    batches = await served_together(work, 3, linger=LONG)
    two = ask_all(batches, [1, 2])
    for _ in range(5):
        await asyncio.sleep(0)
    assert work.batches == [[0, 1, 2]]
    third = ask_all(batches, [3])
    assert await asyncio.gather(*two, *third) == [2, 4, 6]
    assert work.batches == [[0, 1, 2], [1, 2, 3]]


async def test_callers_served_together_can_be_split() -> None:
    """With two turns, half of those who came together begin while the other half is awaited."""
    work = Work()
    batches = Batches(work.double, most=100, linger=LONG, split=2)
    await asyncio.gather(*ask_all(batches, range(5)))
    async with asyncio.timeout(10):
        await asyncio.gather(*ask_all(batches, range(3)))
    assert work.batches == [[0, 1, 2, 3, 4], [0, 1, 2]]


async def test_the_linger_ends() -> None:
    """Who waits for company that does not come is served after the linger."""
    work = Work()
    batches = await served_together(work, 3, linger=0.001)
    assert await asyncio.gather(*ask_all(batches, [1, 2])) == [2, 4]
    assert work.batches == [[0, 1, 2], [1, 2]]


async def test_a_failure_reaches_every_caller_and_the_next_batch_runs() -> None:
    """All callers of a failed batch get an error of their own; later callers are answered."""
    work = Work()
    work.failing = StoreUnavailable("full", retry_after=1.0)
    batches = Batches(work.double, most=100)
    errors = await asyncio.gather(*ask_all(batches, [1, 2]), return_exceptions=True)
    assert [(type(error), str(error)) for error in errors] == [(StoreUnavailable, "full")] * 2
    assert errors[0] is not errors[1]
    assert all(error.retry_after == 1.0 for error in errors)
    work.failing = None
    assert await batches.submit(3) == 6


async def test_an_unforeseen_error_does_not_stop_the_batches() -> None:
    """A bug in the work is raised to its callers and the next callers are served."""
    work = Work()
    work.failing = ZeroDivisionError()
    batches = Batches(work.double, most=100)
    with pytest.raises(ZeroDivisionError):
        await batches.submit(1)
    work.failing = None
    assert await batches.submit(2) == 4


async def test_callers_of_a_stopped_batch_are_told_to_ask_again() -> None:
    async def stopped(_: Sequence[int]) -> Sequence[int]:
        raise asyncio.CancelledError

    batches = Batches(stopped, most=100)
    with pytest.raises(StoreUnavailable, match="was stopped: ask again"):
        await asyncio.wait_for(batches.submit(1), 5)


async def test_all_callers_leaving_does_not_stop_the_work() -> None:
    """A batch whose callers all left runs to its end, and closing waits for it."""
    work = Work()
    work.go.clear()
    batches = Batches(work.double, most=100)
    (caller,) = ask_all(batches, [1])
    await work.started.wait()
    caller.cancel()
    closing = asyncio.create_task(batches.aclose())
    await asyncio.sleep(0)
    assert not closing.done()
    work.go.set()
    await closing


async def test_the_queue_is_bounded() -> None:
    """One caller too many is refused at once and disturbs nobody."""
    work = Work()
    work.go.clear()
    batches = Batches(work.double, most=100, waiting=2)
    served = ask_all(batches, [0])
    await work.started.wait()
    callers = ask_all(batches, [1, 2])
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="too many"):
        await batches.submit(3)
    work.go.set()
    assert await asyncio.gather(*served, *callers) == [0, 2, 4]
