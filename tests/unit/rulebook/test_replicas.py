"""Several processes: one gathering, one row, nothing recorded late, and the same rules."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from decision_service.decide.decide import FOLLOW_MARGIN, DecideApplication
from decision_service.domain.errors import (
    DeadlineMissed,
    RequestIdReused,
    RequestInProgress,
    StoreBusy,
    StoreUnavailable,
    UpstreamUnavailable,
)
from decision_service.domain.ports import Filter, Lease, StoredEntry
from decision_service.rulebook.replica_check import ProcessRules, ReplicaCheck, rules_digest
from tests.fakes.in_memory import InMemoryLeases
from tests.fakes.plans import CHALLENGED, with_plan
from tests.fakes.world import ScriptedSource, SetClock, World, application, rulebook
from tests.kits.decision_log import numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decision_service.rulebook.folder import RuleFolder
    from decision_service.rulebook.rulebook import Rulebook

PATIENT = 1e6


async def asked(world: World, times: int = 1) -> None:
    """Wait until the vendor was asked so often."""
    while world.source.asked < times:
        await asyncio.sleep(0)


class Tardy(InMemoryLeases):
    """Leases that are waited for so long that the clock moves on."""

    def __init__(self, world: World, longest: float) -> None:
        super().__init__(world.log)
        self._clock = world.clock
        self._longest = longest

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        self._clock.seconds += min(seconds, self._longest)
        return await super().claim(caller, request_id, 0)


class Exhausted(InMemoryLeases):
    """A store without a free connection."""

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        raise StoreBusy("the store's connections are all busy")


def replica(world: World, leases: InMemoryLeases) -> DecideApplication:
    """A replica with leases of the test's own."""
    return world.decide(leases=leases)


def gated() -> World:
    """A world whose vendor answers when the test lets it."""
    return World(source=ScriptedSource(gate=asyncio.Event()))


def open_gate(world: World) -> None:
    """Let the vendor answer."""
    assert world.source.gate is not None
    world.source.gate.set()


async def test_replicas_gather_a_request_once() -> None:
    """Fifty callers over two replicas: one gathering, one row, fifty equal replies."""
    world = gated()
    replicas = (world.decide(), world.decide())
    callers = [
        asyncio.create_task(replicas[n % 2](application(), world.call(seconds=PATIENT)))
        for n in range(50)
    ]
    await asked(world)
    open_gate(world)
    replies = await asyncio.gather(*callers)
    assert len({reply.reply for reply in replies}) == 1
    assert world.source.asked == 1
    assert len(await world.log.list(Filter(), None, 9)) == 1


async def test_a_follower_is_told_before_its_deadline() -> None:
    """Where the other replica does not end in time, the answer is RequestInProgress."""
    world = gated()
    first = asyncio.create_task(world.decide()(application(), world.call(seconds=PATIENT)))
    await asked(world)
    with pytest.raises(RequestInProgress):
        await replica(world, Tardy(world, PATIENT))(application(), world.call(seconds=20))
    assert world.clock.monotonic() == pytest.approx(1000 + 20 - FOLLOW_MARGIN)
    open_gate(world)
    await first
    assert world.source.asked == 1


async def test_a_follower_with_other_content_learns_of_the_reuse() -> None:
    """The other replica's decision is no answer to another application."""
    world = gated()
    first = asyncio.create_task(world.decide()(application(), world.call(seconds=PATIENT)))
    await asked(world)
    other = application(customer_ref="other")
    second = asyncio.create_task(world.decide()(other, world.call(seconds=PATIENT)))
    await asyncio.sleep(0)
    open_gate(world)
    await first
    with pytest.raises(RequestIdReused):
        await second


async def test_a_follower_takes_over_from_a_holder_that_failed() -> None:
    """An error of the first replica's vendor frees the request for the second."""
    world = gated()
    world.source.error = UpstreamUnavailable("closed")
    first = asyncio.create_task(world.decide()(application(), world.call(seconds=PATIENT)))
    await asked(world)
    second = asyncio.create_task(world.decide()(application(), world.call(seconds=PATIENT)))
    open_gate(world)
    with pytest.raises(UpstreamUnavailable):
        await first
    world.source.error = None
    assert await second == (await world.log.look_up("anonymous", "r-1")).entry


async def test_a_caller_who_leaves_frees_the_request() -> None:
    """A run that nobody waits for gives its lease back."""
    world = gated()
    first = asyncio.create_task(world.decide()(application(), world.call()))
    await asked(world)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    open_gate(world)
    assert await world.decide()(application(), world.call()) is not None


async def test_a_fenced_replica_answers_with_its_successors_decision() -> None:
    """The late one stores nothing; its caller gets what the successor stored."""
    world = gated()
    late = asyncio.create_task(world.decide()(application(), world.call(seconds=PATIENT)))
    await asked(world)
    world.log.fences.clear()
    successor = asyncio.create_task(world.decide()(application(), world.call(seconds=PATIENT)))
    await asked(world, 2)
    open_gate(world)
    assert await late == await successor
    assert len(await world.log.list(Filter(), None, 9)) == 1


