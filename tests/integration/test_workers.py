"""`serve` with worker processes, as an operator meets it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.simulator.faults import Fault
from decision_service.simulator.people import sandbox_people
from tests.e2e.process import Process, command
from tests.e2e.service import create
from tests.integration.replicas import process, vendor
from tests.kits.postgres import Postgres

GEORGE = sandbox_people()[0].user_id


def workers_of(supervisor: Process) -> dict[str, psutil.Process]:
    """The supervisor's workers by number, by their command lines."""
    found = psutil.Process(supervisor.popen.pid).children()
    lines = {child: child.cmdline() for child in found if child.status() != "zombie"}
    return {
        line[line.index("--worker") + 1]: child
        for child, line in lines.items()
        if "--worker" in line
    }


async def answered(address: str) -> None:
    """Have a decision made over a new connection, waiting for somebody who listens."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
        await stub.CreateDecision(create(GEORGE), timeout=30, wait_for_ready=True)


async def stopping(channel: grpc.aio.Channel) -> None:
    """Wait until the service says that it is stopping, or takes no calls any more."""
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest()
    try:
        while (await health.Check(request)).status == health_pb2.HealthCheckResponse.SERVING:
            await asyncio.sleep(0.01)
    except grpc.RpcError:
        return


async def replaced(supervisor: Process, before: dict[str, psutil.Process]) -> None:
    """Wait until every worker is another process than before."""
    while True:
        now = workers_of(supervisor)
        if len(now) == len(before) and not {*now.values()} & {*before.values()}:
            return
        await asyncio.sleep(0.02)


async def test_workers_are_kept_rolled_and_drained(postgres: Postgres, tmp_path: Path) -> None:
    """A killed worker comes back, SIGHUP replaces all of them, SIGTERM ends them with code 0."""
    url = postgres.migrated()
    async with vendor() as at, process(tmp_path, url, at, workers="2") as supervisor:
        first = workers_of(supervisor)
        assert sorted(first) == ["1", "2"]
        await asyncio.gather(*(answered(supervisor.address) for _ in range(4)))
        first["2"].kill()
        await asyncio.to_thread(first["2"].wait)
        await answered(supervisor.address)
        while len(second := workers_of(supervisor)) < 2:
            await asyncio.sleep(0.02)
        assert second["1"] == first["1"]
        supervisor.popen.send_signal(signal.SIGHUP)
        await replaced(supervisor, second)
        await answered(supervisor.address)
        assert await asyncio.to_thread(supervisor.terminate) == 0
        assert at.app.meter.peak() <= 20


async def test_workers_end_when_their_supervisor_is_killed(
    postgres: Postgres, tmp_path: Path
) -> None:
    """No worker outlives a SIGKILL of its supervisor."""
    url = postgres.migrated()
    async with vendor() as at, process(tmp_path, url, at, workers="2") as supervisor:
        workers = workers_of(supervisor)
        assert len(workers) == 2
        await asyncio.to_thread(supervisor.kill)
        for worker in workers.values():
            await asyncio.to_thread(worker.wait, 30)


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


def test_a_store_that_cannot_be_used_is_told_once(tmp_path: Path) -> None:
    """What keeps the workers from starting is one sentence and the code of a single process."""
    done = command(
        "serve",
        "--workers",
        "3",
        folder=tmp_path,
        smile_mode="sandbox",
        smile_api_key="k",
        smile_api_secret="s",
        store_url="postgresql://nobody@127.0.0.1:1/nowhere",
    )
    [line] = done.stderr.strip().splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be used" in line
