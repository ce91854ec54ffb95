"""Work that several callers wait for."""

import asyncio

import pytest

from decision_service.pipeline.decide.shared import SharedWork


class Stage:
    """Work that the test lets go on when it likes, and that tells how it ended."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.ended = asyncio.Event()
        self.runs = 0
        self.cancelled = False

    async def work(self) -> int:
        self.runs += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return 7

    def shared(self) -> SharedWork[int]:
        return SharedWork(self.work(), on_end=self.ended.set)


async def test_all_callers_get_the_one_result() -> None:
    """Fifty callers, one run, one answer."""
    stage = Stage()
    shared = stage.shared()
    callers = [asyncio.create_task(shared.wait(5)) for _ in range(50)]
    await asyncio.sleep(0)
    stage.go.set()
    assert await asyncio.gather(*callers) == [7] * 50
    assert stage.runs == 1


async def test_a_caller_who_leaves_does_not_stop_the_others() -> None:
    """Cancelling the first caller leaves the second one its answer."""
    stage = Stage()
    shared = stage.shared()
    first, second = (asyncio.create_task(shared.wait(5)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    stage.go.set()
    assert await second == 7


async def test_the_work_stops_when_the_last_caller_leaves() -> None:
    """Nobody waits, nothing runs on."""
    stage = Stage()
    caller = asyncio.create_task(stage.shared().wait(5))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await asyncio.wait_for(stage.ended.wait(), 5)
    assert stage.cancelled


async def test_sealed_work_goes_on_without_callers() -> None:
    """What is being committed is committed, whoever still listens."""
    stage = Stage()
    shared = stage.shared()
    caller = asyncio.create_task(shared.wait(5))
    await asyncio.sleep(0)
    shared.seal()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert not stage.ended.is_set()
    stage.go.set()
    await asyncio.wait_for(stage.ended.wait(), 5)
    assert not stage.cancelled


async def test_each_caller_keeps_its_own_deadline() -> None:
    """A caller without time gets TimeoutError while a patient one gets the answer."""
    stage = Stage()
    shared = stage.shared()
    patient = asyncio.create_task(shared.wait(5))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await shared.wait(0)
    stage.go.set()
    assert await patient == 7


async def test_an_error_reaches_every_caller_and_nobody_else() -> None:
    """The exception is raised for each caller; the event loop has nothing to complain about."""

    async def fail() -> int:
        raise KeyError("x")

    shared = SharedWork(fail(), on_end=lambda: None)
    for result in await asyncio.gather(shared.wait(5), shared.wait(5), return_exceptions=True):
        assert isinstance(result, KeyError)
