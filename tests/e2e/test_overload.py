"""More work than there is room for."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import rollout_service_pb2 as rollout_pb
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.api.v1.rollout_service_pb2_grpc import RolloutServiceStub
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, Running, at_vendor, create, refusal, refused, running
from tests.kits.postgres import Postgres
from tests.kits.until import until

GEORGE, RYAN = (person.user_id for person in sandbox_people()[:2])

HANGING = Fault("slow", path="/accounts", user=RYAN, settings={"seconds": 60.0})


@contextmanager
def held(live: Running, count: int) -> Iterator[None]:
    """So many decisions that do not get on, given up at the end."""
    calls = [live.stub.CreateDecision(create(RYAN)) for _ in range(count)]
    yield
    for call in calls:
        call.cancel()


async def until_full(live: Running, waiting: int) -> None:
    """Return when one decision is in progress and so many wait."""
    bulkhead = live.service.core.deps.limits.work
    await until(lambda: (bulkhead.working, bulkhead.waiting) == (1, waiting))


async def test_what_does_not_fit_is_refused_and_what_is_known_is_answered(tmp_path: Path) -> None:
    """With room for one, two wait, the fourth is told to retry, and what is recorded is told."""
    async with at_vendor(tmp_path, HANGING, max_in_flight="1") as (live, app):
        known = create(GEORGE)
        told = await live.stub.CreateDecision(known)
        spent = app.meter.by_path()["/accounts"]
        with held(live, 3):
            await until_full(live, 2)
            with pytest.raises(grpc.RpcError) as error:
                await live.stub.CreateDecision(create(GEORGE))
            assert await live.stub.CreateDecision(known) == told
            listed = await live.stub.ListDecisions(service_pb.ListDecisionsRequest())
            assert list(listed.decisions) == [told.decision]
            await live.channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
            assert app.meter.by_path()["/accounts"] == spent
    refused = refusal(error.value)
    assert (refused.code, refused.info.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "OVERLOADED",
    )
    assert refused.retry == 1.0


async def test_a_late_loop_sheds_new_work_only(shared: Running) -> None:
    """While the loop is late new decisions are refused, stored ones answered; then it is over."""
    known = create(GEORGE)
    answer = await shared.stub.CreateDecision(known)
    limit = shared.service.core.deps.limits.work
    limit.shedding = True
    assert (await refused(shared.stub.CreateDecision(create(RYAN)))).info.reason == "OVERLOADED"
    assert await shared.stub.CreateDecision(known) == answer
    await until(lambda: not limit.shedding)
    await shared.stub.CreateDecision(create(RYAN))


async def test_streams_and_readers_keep_no_kill_out(tmp_path: Path) -> None:
    """A product is killed while 200 streams are open, and before 100 readers who wait."""
    own = (("grpc.use_local_subchannel_pool", 1),)
    async with (
        running(tmp_path) as live,
        grpc.aio.insecure_channel(live.service.address, options=own) as streaming,
        grpc.aio.insecure_channel(live.service.address, options=own) as reading,
    ):
        limits = live.service.core.deps.limits
        streams = [
            reflection_pb2_grpc.ServerReflectionStub(streaming).ServerReflectionInfo()
            for _ in range(200)
        ]
        for stream in streams:
            with suppress(asyncio.InvalidStateError, grpc.RpcError):  # it is refused already
                await stream.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        await until(lambda: limits.reflection.refused == 200 - 3 * limits.reflection.limit)
        async with asyncio.TaskGroup() as held, AsyncExitStack() as slots:
            for _ in range(limits.reads.limit):
                await slots.enter_async_context(limits.reads)
            before = limits.reads.refused
            listing, request = DecisionServiceStub(reading), service_pb.ListDecisionsRequest()
            readers = [held.create_task(_code(listing.ListDecisions(request))) for _ in range(100)]
            await until(lambda: limits.reads.refused - before == 100 - 2 * limits.reads.limit)
            kill = rollout_pb.SetKillSwitchRequest(product=PRODUCT, why="complaints", killed=True)
            killed = await RolloutServiceStub(live.channel).SetKillSwitch(kill)
            assert killed.step.action == "kill"
            assert limits.reads.waiting == 2 * limits.reads.limit
        codes = Counter(reader.result() for reader in readers)
        for stream in streams:
            stream.cancel()
    assert codes == {grpc.StatusCode.OK: 64, grpc.StatusCode.RESOURCE_EXHAUSTED: 36}


async def _code(call: Awaitable[object]) -> grpc.StatusCode:
    try:
        await call
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.long
async def test_calls_at_once_on_postgres_are_all_answered(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Of 200 decisions, readings and lists at once each has its answer within its deadline."""
    people = [person.user_id for person in sandbox_people()[:4]]
    async with at_vendor(tmp_path, store_url=postgres.migrated()) as (live, _):
        first = await live.stub.CreateDecision(create(GEORGE))
        asked = service_pb.GetDecisionRequest(decision_id=first.decision.decision_id)
        calls: list[Awaitable[object]] = []
        for place in range(50):
            applications = [create(people[(place + more) % 4]) for more in range(2)]
            calls += [live.stub.CreateDecision(one, timeout=60) for one in applications]
            calls.append(live.stub.GetDecision(asked, timeout=60))
            calls.append(live.stub.ListDecisions(service_pb.ListDecisionsRequest(), timeout=60))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        kept = await live.stub.ListDecisions(service_pb.ListDecisionsRequest(page_size=200))
    assert Counter(type(answer).__name__ for answer in answers) == {
        "CreateDecisionResponse": 100,
        "GetDecisionResponse": 50,
        "ListDecisionsResponse": 50,
    }
    made = [one for one in answers if isinstance(one, service_pb.CreateDecisionResponse)]
    ids = {first.decision.decision_id, *(one.decision.decision_id for one in made)}
    assert {one.decision_id for one in kept.decisions} == ids
    assert len(ids) == 101
