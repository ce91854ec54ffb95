"""Recourse of recorded decisions: found on request, for whom the rules themselves turned down."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from decision_service.casework.recourse import FindRecourse, RecourseKind
from decision_service.decide.replay import ReadDecisions, Recorded
from decision_service.domain.factor import FactorValue
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from tests.fakes.world import World, application


async def recorded() -> tuple[Recorded, FindRecourse]:
    """A decision in FULL view, and what finds its recourse."""
    world = World()
    stored = await world.decide()(application(), world.call())
    archive = RulesetArchive(world.log, lambda: world.book, CompilationThread())
    read = await ReadDecisions(world.log, archive).get(stored.decision_id, full=True)
    return read, FindRecourse(archive)


def without_source(decision: Recorded) -> Recorded:
    """The same decision on somebody who has connected no account, which refers."""
    name = "accounts.connected_count"
    made = decision.decision
    assert made is not None
    assert made.factors is not None
    values = {**made.factors.values, name: FactorValue(name, 0)}
    factors = replace(made.factors, values=values)
    return replace(decision, decision=replace(made, factors=factors))


async def test_who_is_turned_down_is_answered_as_often_as_asked() -> None:
    """Several callers at once get one and the same answer."""
    decision, find = await recorded()
    refused = without_source(decision)
    found = await asyncio.gather(*(find(refused) for _ in range(3)))
    assert found[0] is not None
    assert found[0].answer is RecourseKind.CHANGE
    assert found[0] == found[1] == found[2]


async def test_nothing_is_looked_for_where_no_rules_can_be_asked() -> None:
    """A decision whose data was erased, or that no rules made, has no recourse."""
    decision, find = await recorded()
    refused = without_source(decision)
    assert refused.decision is not None
    assert await find(replace(refused, decision=None)) is None
    assert (
        await find(replace(refused, decision=replace(refused.decision, ruleset_ref=None))) is None
    )
