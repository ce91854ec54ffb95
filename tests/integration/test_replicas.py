"""Several services on one PostgreSQL store, end to end: one request id, one decision."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from decision_service.store.keys import DATA_KEYS, IDENTITY_KEYS
from tests.e2e.process import command
from tests.e2e.service import create
from tests.integration.replicas import process, replicas, vendor
from tests.kits.postgres import Postgres

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
    url, files = oldest_postgres.empty(), {"erasure_journal": str(tmp_path / "erasures")}
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
        process(tmp_path, url, at, lease="500ms") as hung,
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
