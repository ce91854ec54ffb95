"""Background tasks come back, whatever ended them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from decision_service.runtime.tasks import Supervisor


class Work:
    """A task that says when it runs, and ends as it is told to."""

    def __init__(self) -> None:
        self.runs: asyncio.Queue[asyncio.Task[None]] = asyncio.Queue()
        self.end: Callable[[], Awaitable[None]] = asyncio.Event().wait

    async def run(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.runs.put_nowait(task)
        await self.end()


async def no_rest(_: float) -> None:
    """Let others run."""
    await asyncio.sleep(0)


async def fail() -> None:
    """End with an error."""
    raise ValueError("a person's data")


async def returns() -> None:
    """End without an error."""


async def test_a_cancelled_task_runs_again_and_is_counted() -> None:
    """Cancelling the task itself starts it anew; one failure leaves the service well."""
    supervisor, work = Supervisor(lambda: 0.0, no_rest), Work()
    supervisor.supervise("watcher", work.run)
    (await work.runs.get()).cancel()
    await work.runs.get()
    assert supervisor.restarts == {"watcher": 1}
    assert supervisor.unwell == ()
    await supervisor.aclose()


@pytest.mark.parametrize("end", [fail, returns])
async def test_three_failures_in_a_row_make_the_service_unwell(
    end: Callable[[], Awaitable[None]],
) -> None:
    """A task that raises or returns three times in a row is named."""
    supervisor, work = Supervisor(lambda: 0.0, no_rest), Work()
    work.end = end
    supervisor.supervise("sweeper", work.run)
    for _ in range(3):
        assert supervisor.unwell == ()
        await work.runs.get()
    work.end = asyncio.Event().wait
    await work.runs.get()
    assert supervisor.unwell == ("sweeper",)
    await supervisor.aclose()


async def test_a_steady_run_forgives_earlier_failures() -> None:
    """A run of a minute sets the count of failures back before its own end is counted."""
    times = iter([0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 90.0, 90.0])
    supervisor, work = Supervisor(lambda: next(times), no_rest), Work()
    work.end = fail
    supervisor.supervise("sweeper", work.run)
    for _ in range(4):
        await work.runs.get()
    work.end = asyncio.Event().wait
    await work.runs.get()
    assert supervisor.restarts == {"sweeper": 4}
    assert supervisor.unwell == ()
    await supervisor.aclose()


async def test_rests_grow_and_are_bounded() -> None:
    """Between failures in a row a task rests 1, 2, 4 … and at most 30 seconds."""
    rests: list[float] = []
    enough = asyncio.Event()

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 7:
            enough.set()
            await asyncio.Event().wait()

    supervisor = Supervisor(lambda: 0.0, rest)
    supervisor.supervise("sweeper", fail)
    await enough.wait()
    assert rests == [1, 2, 4, 8, 16, 30, 30]
    await supervisor.aclose()


async def test_closing_ends_every_task() -> None:
    """After the end nothing runs any more."""
    supervisor, work = Supervisor(lambda: 0.0, no_rest), Work()
    supervisor.supervise("watcher", work.run)
    task = await work.runs.get()
    await supervisor.aclose()
    assert task.done()
    assert supervisor.restarts == {"watcher": 0}
