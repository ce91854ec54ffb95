"""Work that takes turns: replays, compilations, and the bulkhead that bounds them."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from decision_service.decide.dry_run import ValidateRules
from decision_service.decide.flow import Bulkhead
from decision_service.decide.replay import (
    AT_ONCE,
    ReadDecisions,
    ReplayDecision,
    Replayed,
    WhichRules,
)
from decision_service.domain.errors import (
    DecisionUnknown,
    FieldInvalid,
    InputInvalid,
    Overloaded,
    RulesetUnknown,
)
from decision_service.domain.ports import Filter, StoredEntry
from decision_service.domain.values import Money
from decision_service.factors.registry import catalogue
from decision_service.rulebook.archive import MOST, CompilationThread, RulesetArchive, ruleset_text
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import RulesetFiles
from tests.fakes.world import World, application, shipped_rules, whole_rulebook
from tests.unit.rules.kit import rules, stages


class Workers:
    """Pieces of work that hold their place until they are let go."""

    def __init__(self, bulkhead: Bulkhead) -> None:
        self.bulkhead = bulkhead
        self.began: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.go = asyncio.Event()

    async def start(self, count: int) -> None:
        for number in range(len(self.tasks), len(self.tasks) + count):
            self.tasks.append(asyncio.create_task(self._work(number)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _work(self, number: int) -> None:
        async with self.bulkhead:
            self.began.append(number)
            await self.go.wait()


async def test_work_beyond_the_limit_waits_in_order() -> None:
    """Two work, four wait, and they get their places first come, first served."""
    workers = Workers(Bulkhead(2))
    await workers.start(6)
    assert (workers.began, workers.bulkhead.working, workers.bulkhead.waiting) == ([0, 1], 2, 4)
    workers.go.set()
    await asyncio.gather(*workers.tasks)
    assert workers.began == [0, 1, 2, 3, 4, 5]
    assert (workers.bulkhead.working, workers.bulkhead.waiting) == (0, 0)


async def test_more_than_twice_the_limit_does_not_wait() -> None:
    """The seventh of two places is refused at once, and counted; later there is room again."""
    workers = Workers(Bulkhead(2))
    await workers.start(6)
    with pytest.raises(Overloaded):
        await workers.bulkhead.__aenter__()
    assert workers.bulkhead.refused == 1
    workers.go.set()
    await asyncio.gather(*workers.tasks)
    async with workers.bulkhead:
        assert workers.bulkhead.working == 1


async def test_who_gives_up_waiting_leaves_the_queue() -> None:
    """A cancelled waiter takes no place from those behind it."""
    workers = Workers(Bulkhead(1))
    await workers.start(3)
    workers.tasks[1].cancel()
    await asyncio.sleep(0)
    assert workers.bulkhead.waiting == 1
    workers.go.set()
    await asyncio.gather(*workers.tasks, return_exceptions=True)
    assert workers.began == [0, 2]


async def test_who_gives_up_as_a_place_is_free_is_passed_over() -> None:
    """A waiter that is cancelled in the turn in which a place is given up ends as cancelled."""
    workers = Workers(Bulkhead(1))
    await workers.start(3)
    for task in workers.tasks[:2]:
        task.cancel()
    workers.go.set()
    ends = await asyncio.gather(*workers.tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 2 + [type(None)]
    assert workers.began == [0, 2]


async def test_a_shedding_bulkhead_takes_nothing_new() -> None:
    """What is in progress goes on; new work is refused even where places are free."""
    bulkhead = Bulkhead(2)
    async with bulkhead:
        bulkhead.shedding = True
        with pytest.raises(Overloaded):
            await bulkhead.__aenter__()
    bulkhead.shedding = False
    async with bulkhead:
        assert bulkhead.working == 1


@dataclass
class Watched:
    """The world's log, which counts how many look up a decision at the same time."""

    world: World
    now: int = 0
    most: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, decision_id: str) -> StoredEntry | None:
        """Wait until the gate opens, and look it up."""
        self.now += 1
        self.most = max(self.most, self.now)
        await self.gate.wait()
        self.now -= 1
        return await self.world.log.get(decision_id)

    def __getattr__(self, name: str) -> object:
        return getattr(self.world.log, name)


