"""Replays of what a world has recorded."""

from __future__ import annotations

from decision_service.decide.replay import ReadDecisions, ReplayDecision, WhichRules
from decision_service.domain.decision import Decision
from decision_service.domain.ports import StoredEntry
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from tests.fakes.world import World


async def replayed(world: World, entry: StoredEntry, version: int = 0) -> Decision:
    """A recorded decision recomputed by its rules, or by another version."""
    archive = RulesetArchive(world.log, lambda: world.book, CompilationThread())
    reading = ReadDecisions(world.log, archive)
    replay = ReplayDecision(world.log, reading, archive, lambda: world.book)
    return (await replay(entry.decision_id, WhichRules(version=version))).decision
