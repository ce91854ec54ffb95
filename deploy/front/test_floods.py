"""A lender's decisions while strangers flood the front: their rate, none that fails, and memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psutil
import pytest

from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.standin.sandbox import sandbox_people
from deploy.front.flood import FLOODS
from deploy.front.front import Front, fronted
from tests.e2e.service import ROOT, create
from tests.fakes.examples import ALL

GEORGE = sandbox_people()[0].user_id
LENDERS = 4
PACE = 0.1
"""Seconds between two decisions of one: their rate is a lender's, not all that the machine has."""

QUIET, FLOODED, TURNS, TRIES = 1.5, 3.0, 2 if ALL else 1, 3
KEPT = 0.8
"""Of the rate without a flood."""

MOST_GROWTH = 200 << 20


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A service of its own, so that its memory is that of the floods."""
    with fronted(tmp_path_factory.mktemp("flooded")) as started:
        yield started


class Lender:
    """Callers that each apply again and again; what was decided, and what failed."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.decided = 0
        self.failed: list[str] = []

    @asynccontextmanager
    async def applying(self) -> AsyncIterator[Lender]:
        """While the block lasts."""
        async with self.front.channel() as channel:
            stub: Any = DecisionServiceStub(channel)
            await stub.CreateDecision(create(GEORGE), metadata=self.front.lender)
            tasks = [asyncio.create_task(self._apply(stub)) for _ in range(LENDERS)]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()

    async def rate(self, seconds: float) -> float:
        """Decisions a second, from now on."""
        clock, before = asyncio.get_running_loop().time, self.decided
        began = clock()
        await asyncio.sleep(seconds)
        return (self.decided - before) / (clock() - began)

    async def _apply(self, stub: Any) -> None:
        while True:
            try:
                await stub.CreateDecision(create(GEORGE), metadata=self.front.lender, timeout=10)
                self.decided += 1
                await asyncio.sleep(PACE)
            except grpc.aio.AioRpcError as error:
                self.failed.append(f"{error.code().name} {error.details()}")


@asynccontextmanager
async def strangers(front: Front, name: str) -> AsyncIterator[None]:
    """A flood, from its first second on; what sends it has less of the machine than the service."""
    words = (name, str(front.port), str(front.office.authority))
    command = ("nice", "-n", "10", sys.executable, "-m", "deploy.front.flood", *words)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            sent = await asyncio.to_thread(process.stdout.readline)
            yield
        finally:
            process.kill()
        sent = (sent + process.stdout.read()).split()[-1]
        assert int(sent), "the flood has sent nothing"
        print(f"{name}: {sent.decode()} sent")


@pytest.mark.parametrize("name", FLOODS)
async def test_a_lender_is_decided_for_while_strangers_flood(flooded: Front, name: str) -> None:
    """Four fifths of the rate of the same minute, no failure, and bounded memory of the service."""
    process = psutil.Process(flooded.service.popen.pid)
    before = process.memory_info().rss
    async with Lender(flooded).applying() as lender:
        for _ in range(TRIES):
            quiet = beside = 0.0
            for _ in range(TURNS):
                quiet += await lender.rate(QUIET)
                async with strangers(flooded, name):
                    beside += await lender.rate(FLOODED)
            print(f"{name}: {quiet / TURNS:.0f} decisions a second, flooded {beside / TURNS:.0f}")
            if beside >= KEPT * quiet:
                break
    grown = process.memory_info().rss - before
    print(f"{name}: the service grew by {grown >> 20} MB")
    assert lender.failed == []
    assert beside >= KEPT * quiet
    assert grown < MOST_GROWTH