async def decided() -> tuple[str, ReplayDecision, Watched]:
    """A decision's id, replays over the watched log that holds it, and the log."""
    world = World()
    stored = await world.decide()(application(), world.call())
    watched = Watched(world)
    archive = RulesetArchive(watched, lambda: world.book, CompilationThread())
    reading = ReadDecisions(watched, archive)
    return (
        stored.decision_id,
        ReplayDecision(watched, reading, archive, lambda: world.book),
        watched,
    )


def many(replay: ReplayDecision, decision_id: str, count: int) -> list[asyncio.Task[Replayed]]:
    """So many replays of it, asked for at once."""
    return [asyncio.create_task(replay(decision_id, WhichRules())) for _ in range(count)]


async def test_a_few_are_replayed_at_a_time_and_all_of_them_in_the_end() -> None:
    """Of twenty replays at once a few read the store; the others wait, and none is refused."""
    decision_id, replay, watched = await decided()
    asked = many(replay, decision_id, 20)
    await asyncio.sleep(0)
    watched.gate.set()
    replayed = await asyncio.gather(*asked)
    assert watched.most == AT_ONCE
    recorded = replayed[0].recorded.entry.outcome
    assert {one.decision.verdict.outcome for one in replayed} == {recorded}


async def test_one_that_fails_or_leaves_gives_its_turn_on() -> None:
    """Unknown decisions and callers who go away do not use the turns up."""
    decision_id, replay, watched = await decided()
    gone = many(replay, decision_id, 4)
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    watched.gate.set()
    for _ in range(2 * AT_ONCE):
        with pytest.raises(DecisionUnknown):
            await replay("0" * 26, WhichRules())
    assert (await replay(decision_id, WhichRules())).decision.decision_id


async def test_a_decision_is_replayed_by_rules_of_its_own_product_alone() -> None:
    """Rules of another product are refused by name and by digest; what is named must agree."""
    decision_id, replay, watched = await decided()
    watched.gate.set()
    watched.world.book = whole_rulebook()
    products = watched.world.book.products
    own, other = products["personal-loan-ph"].champion, products["gig-advance-ph"].champion
    for which, wrong in (
        (WhichRules(ruleset=other.ruleset), "ruleset_ref.ruleset"),
        (WhichRules(other.ruleset, other.version, other.digest), "ruleset_ref.ruleset"),
        (WhichRules(digest=other.digest), "ruleset_ref.digest"),
        (WhichRules(version=2, digest=own.digest), "ruleset_ref.version"),
    ):
        with pytest.raises(FieldInvalid) as refused:
            await replay(decision_id, which)
        assert refused.value.fields["field"] == wrong
    with pytest.raises(RulesetUnknown, match="has no version 99: the loaded ones are 1"):
        await replay(decision_id, WhichRules(version=99))
    for which in (WhichRules(own.ruleset), WhichRules(own.ruleset, own.version, own.digest)):
        assert (await replay(decision_id, which)).decision.ruleset_ref.digest == own.digest


async def test_what_if_is_checked_as_an_application_and_recorded_nowhere() -> None:
    """Other inputs take the place of the recorded ones; a wrong one is refused by its name."""
    decision_id, replay, watched = await decided()
    watched.gate.set()
    before = await watched.world.log.get(decision_id)
    asked = {"requested_amount": Money("PHP", 1_000_000)}
    decision = (await replay(decision_id, WhichRules(), "", asked)).decision
    assert decision.inputs == {**asked, "requested_term_months": 6}
    assert decision.verdict.offer is not None
    assert decision.verdict.offer.approved_amount == asked["requested_amount"]
    for wrong, said in (
        ({"requested_term_months": 0}, "requested_term_months is 0"),
        ({"requested_amount": Money("USD", 1)}, "requested_amount is in USD"),
        ({"hours": Decimal(3)}, "inputs.hours is no input of personal-loan-ph v"),
    ):
        with pytest.raises(InputInvalid, match=said):
            await replay(decision_id, WhichRules(), "", wrong)
    assert await watched.world.log.get(decision_id) == before
    assert len(await watched.world.log.list(Filter(), None, 10)) == 1


