"""Several services on one PostgreSQL store, end to end: one request id, one decision."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.api.v1.ruleset_service_pb2_grpc import RulesetServiceStub
from decision_service.decide.replica_check import ReplicaCheck
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from decision_service.store.keys import DATA_KEYS, IDENTITY_KEYS
from decision_service.store.store import Store
from tests.e2e.process import command
from tests.e2e.service import PRODUCT, create, own_rules, refused
from tests.fakes.world import SetClock, rulebook
from tests.integration.replicas import process, replicas, vendor
from tests.kits.postgres import Postgres
from tests.kits.until import until

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
async def test_a_caller_at_the_other_replica_is_told_in_time(
    postgres: Postgres, tmp_path: Path
) -> None:
    """While one replica still decides, the other answers ABORTED before the caller's deadline.

    It does so 50 ms before: on a busy machine the caller's own clock may be first, and she repeats.
    """
    async with (
        vendor(slow(6.0)) as at,
        replicas(tmp_path, postgres.migrated(), at) as (one, two),
    ):
        request = create(GEORGE)
        first = asyncio.ensure_future(raw(one.channel)(request, timeout=60))
        await at.hit()
        told = await until(
            lambda: refused(two.stub.CreateDecision(request, timeout=1.0)),
            lambda told: told.code is not grpc.StatusCode.DEADLINE_EXCEEDED,
        )
        assert (told.code, told.info.reason) == (grpc.StatusCode.ABORTED, "REQUEST_IN_PROGRESS")
        assert told.retry is not None
        assert await raw(two.channel)(request, timeout=60) == await first


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


@pytest.mark.long
async def test_a_replica_that_hung_past_the_deadline_records_nothing(
    postgres: Postgres, tmp_path: Path
) -> None:
    """What every caller has given up is dropped when the process goes on, not recorded late."""
    url = postgres.migrated()
    async with (
        vendor(slow(2.0, times=1)) as at,
        replicas(tmp_path, url, at) as (one, _),
        process(tmp_path, url, at) as hung,
        grpc.aio.insecure_channel(hung.address) as channel,
    ):
        request = create(GEORGE)
        late = asyncio.ensure_future(raw(channel)(request, timeout=3.0))
        await at.hit()
        hung.stop()
        with pytest.raises(grpc.RpcError):
            await late
        hung.go_on()
        listed = await asyncio.to_thread(hung.terminate)
        assert listed == 0
        listed = await one.stub.ListDecisions(service_pb.ListDecisionsRequest())
        assert len(listed.decisions) == 0


@pytest.mark.long
async def test_processes_with_other_rules_are_told_of_after_a_minute(
    postgres: Postgres, tmp_path: Path
) -> None:
    """One process and another with an edited rule see each other; a minute later it is an alarm."""
    url, rules = postgres.migrated(), own_rules(tmp_path)
    edited = rules / PRODUCT / "v1.yaml"
    edited.write_text(edited.read_text().replace("title: ", "title: Edited ", 1))
    clock, store = SetClock(), await Store.open(url)
    here = ReplicaCheck(store.report, rulebook, clock, "here")
    async with (
        vendor() as at,
        process(tmp_path, url, at, rules_dir=str(rules)) as other,
        grpc.aio.insecure_channel(other.address) as channel,
    ):
        seen = await until_differing(here, RulesetServiceStub(channel))
        assert sorted(seen) == sorted((one.digest, one.processes) for one in here.in_force)
        clock.seconds += 60.1
        with capture_logs() as logs:
            await here.check()
        assert [line["alarm"] for line in logs] == ["RULES_DIFFER"]
        assert here.seconds > 60
    await store.aclose()


async def until_differing(here: ReplicaCheck, there: RulesetServiceStub) -> list[tuple[str, int]]:
    """What the other process shows once each has seen the other."""

    async def shown() -> list[tuple[str, int]]:
        await here.check()
        reply = await there.ListRulesets(rules_pb.ListRulesetsRequest())
        return [(one.digest, one.processes) for one in reply.in_force]

    return await until(shown, lambda seen: len(here.in_force) == len(seen) == 2)
