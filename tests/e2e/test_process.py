"""What befalls a process: load, the clock, a restart, no descriptors left, no data key."""

from __future__ import annotations

import asyncio
import resource
import socket
import sqlite3
import time
from collections import Counter
from contextlib import (
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

import grpc
import psutil
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc, rollout_service_pb2_grpc
from decision_service.api.v1 import rollout_service_pb2 as rollout_pb
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.api.v1.rollout_service_pb2_grpc import RolloutServiceStub
from decision_service.app import wiring as background
from decision_service.app.wiring import start
from decision_service.runtime.clock import SystemClock
from decision_service.runtime.config import load
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from decision_service.store.keys import DATA_KEYS
from tests.e2e.process import Process
from tests.e2e.process import serving as serve_process
from tests.e2e.service import (
    PRODUCT,
    ROOT,
    Running,
    as_recorded,
    at_vendor,
    create,
    environ,
    outcome,
    refusal,
    refused,
    running,
)
from tests.kits.cases import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator
    from pathlib import Path

    from tests.kits.postgres import Postgres

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
            assert [one.decision_id for one in listed.decisions] == [told.decision.decision_id]
            await live.channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
            assert app.meter.by_path()["/accounts"] == spent
    refused = refusal(error.value)
    assert (refused.code, refused.info.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "OVERLOADED",
    )
    assert refused.retry == 1.0


MOST_TRIES = 20


async def test_a_late_loop_sheds_new_work_only(shared: Running) -> None:
    """While the loop is late new decisions are refused, stored ones answered; then it is over."""
    known = create(GEORGE)
    answer = await shared.stub.CreateDecision(known)
    limit = shared.service.core.deps.limits.work

    async def late() -> None:
        """The watch of the lag takes the flag back, perhaps before the call comes: so again."""
        for _ in range(MOST_TRIES):
            limit.shedding = True
            await shared.stub.CreateDecision(create(RYAN))

    assert (await refused(late())).info.reason == "OVERLOADED"
    limit.shedding = True
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


EMMA = sandbox_people()[1].user_id

AHEAD = timedelta(seconds=172_800)

NORMAL = ("APPROVE", [], 0)


class MovedClock(SystemClock):
    """The machine's clocks, the wall set by `ahead`."""

    ahead = timedelta()

    def now(self) -> datetime:
        """What the wall shows."""
        return super().now() + self.ahead


@asynccontextmanager
async def serving(folder: Path, clock: MovedClock) -> AsyncIterator[Running]:
    """A service on the folder that keeps readings warm and has heard the vendor's time."""
    secrets = {"webhook_secrets": "0123456789abcdef0123456789abcdef"}
    service = await start(load(environ=environ(folder, **secrets)), clock=clock)
    try:
        await service.core.source.refresh_providers()
        async with grpc.aio.insecure_channel(service.address) as channel:
            yield Running(service, channel, decision_service_pb2_grpc.DecisionServiceStub(channel))
    finally:
        await service.stop()


async def decided(live: Running, user_id: str = GEORGE) -> tuple[str, list[str], int]:
    """The outcome of a decision, the codes of its reasons, and the vendor's calls for it."""
    decision = (await live.stub.CreateDecision(create(user_id))).decision
    return (
        outcome(decision),
        [one.code for one in decision.reasons],
        decision.data_quality.upstream_calls,
    )


async def test_two_days_ahead_and_back(tmp_path: Path) -> None:
    """Warm or read anew it refers while ahead; the next date ends that, after a restart too."""
    clock = MovedClock()
    async with serving(tmp_path, clock) as live:
        assert (await decided(live))[0] == "APPROVE"
        assert await decided(live) == NORMAL
        clock.ahead = AHEAD
        for user_id in (GEORGE, EMMA):
            assert (await decided(live, user_id))[:2] == ("REFER", ["CLOCK_DOUBTFUL"])
        clock.ahead = timedelta()
        await live.service.core.source.refresh_providers()
        assert await decided(live) == NORMAL
    async with serving(tmp_path, clock) as live:
        assert await decided(live) == NORMAL


async def test_it_recovers_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While in doubt the vendor is asked again and again, and what was dated ahead is forgotten."""
    monkeypatch.setattr(background, "CLOCK_SECONDS", 0.02)
    clock = MovedClock()
    clock.ahead = AHEAD
    async with serving(tmp_path, clock) as live:
        guard = live.service.core.guard
        assert guard.doubts()
        clock.ahead = timedelta()
        async with asyncio.timeout(20):
            while guard.doubts() or not guard.tidy:
                await asyncio.sleep(0.01)
        assert (await decided(live))[0] == "APPROVE"


READY = grpc.ChannelConnectivity.READY

CONFIG = (ROOT / "protos/decision_service/api/v1/service_config.json").read_text()


@pytest.mark.long
def test_calls_outlast_a_restart_and_are_decided_once(tmp_path: Path) -> None:
    """One is cut off, one comes while nobody listens, one may not be repeated: each is answered."""
    options = (("grpc.service_config", CONFIG),)
    with serve_process(tmp_path) as process:
        address = process.address
        channel = grpc.insecure_channel(address, options)
        decisions = decision_service_pb2_grpc.DecisionServiceStub(channel)
        rollouts = rollout_service_pb2_grpc.RolloutServiceStub(channel)
        decisions.ListDecisions(service_pb.ListDecisionsRequest(), timeout=60)
        lost = Event()
        channel.subscribe(lambda state: None if state is READY else lost.set())
        asked = [create(GEORGE), create(RYAN)]
        cut_off = decisions.CreateDecision.future(asked[0], timeout=60)
        process.kill()
    # A call that goes out over a connection that is dead already fails, and may not be repeated.
    assert lost.wait(60)
    meanwhile = decisions.CreateDecision.future(asked[1], timeout=60)
    step = rollout_pb.AdvanceRolloutRequest(product=PRODUCT, why="more of them")
    advance = rollouts.AdvanceRollout.future(step)
    with channel, serve_process(tmp_path, grpc_address=address):
        answers = [cut_off.result().decision, meanwhile.result().decision]
        for request, answer in zip(asked, answers, strict=True):
            assert decisions.CreateDecision(request, timeout=60).decision == answer
        listed = decisions.ListDecisions(service_pb.ListDecisionsRequest(), timeout=60)
        assert len(listed.decisions) == len(asked)
        error = advance.exception()
        assert isinstance(error, grpc.RpcError)
        assert refusal(error).info.reason == "ROLLOUT_REFUSED"


SPARE = 8

STRANGERS = 64


@pytest.mark.long
async def test_strangers_that_take_every_descriptor_hold_up_nobody_else(tmp_path: Path) -> None:
    """A connected caller goes on while no new connection fits; afterwards everybody is served."""
    with serve_process(tmp_path) as process:
        async with grpc.aio.insecure_channel(process.address) as channel:
            stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
            asked = create(GEORGE)
            decided = (await stub.CreateDecision(asked)).decision
            with ExitStack() as crowd:
                await asyncio.to_thread(_crowd, process, crowd)
                for _ in range(20):
                    request = service_pb.GetDecisionRequest(decision_id=decided.decision_id)
                    found = (await stub.GetDecision(request)).decision
                    assert as_recorded(found) == decided
                assert (await stub.CreateDecision(asked)).decision == decided
            async with grpc.aio.insecure_channel(process.address) as later:
                anew = decision_service_pb2_grpc.DecisionServiceStub(later)
                reply = await anew.CreateDecision(create(GEORGE), wait_for_ready=True, timeout=30)
                assert reply.decision.outcome == decided.outcome


def _crowd(process: Process, crowd: ExitStack) -> None:
    """Leave the process a few descriptors, then connect until it has none."""
    open_now = psutil.Process(process.popen.pid).num_fds()
    limit = open_now + SPARE
    resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE, (limit, limit))
    host, _, port = process.address.rpartition(":")
    for _ in range(STRANGERS):
        crowd.enter_context(socket.create_connection((host, int(port))))
    while psutil.Process(process.popen.pid).num_fds() < limit:
        time.sleep(0.01)


WARNING = "whoever has a copy of the database can read its snapshots"


def wrapped_by(live: Running) -> set[bytes | None]:
    """The data keys that wrap users' keys, None for those that are plain."""
    path = live.service.core.settings.store_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT wrapped_by FROM consents WHERE key IS NOT NULL")
        return {row[0] for row in found}


async def test_beside_a_vendor_a_key_file_is_asked_for(tmp_path: Path) -> None:
    """Without one the service warns and decides all the same; with one it wraps what was plain."""
    with capture_logs() as logs:
        async with at_vendor(tmp_path) as (live, _):
            await live.stub.CreateDecision(create(GEORGE), timeout=10)
            assert wrapped_by(live) == {None}
    assert [one for one in logs if WARNING in one["event"]]
    DATA_KEYS.add(tmp_path / "keys")
    with capture_logs() as logs:
        async with at_vendor(tmp_path, data_key_file=str(tmp_path / "keys")) as (live, _):
            assert None not in wrapped_by(live)
    assert not [one for one in logs if WARNING in one["event"]]
