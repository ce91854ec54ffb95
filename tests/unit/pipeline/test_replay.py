"""Many replays at once: they take turns, so that neither the store nor the loop is full of them."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

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
    RulesetUnknown,
)
from decision_service.domain.ports import Filter, StoredEntry
from decision_service.domain.values import Money
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from tests.fakes.world import World, application, whole_rulebook


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
