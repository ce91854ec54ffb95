"""A disk that is slow or fails in the very call that makes a commit durable."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.process import Process, serving
from tests.e2e.service import create, refused
from tests.kits.until import until

GEORGE, RYAN, *_ = (person.user_id for person in sandbox_people())

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


@contextmanager
def disk(process: Process, fault: str) -> Iterator[None]:
    """While this holds, every fdatasync of the process meets the fault."""
    traced = ["strace", "-f", "-o", "/dev/null", "-e", f"inject=fdatasync:{fault}"]
    command = [*traced, "-p", str(process.popen.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        if "attached" not in (said := strace.stderr.readline()):
            pytest.skip(f"strace may not trace here: {said.strip()}")
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(10)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Process, Any]]:
    """A process and a stub; it has decided once, so that all its connections are open."""
    with serving(folder) as process:
        async with grpc.aio.insecure_channel(process.address) as channel:
            stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
            await stub.CreateDecision(create(RYAN))
            yield process, stub


@pytest.mark.long
async def test_a_slow_disk_is_waited_for_within_the_deadline(tmp_path: Path) -> None:
    """With half a second for each commit the answer is there, and durable, before the deadline."""
    async with served(tmp_path) as (process, stub):
        with disk(process, "delay_exit=500000"):
            decided = (await stub.CreateDecision(create(GEORGE), timeout=30)).decision
        process.kill()
    async with served(tmp_path) as (_, stub):
        read = service_pb.GetDecisionRequest(decision_id=decided.decision_id)
        assert (await stub.GetDecision(read)).decision == decided


@pytest.mark.long
async def test_a_disk_that_fails_acknowledges_nothing_until_it_works(tmp_path: Path) -> None:
    """UNAVAILABLE while no commit is durable, recorded answers all the while, then all is well."""
    async with served(tmp_path) as (process, stub):
        known, asked = create(RYAN), create(GEORGE)
        recorded = await stub.CreateDecision(known)
        with disk(process, "error=EIO"):
            for _ in range(3):
                told = await refused(stub.CreateDecision(asked))
                assert (told.info.reason, told.retry is not None) == ("STORE_UNAVAILABLE", True)
            assert await stub.CreateDecision(known) == recorded
        decided = await until(lambda: _decided(stub, asked))
        listed = await stub.ListDecisions(service_pb.ListDecisionsRequest(user_id=GEORGE))
        assert [one.decision_id for one in listed.decisions] == [decided]


async def _decided(stub: Any, asked: service_pb.CreateDecisionRequest) -> str | None:
    try:
        return str((await stub.CreateDecision(asked)).decision.decision_id)
    except grpc.RpcError:
        return None
