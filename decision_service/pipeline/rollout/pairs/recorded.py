"""Recorded decisions as another version can judge them, newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from decision_service.domain.decision import Arm
from decision_service.domain.errors import RulesetUnknown
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.verdict import Outcome
from decision_service.pipeline.decide.conclude import judge
from decision_service.pipeline.decide.record_codec import decode_facts, factors_from_wire
from decision_service.pipeline.ports import DecisionLog, Filter, PagePosition, StoredEntry
from decision_service.pipeline.records.read import Recorded
from decision_service.pipeline.records.replay import shell_of
from decision_service.pipeline.rollout.pairs.second_opinion import DecidedCase
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.rulebook import Product
from decision_service.pipeline.snapshots.codec import read_snapshot
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import load

_PAGE = 100


class RecordedCase(msgspec.Struct, frozen=True):
    """A recorded decision of an arm; `case` is None where its values or rules are not stored."""

    entry: StoredEntry
    arm: Arm
    case: DecidedCase | None


class RecordedCases:
    """Reads recorded decisions with what they were made from."""

    def __init__(self, log: DecisionLog, archive: RulesetArchive) -> None:
        self._log = log
        self._archive = archive

    async def newest(
        self, product: Product, since: datetime, most: int
    ) -> AsyncIterator[RecordedCase]:
        """At most so many decisions of either arm; raises StoreUnavailable."""
        async for entry in self._entries(product.name, since, most):
            recorded = Recorded(entry, decode_facts(entry.facts))
            arm = recorded.facts.assignment.arm
            if arm is not None:
                yield RecordedCase(entry, arm, await self._case(product, recorded))

    async def _entries(
        self, product: str, since: datetime, most: int
    ) -> AsyncIterator[StoredEntry]:
        chosen = Filter(product=product, created_from=since)
        after: PagePosition | None = None
        left = most
        while left > 0:
            entries = await self._log.list(chosen, after, min(_PAGE, left))
            for entry in entries:
                if entry.outcome is not Outcome.NOT_ENROLLED:
                    left -= 1
                    yield entry
            if len(entries) < _PAGE:
                return
            after = PagePosition(entries[-1].created, entries[-1].decision_id)

    async def _case(self, product: Product, recorded: Recorded) -> DecidedCase | None:
        entry, facts = recorded.entry, recorded.facts
        if facts.factors is None or not entry.ruleset_digest:
            return None
        try:
            ruleset = await self._archive.by_digest(entry.ruleset_digest)
        except RulesetUnknown:
            return None
        body = None
        if entry.snapshot_id is not None:
            body = await self._log.snapshot(entry.user_id, entry.snapshot_id)
        snapshot = None if body is None else read_snapshot(body)
        return decided_case(recorded, ruleset, snapshot, product.input_names)


def decided_case(
    recorded: Recorded, ruleset: CompiledRuleset, snapshot: Snapshot | None, known: frozenset[str]
) -> DecidedCase:
    """A recorded decision, judged again by its own rules on its recorded factor values.

    The record must hold factor values; `known` are the inputs that any loaded version declares.
    """
    assert recorded.facts.factors is not None  # noqa: S101  asked by the caller
    factors, shell = factors_from_wire(recorded.facts.factors), shell_of(recorded)
    loaded = load(ruleset, factors.values, shell.as_of)
    return DecidedCase(
        decision=judge(shell, ruleset, factors, recorded.facts.allowances, loaded),
        ruleset=ruleset,
        snapshot=snapshot,
        factors=factors,
        sent=shell.inputs,
        known=known,
        loaded=loaded,
    )
