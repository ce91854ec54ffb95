"""Many replays at once: they take turns, so that neither the store nor the loop is full of them."""

import asyncio
from dataclasses import dataclass, field

import pytest

from decision_service.decide.replay import (
    AT_ONCE,
    ReadDecisions,
    ReplayDecision,
    Replayed,
    WhichRules,
)
from decision_service.domain.errors import DecisionUnknown, FieldInvalid, RulesetUnknown
from decision_service.domain.ports import StoredEntry
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from tests.fakes.world import World, application


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
    products = watched.world.book.products
    own, other = products["personal-loan-ph"].versions[1], products["gig-advance-ph"].champion
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
    for which in (WhichRules(own.ruleset), WhichRules(own.ruleset, 1, own.digest)):
        assert (await replay(decision_id, which)).decision.ruleset_ref.digest == own.digest
