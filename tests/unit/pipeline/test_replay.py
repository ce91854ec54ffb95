"""Many replays at once: they take turns, so that neither the store nor the loop is full of them."""

import asyncio
from dataclasses import dataclass, field

import pytest

from decision_service.domain.errors import DecisionUnknown
from decision_service.pipeline.archive import RulesetArchive
from decision_service.pipeline.ports import StoredEntry
from decision_service.pipeline.read import ReadDecisions
from decision_service.pipeline.replay import AT_ONCE, ReplayDecision, WhichRules
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


def replaying(watched: Watched) -> ReplayDecision:
    """Replays over the watched log."""
    world = watched.world
    archive = RulesetArchive(watched, lambda: world.book)
    reading = ReadDecisions(watched, archive)
    return ReplayDecision(watched, reading, archive, lambda: world.book)


async def test_a_few_are_replayed_at_a_time_and_all_of_them_in_the_end() -> None:
    """Of twenty replays at once a few read the store; the others wait, and none is refused."""
    world = World()
    stored = await world.decide()(application(), world.call())
    watched = Watched(world)
    replay = replaying(watched)
    asked = [asyncio.create_task(replay(stored.decision_id, WhichRules())) for _ in range(20)]
    await asyncio.sleep(0)
    watched.gate.set()
    replayed = await asyncio.gather(*asked)
    assert watched.most == AT_ONCE
    assert {one.decision.verdict.outcome for one in replayed} == {stored.outcome}


async def test_one_that_fails_or_leaves_gives_its_turn_on() -> None:
    """Unknown decisions and callers who go away do not use the turns up."""
    world = World()
    stored = await world.decide()(application(), world.call())
    watched = Watched(world)
    replay = replaying(watched)
    gone = [asyncio.create_task(replay(stored.decision_id, WhichRules())) for _ in range(4)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    watched.gate.set()
    for _ in range(2 * AT_ONCE):
        with pytest.raises(DecisionUnknown):
            await replay("0" * 26, WhichRules())
    assert (await replay(stored.decision_id, WhichRules())).decision.decision_id
