"""Services on one store and one port: a request id is one decision; how one stops or dies."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from decision_service.store.keys import DATA_KEYS, IDENTITY_KEYS
from tests.e2e.process import Process, command
from tests.e2e.service import create
from tests.integration.replicas import Vendor, process, replicas, vendor
from tests.kits.cases import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.kits.postgres import Postgres

SHORT_LEASE = ("tests.integration.short_lease",)
"""The module of a service whose requests are taken over soon."""

GEORGE = sandbox_people()[0].user_id

METHOD = "/decision_service.api.v1.DecisionService/CreateDecision"


def raw(channel: grpc.aio.Channel) -> Any:
    """CreateDecision with the reply left as bytes."""
    return channel.unary_unary(
        METHOD, request_serializer=service_pb.CreateDecisionRequest.SerializeToString
    )


def slow(seconds: float, **when: int) -> Fault:
    """A vendor whose list of accounts takes its time."""
    return Fault("slow", path="/accounts", settings={"seconds": seconds}, **when)


@pytest.mark.long
async def test_fifty_callers_over_two_replicas_are_decided_once(
    postgres: Postgres, tmp_path: Path
) -> None:
    """One gathering at the vendor, one row in the store, fifty replies equal byte for byte."""
    async with (
        vendor(slow(0.2)) as at,
        replicas(tmp_path, postgres.migrated(), at) as (one, two),
    ):
        request = create(GEORGE)
        calls = [raw((one, two)[n % 2].channel)(request, timeout=60) for n in range(50)]
        assert len(set(await asyncio.gather(*calls))) == 1
        assert at.gatherings() == 1
        listed = await two.stub.ListDecisions(service_pb.ListDecisionsRequest())
        assert len(listed.decisions) == 1


@pytest.mark.long
async def test_a_service_migrates_and_decides_on_the_oldest_server(
    oldest_postgres: Postgres, tmp_path: Path
) -> None:
    """From an empty database on, with keys of every kind and an erasure journal."""
    url, files = oldest_postgres.empty(), {"erasure_journal": f"sqlite:///{tmp_path}/erasures"}
    for keys in (DATA_KEYS, IDENTITY_KEYS):
        files[keys.setting.removeprefix("DECISION_").lower()] = str(tmp_path / keys.name)
        keys.add(tmp_path / keys.name)
    async with vendor() as at:
        made = partial(command, "migrate", folder=tmp_path, store_url=url, **at.settings)
        assert (await asyncio.to_thread(made)).returncode == 0
        for listed in (1, 2):
            async with (
                process(tmp_path, url, at, **files) as live,
                grpc.aio.insecure_channel(live.address) as channel,
            ):
                await raw(channel)(create(GEORGE), timeout=60)
                stub = DecisionServiceStub(channel)
                found = await stub.ListDecisions(service_pb.ListDecisionsRequest())
                assert len(found.decisions) == listed


@pytest.mark.long
async def test_a_killed_replica_is_succeeded(postgres: Postgres, tmp_path: Path) -> None:
    """The caller at the other replica gets a decision though the first died gathering it."""
    url = postgres.migrated()
    async with (
        vendor(slow(60, times=1)) as at,
        replicas(tmp_path, url, at) as (one, _),
        process(tmp_path, url, at) as doomed,
        grpc.aio.insecure_channel(doomed.address) as channel,
    ):
        request = create(GEORGE)
        lost = asyncio.ensure_future(raw(channel)(request, timeout=30))
        await at.hit()
        waiting = asyncio.ensure_future(raw(one.channel)(request, timeout=30))
        await asyncio.to_thread(doomed.kill)
        reply = service_pb.CreateDecisionResponse.FromString(await waiting)
        assert reply.decision.request_id == request.request_id
        with pytest.raises(grpc.RpcError):
            await lost


@pytest.mark.long
async def test_a_replica_that_hung_answers_with_its_successors_decision(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Stopped beyond its lease and going on, it records nothing and gives the stored bytes."""
    url = postgres.migrated()
    async with (
        vendor(slow(1.0, times=1)) as at,
        replicas(tmp_path, url, at) as (one, _),
        process(tmp_path, url, at, program=SHORT_LEASE) as hung,
        grpc.aio.insecure_channel(hung.address) as channel,
    ):
        request = create(GEORGE)
        late = asyncio.ensure_future(raw(channel)(request, timeout=60))
        await at.hit()
        hung.stop()
        reply = await raw(one.channel)(request, timeout=30)
        hung.go_on()
        assert await late == reply
        listed = await one.stub.ListDecisions(service_pb.ListDecisionsRequest())
        assert len(listed.decisions) == 1


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