async def test_the_income_of_each_month_is_read_while_its_data_is_stored() -> None:
    """A scheme's two years, up to its ceiling of then, and a late October; nothing once erased."""
    decision_id, replay, watched = await decided()
    watched.gate.set()
    recorded = await replay.reading.get(decision_id, full=True)
    *known, october = await replay.reading.income_months(recorded)
    amounts = [(one.month[:4], one.state, one.amount) for one in known]
    at_ceiling = ("2024", "KNOWN", Money("PHP", 3_000_000))
    assert amounts[:3] == [at_ceiling, at_ceiling, ("2025", "KNOWN", Money("PHP", 3_500_000))]
    assert [known[0].month, len(known)] == ["2024-11", 23]
    assert (october.month, october.state, october.amount) == ("2026-10", "OPEN", None)
    assert not await replay.reading.income_months(await replay.reading.get(decision_id, full=False))
    await watched.world.log.erase("u-1")
    erased = await replay.reading.get(decision_id, full=True)
    assert not await replay.reading.income_months(erased)
    assert not await replay.reading.income_months(recorded)


class Held:
    """Work that tells that it has begun, and ends when it is let go; `ran` are the ended ones."""

    def __init__(self):
        self.begun, self.go, self.ran = threading.Event(), threading.Event(), []

    def work(self, number):
        """Wait for `go`, and give the thread."""
        self.begun.set()
        self.go.wait()
        self.ran.append(number)
        return threading.current_thread()


@pytest.fixture
def held():
    """Held work, let go in the end whatever comes."""
    one = Held()
    yield one
    one.go.set()


async def until_begun(held):
    """Let the loop turn until the work has begun on its thread."""
    while not held.begun.is_set():
        await asyncio.sleep(0)


async def test_the_loop_turns_while_a_ruleset_is_compiled(held):
    """Work that does not end keeps no other call from its turn: it runs on another thread."""
    asked = asyncio.create_task(CompilationThread().run(held.work, 1))
    await until_begun(held)
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert not asked.done()
    held.go.set()
    assert await asked is not threading.current_thread()


async def test_what_waits_beyond_the_bound_is_refused(held):
    """Eight run or wait; the ninth is told to call again, and the eight end one after the other."""
    thread = CompilationThread()
    asked = [asyncio.create_task(thread.run(held.work, n)) for n in range(MOST)]
    await until_begun(held)
    with pytest.raises(Overloaded, match="8 rulesets are being compiled or wait"):
        await thread.run(held.work, MOST)
    held.go.set()
    assert len(set(await asyncio.gather(*asked))) == 1
    assert held.ran == list(range(MOST))


async def test_what_nobody_waits_for_is_not_begun(held):
    """A caller who leaves before his turn gives his place up."""
    thread = CompilationThread()
    first = asyncio.create_task(thread.run(held.work, 1))
    await until_begun(held)
    left = asyncio.create_task(thread.run(held.work, 2))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])
    held.go.set()
    await first
    await thread.run(held.work, 3)
    assert held.ran == [1, 3]


async def test_texts_are_validated_and_old_rulesets_read_on_that_thread(held):
    """Both wait while something else is compiled, and the loop turns meanwhile."""
    world, thread = World(), CompilationThread()
    stored = load_rules(shipped_rules(), world.clock.now()).texts[0]
    await world.log.put_texts([stored])
    asked = asyncio.create_task(thread.run(held.work, 1))
    await until_begun(held)
    validate = ValidateRules(RuleFolder, frozenset(), world.clock, thread)
    archive = RulesetArchive(world.log, Rulebook, thread)
    waiting = [
        asyncio.create_task(validate("p", "ruleset: p")),
        asyncio.create_task(archive.by_digest(stored.digest)),
    ]
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert not [task for task in waiting if task.done()]
    held.go.set()
    await asked
    compilation, ruleset = await asyncio.gather(*waiting)
    assert compilation.diagnostics
    assert ruleset.digest == stored.digest


async def test_an_old_ruleset_is_read_without_the_checks_of_today():
    """What has decided replays, although its text would be refused as an author's edit."""
    text = stages(rules("id: fine, when: income.months_24m / 0 > 1, then: APPROVE"))
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text)
    assert compile_ruleset(files, catalogue()).ruleset is None
    once = compile_ruleset(files, catalogue(), checks=()).ruleset
    world = World()
    await world.log.put_texts([ruleset_text(once, files)])
    archive = RulesetArchive(world.log, Rulebook, CompilationThread())
    assert (await archive.by_digest(once.digest)).digest == once.digest
