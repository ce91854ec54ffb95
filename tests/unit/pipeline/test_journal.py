"""Moving rollouts: the journal comes first, and memory follows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
import pytest

from decision_service.domain.errors import (
    PlanChanged,
    StoreUnavailable,
)
from decision_service.domain.ports import StoredText
from decision_service.rollout.model import TrackName
from decision_service.rollout.ports import JournalAction, JournalEntry
from decision_service.rollout.state import RolloutState, initial_state
from decision_service.rulebook.rulebook import Product, Rulebook
from decision_service.steering.journal import RolloutChange, Rollouts
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW, PRODUCT, SetClock
from tests.kits.until import until
from tests.unit.rollout.plans import STAGED, edited, good, texts_of

QUARTER = ("    - {name: half,", "    - {name: quarter, percent: 25}\n    - {name: half,")


def book(*changes: tuple[str, str]) -> Rulebook:
    """A rulebook of the documented plan, changed; its rulesets do not matter here."""
    plan = good(edited(STAGED, *changes))
    return Rulebook({PRODUCT: Product(PRODUCT, {}, plan, initial_state(plan, NOW))})


@dataclass(slots=True)
class Process:
    """One process's rollouts on a journal that others share."""

    journal: InMemoryDecisionLog
    rollouts: Rollouts
    clock: SetClock

    @property
    def state(self) -> RolloutState:
        return self.rollouts.product(PRODUCT).state

    async def move(self, action, **rest) -> JournalEntry | None:
        change = RolloutChange(PRODUCT, "j.cruz", "because", track=TrackName.GO_LIVE, **rest)
        return await self.rollouts.move(change, action)

    async def advance(self, **rest) -> JournalEntry | None:
        return await self.move(JournalAction.ADVANCE, **rest)


async def started(journal: InMemoryDecisionLog, *changes: tuple[str, str]) -> Process:
    clock = SetClock()
    text = edited(STAGED, *changes)
    await journal.put_texts(
        [StoredText(good(text).digest, "plan", msgspec.json.encode(texts_of(text)))]
    )
    rollouts = await Rollouts.start(journal, book(*changes), clock)
    return Process(journal, rollouts, clock)


@pytest.fixture
def journal() -> InMemoryDecisionLog:
    return InMemoryDecisionLog()


@pytest.fixture
async def one(journal: InMemoryDecisionLog) -> Process:
    """The process that started first."""
    return await started(journal)


@pytest.fixture
async def other(journal: InMemoryDecisionLog, one: Process) -> Process:
    """A second process on the same journal."""
    return await started(journal)


async def steps(process: Process) -> list[tuple[int, str, str]]:
    """The journal, oldest first: position, who, action."""
    found = await process.rollouts.history(PRODUCT, None, 100)
    return [(entry.position, entry.who, entry.action.value) for entry in reversed(found)]


async def test_the_first_start_writes_the_first_entry(one: Process) -> None:
    """The journal begins at the plan's initial stages, and a restart adds nothing."""
    assert await steps(one) == [(1, "service", "begin")]
    again = await started(one.journal)
    assert await steps(again) == [(1, "service", "begin")]
    assert again.state == one.state == initial_state(good(STAGED), NOW)


async def test_a_step_is_journalled_with_all_that_led_to_it(one: Process) -> None:
    """Who, when, why, from what to what, under which plan and on which figures."""
    digest = one.rollouts.active_rules.current().product(PRODUCT).plan.digest
    one.clock.wall = NOW.replace(hour=5)
    before = one.state
    entry = await one.advance(figures={"units": "240"}, plan_digest=digest)
    assert entry == JournalEntry(
        PRODUCT,
        2,
        NOW.replace(hour=5),
        "j.cruz",
        "because",
        JournalAction.ADVANCE,
        before,
        one.state,
        digest,
        {"units": "240"},
    )
    assert one.state.go_live.stage == "pilot"
    assert one.rollouts.latest(PRODUCT) == entry


async def test_a_kill_comes_through_whoever_moves_beside_it(one: Process, other: Process) -> None:
    """A kill that loses its position is tried again until it is in the journal."""
    await asyncio.gather(
        one.advance(), other.move(JournalAction.KILL), one.move(JournalAction.ROLL_BACK)
    )
    await one.rollouts.refresh()
    assert one.state.go_live.killed
    assert [action for _, _, action in await steps(one)].count("kill") == 1


async def test_a_process_with_an_older_plan_moves_nothing(one: Process, other: Process) -> None:
    """While the rollout runs under a plan that this process has not read, it may only kill."""
    await other.rollouts.take_over(book(QUARTER))
    digest = one.rollouts.active_rules.current().product(PRODUCT).plan.digest
    with pytest.raises(PlanChanged, match="another plan than this process has read"):
        await one.advance(plan_digest=digest)
    killed = await one.move(JournalAction.KILL)
    assert killed.plan_digest == other.rollouts.active_rules.current().product(PRODUCT).plan.digest


async def test_a_stage_that_only_a_newer_plan_has_keeps_an_older_process_where_it_was(
    one: Process, other: Process
) -> None:
    """Until it has read the plan a process goes on at the stage it knows, but follows a kill."""
    for _ in range(2):
        await other.advance()
    await one.rollouts.refresh()
    await other.rollouts.take_over(book(QUARTER))
    await other.advance()
    assert other.state.go_live.stage == "quarter"
    await one.rollouts.refresh()
    assert one.state.go_live.stage == "early"
    await other.move(JournalAction.KILL)
    await one.rollouts.refresh()
    assert (one.state.go_live.stage, one.state.go_live.killed) == ("early", True)
    await one.rollouts.take_over(book(QUARTER))
    assert one.state == other.state


async def test_processes_that_take_a_plan_over_at_once_agree(one: Process, other: Process) -> None:
    """Of two that journal the same change one is first, and both stand at its entry."""
    taken = [process.rollouts.take_over(book(QUARTER)) for process in (one, other)]
    assert await asyncio.gather(*taken) == [None, None]
    assert len(await steps(one)) == 2
    assert one.rollouts.latest(PRODUCT) == other.rollouts.latest(PRODUCT)


async def test_a_store_that_fails_leaves_every_rollout_where_it_is(one: Process) -> None:
    """Without a store nothing moves and everything goes on; when it is back it is followed."""
    await one.advance()
    before = one.rollouts.active_rules.current()
    one.journal.down = True
    for call in (one.rollouts.refresh(), one.advance(), one.rollouts.take_over(book(QUARTER))):
        with pytest.raises(StoreUnavailable):
            await call
    assert one.rollouts.active_rules.current() is before
    one.journal.down = False
    assert (await one.advance()).after.go_live.stage == "early"


@pytest.mark.parametrize("error", [StoreUnavailable("down"), RuntimeError("a bug")])
async def test_keeping_up_outlives_every_fault(
    one: Process, other: Process, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The loop goes on after readings that fail, and sees the steps that were taken meanwhile."""
    monkeypatch.setattr("decision_service.steering.journal.REFRESH_SECONDS", 0.0)
    await other.advance()
    read, failed = one.journal.latest, 0

    async def latest():
        nonlocal failed
        failed += 1
        if failed <= 3:
            raise error
        return await read()

    monkeypatch.setattr(one.journal, "latest", latest)
    loop = asyncio.create_task(one.rollouts.keep_up())
    await until(lambda: one.state == other.state, pause=0)
    assert failed > 3
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
