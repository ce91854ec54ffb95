"""Recorded decisions as another version can judge them, newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
from msgspec.structs import replace

from decision_service.domain.errors import RulesetUnknown
from decision_service.domain.verdict import Outcome
from decision_service.impact.applicant import LeftOut
from decision_service.pipeline.decide.concluding.judge import judge
from decision_service.pipeline.decide.record_codec import decode_facts, factors_from_wire
from decision_service.pipeline.ports import DecisionLog, Filter, PagePosition, StoredEntry
from decision_service.pipeline.records.read import Recorded
from decision_service.pipeline.records.replay import shell_of
from decision_service.pipeline.rollout.pairs.case import DecidedCase
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.rulebook import Product
from decision_service.pipeline.snapshots.codec import read_snapshot
from decision_service.ruleset.run.evaluator import load

_PAGE = 100


class RecordedCase(msgspec.Struct, frozen=True):
    """A recorded decision with what it was made from, or why that cannot be read."""

    entry: StoredEntry
    case: DecidedCase | LeftOut


class RecordedCases:
    """Reads recorded decisions with what they were made from."""

    def __init__(self, log: DecisionLog, archive: RulesetArchive) -> None:
        self._log = log
        self._archive = archive

    async def newest(
        self, product: Product, since: datetime, most: int
    ) -> AsyncIterator[RecordedCase]:
        """At most so many decisions by rules; raises StoreUnavailable."""
        async for entry in self._entries(product.name, since, most):
            case = await recorded_case(entry, self._archive, product.input_names)
            if isinstance(case, DecidedCase) and entry.snapshot_id is not None:
                body = await self._log.snapshot(entry.user_id, entry.snapshot_id)
                case = with_snapshot(case, body)
            yield RecordedCase(entry, case)

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


async def recorded_case(
    entry: StoredEntry, archive: RulesetArchive, known: frozenset[str]
) -> DecidedCase | LeftOut:
    """A decision judged again by its own rules on its recorded values, without its snapshot.

    `known` are the inputs that any loaded version declares. Raises StoreUnavailable.
    """
    try:
        ruleset = await archive.by_digest(entry.ruleset_digest or "")
        facts = decode_facts(entry.facts)
    except RulesetUnknown:
        return LeftOut.RULES_UNKNOWN
    except msgspec.DecodeError:
        return LeftOut.RECORD_UNREADABLE
    if facts.factors is None:
        return LeftOut.RECORD_UNREADABLE
    factors, shell = factors_from_wire(facts.factors), shell_of(Recorded(entry, facts))
    loaded = load(ruleset, factors.values, shell.as_of)
    decision = judge(shell, ruleset, factors, facts.allowances, loaded)
    return DecidedCase(decision, ruleset, None, factors, shell.inputs, known, loaded)


def with_snapshot(case: DecidedCase, body: bytes | None) -> DecidedCase:
    """The case with its snapshot, where that is stored."""
    return case if body is None else replace(case, snapshot=read_snapshot(body))
