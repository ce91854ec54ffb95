"""Reading decisions back, with what the FULL view adds recomputed from the recorded values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from decision_service.domain.errors import DecisionUnknown, RulesetUnknown
from decision_service.domain.factor import Factors
from decision_service.domain.money import Money
from decision_service.domain.verdict import ApprovalTerms, StageTrace
from decision_service.pipeline.decide.concluding.judge import expiry, midnight
from decision_service.pipeline.decide.overrides.settle import Settled, settle
from decision_service.pipeline.decide.record_codec import (
    StoredFacts,
    decode_facts,
    factors_from_wire,
    inputs_from_wire,
)
from decision_service.pipeline.ports import DecisionLog, Filter, PagePosition, StoredEntry
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.ruleset.explain.trace import traces
from decision_service.ruleset.run.evaluator import Facts
from decision_service.ruleset.run.pricing import UNCHECKED, price


class Recorded(msgspec.Struct, frozen=True):
    """A decision as recorded: its entry, its facts, and for the FULL view factors and traces.

    `settled` is what was decided, and `expires` when it ends, both recomputed; None as factors are.
    """

    entry: StoredEntry
    facts: StoredFacts
    factors: Factors | None = None
    traces: tuple[StageTrace, ...] = ()
    settled: Settled | None = None
    expires: datetime | None = None


class DecisionPage(msgspec.Struct, frozen=True):
    """One page of a listing; `next` is None on the last one."""

    entries: Sequence[StoredEntry]
    next: PagePosition | None


def known_facts(recorded: Recorded) -> Facts:
    """What the rules were told; the record has factors."""
    factors, facts = recorded.factors, recorded.facts
    values = {} if factors is None else factors.values
    return Facts(values, inputs_from_wire(facts.inputs), facts.as_of, answers=facts.answers)


class ReadDecisions:
    """Gets and lists recorded decisions."""

    def __init__(self, log: DecisionLog, archive: RulesetArchive) -> None:
        self._log = log
        self._archive = archive

    async def get(self, decision_id: str, *, full: bool, scope: str = "") -> Recorded:
        """One decision; raises DecisionUnknown, also where it is not the caller `scope`'s."""
        entry = await self._log.get(decision_id)
        if entry is None or scope not in {"", entry.caller}:
            raise DecisionUnknown.of(decision_id)
        facts = decode_facts(entry.facts)
        if not full or facts.factors is None or entry.ruleset_digest is None:
            return Recorded(entry, facts)
        factors = factors_from_wire(facts.factors)
        ruleset = await self._archive.by_digest(entry.ruleset_digest)
        recorded = Recorded(entry, facts, factors)
        settled = settle(ruleset, known_facts(recorded), facts.allowances)
        expires = expiry(settled.verdict, factors, ruleset, facts.as_of, facts.answers)
        shown = traces(ruleset, settled.verdict)
        return replace(recorded, traces=shown, settled=settled, expires=expires)

    async def price(self, decision_id: str, amount: Money) -> ApprovalTerms:
        """Term, instalment, failed checks and end of an amount by the rules that decided.

        UNCHECKED where these are known no more, or the values behind the decision were erased.
        Raises DecisionUnknown.
        """
        try:
            recorded = await self.get(decision_id, full=True)
            digest = recorded.entry.ruleset_digest
            if recorded.settled is None or digest is None:
                return UNCHECKED
            ruleset = await self._archive.by_digest(digest)
        except RulesetUnknown:
            return UNCHECKED
        verdict, zone = recorded.settled.verdict, recorded.facts.as_of.zone
        change = None if verdict.param_change is None else midnight(verdict.param_change, zone)
        terms = price(ruleset, verdict, amount)
        return replace(terms, valid_for=ruleset.valid_for, change=change)

    async def list(self, chosen: Filter, after: PagePosition | None, size: int) -> DecisionPage:
        """One page, newest first."""
        entries = await self._log.list(chosen, after, size + 1)
        if len(entries) <= size:
            return DecisionPage(entries, None)
        last = entries[size - 1]
        return DecisionPage(entries[:size], PagePosition(last.created, last.decision_id))
