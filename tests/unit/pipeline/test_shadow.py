"""Silent versions and their budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from time import thread_time

import pytest
from msgspec import structs
from msgspec.structs import replace

from decision_service.rollout.impact import LeftOut
from decision_service.rules.program import CompiledRuleset
from decision_service.steering.compare import ShadowLimits, Shadows
from decision_service.steering.counters import EventCounters
from decision_service.steering.pairs import DecidedCase
from tests.fakes.cases import case_of, changed_rules, version
from tests.fakes.counted import counted
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW, PRODUCT, SetClock
from tests.kits.decision_entries import ENTRY
from tests.kits.until import until

FOLDER = changed_rules(9)
CASE = case_of(FOLDER)
OTHER = version(FOLDER, 9)
AT_ONCE = ShadowLimits(queue=3, linger=0.0, share=1.0)
NAMES = {"product": PRODUCT, "version": "9"}


@dataclass(slots=True)
class Stand:
    """Shadows on a log and a clock of the test's own."""

    budget: ShadowLimits = AT_ONCE
    log: InMemoryDecisionLog = field(default_factory=InMemoryDecisionLog)
    clock: SetClock = field(default_factory=SetClock)
    seen: EventCounters = field(default_factory=EventCounters)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    worked: Callable[[], float] = thread_time
    shadows: Shadows = field(init=False)

    def __post_init__(self) -> None:
        self.idle.set()
        self.shadows = Shadows(
            self.log, self.clock, self.seen, self.idle.wait, self.budget, self.worked
        )

    async def offer(self, number: int, ruleset: CompiledRuleset = OTHER) -> None:
        """Offer a decision that is recorded."""
        own = {"decision_id": f"dec_{number}", "request_id": f"r-{number}"}
        await self.log.commit(replace(ENTRY, **own, snapshot=None))
        self.shadows.offer(numbered(number), (ruleset,))

    async def results(self) -> tuple[int, int]:
        """How many decisions were compared, and on how many the version failed."""
        sums = await self.log.pair_sums(PRODUCT, 9, NOW)
        return sums.everybody.applicants, sums.left_out.get(LeftOut.RULE_ERROR, 0)

    async def run(self, number: int, turns: int = 0) -> None:
        """Run the shadows until so many were asked, and some turns of the loop longer."""
        running = asyncio.create_task(self.shadows.run())
        evaluated = partial(counted, self.seen.shadow_evaluations)
        await until(evaluated, lambda seen: seen >= number, pause=0.001)
        for _ in range(turns):
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def numbered(number: int) -> DecidedCase:
    """The case under another decision's id."""
    decision = structs.replace(CASE.decision, decision_id=f"dec_{number}")
    return structs.replace(CASE, decision=decision)


async def test_a_decision_gets_the_opinion_of_its_shadow() -> None:
    """What the silent version concludes is written beside the decision."""
    stand = Stand()
    await stand.offer(1)
    await stand.run(1)
    assert await stand.results() == (1, 0)
    assert counted(stand.seen.shadow_evaluations, result="compared", **NAMES) == 1


async def test_a_crashing_shadow_is_counted_and_the_next_goes_on() -> None:
    """A version that raises leaves a failure on record and does not end the evaluating."""
    stand = Stand()
    await stand.offer(1, replace(OTHER, program=None))  # type: ignore[arg-type]  # as no compiler makes it
    await stand.offer(2)
    await stand.run(2)
    assert await stand.results() == (1, 1)
    assert counted(stand.seen.shadow_evaluations, result="failed", **NAMES) == 1


async def test_a_full_queue_drops_and_counts() -> None:
    """What does not fit into the queue is dropped at once, whoever offers it never waits."""
    stand = Stand()
    for number in range(5):
        await stand.offer(number)
    assert counted(stand.seen.shadow_dropped, product=PRODUCT, why="queue_full") == 2


async def test_who_waited_too_long_is_dropped() -> None:
    """A decision that waited beyond the patience is not evaluated any more."""
    stand = Stand()
    await stand.offer(1)
    stand.clock.seconds += 31
    await stand.offer(2)
    await stand.run(1)
    assert await stand.results() == (1, 0)
    assert counted(stand.seen.shadow_dropped, product=PRODUCT, why="waited_too_long") == 1


class Ticking(SetClock):
    """A clock that moves a second whenever it is read."""

    def monotonic(self) -> float:
        self.seconds += 1.0
        return self.seconds


async def test_a_slow_shadow_is_counted() -> None:
    """An evaluation that takes longer than it may is recorded all the same, and counted."""
    stand = Stand(clock=Ticking(), budget=replace(AT_ONCE, patience=1e9))
    await stand.offer(1)
    await stand.run(1)
    assert counted(stand.seen.shadow_slow, **NAMES) == 1
    assert await stand.results() == (1, 0)


@pytest.mark.parametrize(("second", "asked"), [(1.0, 1), (0.0, 2)])
async def test_an_evaluation_is_followed_by_many_times_its_work(second: float, asked: int) -> None:
    """After a second of a processor's work it rests for minutes; after one of waiting, not."""
    budget = replace(AT_ONCE, patience=1e9, share=ShadowLimits().share)
    stand = Stand(clock=Ticking(), budget=budget, worked=partial(next, count(0.0, second)))
    await stand.offer(1)
    await stand.offer(2)
    await stand.run(asked, turns=20)
    assert counted(stand.seen.shadow_evaluations, result="compared", **NAMES) == asked


async def test_a_result_that_the_store_does_not_take_is_dropped_and_counted() -> None:
    """The next one is stored once the store is back."""
    stand = Stand()
    await stand.offer(1)
    stand.log.down = True
    await stand.run(1)
    stand.log.down = False
    await stand.offer(2)
    await stand.run(2)
    assert await stand.results() == (1, 0)
    assert counted(stand.seen.shadow_dropped, product=PRODUCT, why="store_unavailable") == 1


async def test_decisions_in_progress_go_first() -> None:
    """While a decision is in progress a silent version waits; once there is none it goes on."""
    stand = Stand(budget=replace(AT_ONCE, yielding=1e9))
    stand.idle.clear()
    await stand.offer(1)
    running = asyncio.create_task(stand.shadows.run())
    for _ in range(20):
        await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert counted(stand.seen.shadow_evaluations) == counted(stand.seen.shadow_dropped) == 0
    await stand.offer(2)
    stand.idle.set()
    await stand.run(1)
