"""Several `serve` on one port, and how `serve` stops and refuses, as an operator meets it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.process import Process, command
from tests.e2e.service import create
from tests.integration.replicas import Vendor, process, vendor
from tests.kits.postgres import Postgres
from tests.kits.until import PATIENCE

GEORGE = sandbox_people()[0].user_id
PAUSE = 0.05
SHARED = {"reuse_port": "true", "smile_requests_per_second": "10"}


async def answered(address: str) -> None:
    """Have a decision made over a new connection, waiting for somebody who listens.

    A busy store is asked again, as it asks callers to do.
    """
    request = create(GEORGE)
    async with grpc.aio.insecure_channel(address) as channel:
        stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
        while True:
            try:
                await stub.CreateDecision(request, timeout=PATIENCE, wait_for_ready=True)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                await asyncio.sleep(PAUSE)
            else:
                return


@contextmanager
def repeatable_at_worst() -> Iterator[None]:
    """Pass over what gRPC says of a call that comes in the moment in which its server closes."""
    try:
        yield
    except grpc.RpcError as error:
        if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}:
            raise


async def stopping(channel: grpc.aio.Channel) -> None:
    """Wait until the service says that it is stopping, or takes no calls any more."""
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest()
    try:
        while (await health.Check(request)).status == health_pb2.HealthCheckResponse.SERVING:
            await asyncio.sleep(0.01)
    except grpc.RpcError:
        return


@asynccontextmanager
async def pair(folder: Path, url: str, at: Vendor) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes on one port, each with half of the vendor's limit."""
    async with (
        process(folder, url, at, **SHARED) as one,
        process(folder, url, at, grpc_address=one.address, **SHARED) as two,
    ):
        yield one, two


@pytest.mark.long
async def test_processes_share_a_port(postgres: Postgres, tmp_path: Path) -> None:
    """Where one is killed the other answers new connections; SIGTERM ends it with code 0."""
    async with vendor() as at, pair(tmp_path, postgres.migrated(), at) as (one, two):
        assert one.address == two.address
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(answered(one.address) for _ in range(4)))
        await asyncio.to_thread(one.kill)
        await asyncio.gather(*(answered(two.address) for _ in range(4)))
        assert await asyncio.to_thread(two.terminate) == 0
        asked = [when - began for when in at.app.meter.times if when >= began]
        assert all(when >= number // 20 for number, when in enumerate(asked))


@pytest.mark.long
async def test_processes_are_replaced_one_after_another(postgres: Postgres, tmp_path: Path) -> None:
    """While one drains and its successor starts, callers who call again do not notice."""
    url = postgres.migrated()
    async with vendor() as at, pair(tmp_path, url, at) as old:
        replaced = asyncio.Event()

        async def calling() -> None:
            while not replaced.is_set():
                with repeatable_at_worst():
                    await answered(old[0].address)

        calls = asyncio.create_task(calling())
        async with AsyncExitStack() as stack:
            for one in old:
                assert await asyncio.to_thread(one.terminate) == 0
                chosen = {**SHARED, "grpc_address": one.address}
                await stack.enter_async_context(process(tmp_path, url, at, **chosen))
            replaced.set()
            await calls
            await answered(old[0].address)


@pytest.mark.long
async def test_a_port_that_is_not_shared_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    """One that only its owner shares, or only the newcomer, would share callers by mistake."""
    url = postgres.migrated()
    for first, second in (({}, SHARED), (SHARED, {})):
        async with vendor() as at, process(tmp_path, url, at, **first) as one:
            chosen = {**at.settings, **second, "grpc_address": one.address}
            done = await asyncio.to_thread(
                command, "serve", folder=tmp_path, store_url=url, **chosen
            )
            assert done.returncode == 2
            assert one.address in done.stderr


@pytest.mark.long
async def test_a_second_sigterm_cuts_the_grace_short(tmp_path: Path) -> None:
    """A call that would hold the stop for minutes is given two seconds more."""
    young = {"status": "PENDING", "age_minutes": 1}
    stalled = Fault("account_state", path="/accounts", settings=young)
    url = f"sqlite:///{tmp_path}/decisions.db"
    async with (
        vendor(stalled) as at,
        process(tmp_path, url, at, drain_grace="600s") as serving,
        grpc.aio.insecure_channel(serving.address) as channel,
    ):
        stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
        waiting = create(GEORGE, wait_timeout=Duration(seconds=300))
        cut = asyncio.ensure_future(stub.CreateDecision(waiting, timeout=600))
        await at.hit()
        os.kill(serving.popen.pid, signal.SIGTERM)
        await stopping(channel)
        assert await asyncio.to_thread(serving.terminate) == 0
        with pytest.raises(grpc.RpcError):
            await cut


@pytest.mark.long
def test_a_store_that_cannot_be_used_is_told_once(tmp_path: Path) -> None:
    """What keeps the service from starting is one sentence and code 2."""
    done = command(
        "serve",
        folder=tmp_path,
        smile_mode="sandbox",
        smile_api_key="k" * 8,
        smile_api_secret="s" * 8,
        store_url="postgresql://nobody@127.0.0.1:1/nowhere",
    )
    [line] = done.stderr.strip().splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be used" in line