async def test_a_fenced_replica_waits_for_a_successor_that_is_not_done() -> None:
    """It follows like any other duplicate, and gathers nothing again."""
    world = gated()
    late = asyncio.create_task(world.decide()(application(), world.call(seconds=PATIENT)))
    await asked(world)
    world.log.fences.clear()
    successor = await InMemoryLeases(world.log).claim("anonymous", "r-1", 0)
    assert isinstance(successor, Lease)
    open_gate(world)
    while world.source.asked == 1 and not late.done() and world.log.commits == 0:
        await asyncio.sleep(0)
    content = application().content()
    entry = numbered(7, caller="anonymous", request_id="r-1", content=content)
    world.log.fences.clear()
    stored = await world.log.commit(entry)
    assert await late == stored
    assert world.source.asked == 1


async def test_what_is_expired_is_not_recorded() -> None:
    """When every deadline passed while the process hung, the work that goes on records nothing."""
    world = gated()
    caller = asyncio.create_task(world.decide()(application(), world.call(seconds=10)))
    await asked(world)
    world.clock.seconds += 10.001
    open_gate(world)
    with pytest.raises(DeadlineMissed):
        await caller
    assert (await world.log.look_up("anonymous", "r-1")).entry is None
    assert world.log.fences == {}


async def test_a_patient_joiner_keeps_the_work_from_expiring() -> None:
    """The first caller's deadline passes, the second's does not: the decision is recorded."""
    world = gated()
    decide = world.decide()
    first = asyncio.create_task(decide(application(), world.call(seconds=10)))
    await asked(world)
    second = asyncio.create_task(decide(application(), world.call(seconds=60)))
    await asyncio.sleep(0)
    world.clock.seconds += 10.001
    open_gate(world)
    assert await second == await first


async def test_a_request_taken_over_too_late_asks_the_vendor_nothing() -> None:
    """With less than 300 ms left after the wait nothing is begun, and the lease is given back."""
    world = World()
    decide = replica(world, Tardy(world, longest=9.8))
    with pytest.raises(DeadlineMissed):
        await decide(application(), world.call(seconds=10))
    assert world.source.asked == 0
    assert world.log.fences == {}


async def test_without_a_store_nothing_is_gathered() -> None:
    """No lease, no vendor call: the store's permit comes first."""
    world = World()
    with pytest.raises(StoreBusy):
        await replica(world, Exhausted(world.log))(application(), world.call())
    assert world.source.asked == 0


ALARM = "RULES_DIFFER"


@dataclass(slots=True)
class Board:
    """What the processes of a store said last."""

    said: dict[str, str] = field(default_factory=dict)
    down: bool = False

    async def report(self, mine: ProcessRules) -> Sequence[ProcessRules]:
        if self.down:
            raise StoreUnavailable("the store is down")
        self.said[mine.process] = mine.digest
        return [ProcessRules(*one) for one in self.said.items()]


@dataclass(slots=True)
class Two:
    """One process that looks, and another that decides by what it is told to."""

    board: Board = field(default_factory=Board)
    clock: SetClock = field(default_factory=SetClock)
    book: Rulebook = field(default_factory=rulebook)
    replica_check: ReplicaCheck = field(init=False)

    def __post_init__(self) -> None:
        self.replica_check = ReplicaCheck(self.board.report, lambda: self.book, self.clock, "one")

    def other(self, folder: RuleFolder | None = None) -> None:
        self.board.said["two"] = rules_digest(rulebook(folder))

    async def alarms(self, *times: float) -> list[bool]:
        """Whether each look, so many seconds after the start, gives an alarm."""
        given = []
        for at in times:
            self.clock.seconds = 1000.0 + at
            with capture_logs() as logs:
                await self.replica_check.check()
            given.append(any(line.get("alarm") == ALARM for line in logs))
        return given


async def test_a_minute_of_difference_is_allowed_and_no_more() -> None:
    """At sixty seconds nothing is said, after them there is one alarm, until they agreed again."""
    two = Two()
    two.other(with_plan(CHALLENGED))
    assert await two.alarms(0, 59.9, 60, 60.1, 65, 200) == [False, False, False, True, False, False]
    assert two.replica_check.seconds == 200
    two.other()
    assert await two.alarms(205) == [False]
    assert two.replica_check.seconds == 0
    two.other(with_plan(CHALLENGED))
    assert await two.alarms(210, 270, 271) == [False, False, True]


async def test_the_alarm_names_both_digests() -> None:
    """The log line and the status say which process decides by what, and which one is here."""
    two = Two()
    two.other(with_plan(CHALLENGED))
    await two.alarms(0)
    two.clock.seconds += 61
    with capture_logs() as logs:
        await two.replica_check.check()
    mine, other = rules_digest(two.book), two.board.said["two"]
    assert (logs[0]["here"], logs[0]["process"]) == (mine, "one")
    assert logs[0]["processes"] == {mine: ("one",), other: ("two",)}
    shown = {one.process_names: (one.digest, one.here) for one in two.replica_check.in_force}
    assert shown == {("one",): (mine, True), ("two",): (other, False)}


async def test_a_store_that_fails_does_not_end_the_difference() -> None:
    """What was seen last stands, and its time runs on."""
    two = Two()
    two.other(with_plan(CHALLENGED))
    await two.alarms(0)
    two.board.down = True
    with pytest.raises(StoreUnavailable):
        await two.alarms(30)
    two.board.down = False
    assert await two.alarms(61) == [True]


def test_a_plan_counts_as_a_version_does() -> None:
    """Other plans give another digest, where a rollout stands does not."""
    book = rulebook()
    assert rules_digest(book) == rules_digest(book.with_products({}))
    assert rules_digest(book) != rules_digest(rulebook(with_plan(CHALLENGED)))
