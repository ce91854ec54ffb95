"""Recorded decisions: reading them back, and replaying them from stored facts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Generic, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from decision_service.build import engine_version
from decision_service.decide.admit import bound_inputs
from decision_service.decide.codec import (
    StoredFacts,
    decode_facts,
    factors_from_wire,
    read_snapshot,
)
from decision_service.decide.conclude import judge, midnight, with_answers
from decision_service.domain.decision import ApprovalTerms, Decision, Outcome, StageTrace, Verdict
from decision_service.domain.errors import (
    DecisionUnknown,
    FieldInvalid,
    RulesetUnknown,
    SnapshotErased,
)
from decision_service.domain.factor import FactorValue, Input
from decision_service.domain.ports import DecisionLog, Filter, PagePosition, StoredEntry
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import Money
from decision_service.factors.compute import compute, needs_with, with_values
from decision_service.factors.monthly_income import IncomeMonth, last_income_months, reads_income
from decision_service.factors.registry import that_went
from decision_service.rulebook.archive import RulesetArchive
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.evaluate import traces
from decision_service.rules.offer import UNCHECKED, price
from decision_service.rules.program import CompiledRuleset

Entry = TypeVar("Entry")
Position = TypeVar("Position")
Found = TypeVar("Found")
Fitting: TypeAlias = Callable[[Sequence[StoredEntry]], Awaitable[Sequence[bool]]]
"""Whether each of some decisions is looked for, by what no store can search in."""

# Each computes for milliseconds on the event loop: many would hold the store's connections,
# and all other calls, for as long as all of them take.
AT_ONCE = 2
"""How many decisions are replayed at a time: one is computed while another is read."""


LOOKED_AT_TOGETHER = 250
MOST_LOOKED_AT = 2000
"""How many decisions are read at a time, and for one page, where each is asked whether it fits."""


class Recorded(msgspec.Struct, frozen=True):
    """`decision` is made again of the recorded values, for the FULL view alone, as the traces."""

    entry: StoredEntry
    facts: StoredFacts
    decision: Decision | None = None
    traces: tuple[StageTrace, ...] = ()


class Page(msgspec.Struct, Generic[Entry, Position], frozen=True):
    """Entries of a list, and where the next page begins; None where there is none."""

    entries: tuple[Entry, ...]
    next: Position | None

    @classmethod
    def of(
        cls, found: Sequence[Entry], size: int, position: Callable[[Entry], Position]
    ) -> Page[Entry, Position]:
        """So many entries of those found, of which one more was looked for."""
        return cls(tuple(found[:size]), position(found[size - 1]) if len(found) > size else None)


class ReadDecisions(msgspec.Struct, frozen=True, eq=False):
    log: DecisionLog
    archive: RulesetArchive

    async def get(self, decision_id: str, *, full: bool, scope: str = "") -> Recorded:
        """One decision; raises DecisionUnknown, also where it is not the caller `scope`'s."""
        entry = await self.log.get(decision_id)
        if entry is None or scope not in {"", entry.caller}:
            raise DecisionUnknown.of(decision_id)
        facts = decode_facts(entry.facts)
        if not full or facts.factors is None or entry.ruleset_digest is None:
            return Recorded(entry, facts)
        # No traces are stored, since they are rarely read: they are made again here (0100).
        factors = factors_from_wire(facts.factors)
        ruleset = await self.archive.by_digest(entry.ruleset_digest)
        decision = judge(shell_of(entry, facts), ruleset, factors, allowances=facts.allowances)
        return Recorded(entry, facts, decision, traces=traces(ruleset, decision.verdict))

    async def price(self, decision_id: str, amount: Money) -> ApprovalTerms:
        """UNCHECKED where the rules are unknown or the values erased; raises DecisionUnknown."""
        try:
            decision = (await self.get(decision_id, full=True)).decision
            if decision is None or decision.ruleset_ref is None:
                return UNCHECKED
            ruleset = await self.archive.by_digest(decision.ruleset_ref.digest)
        except RulesetUnknown:
            return UNCHECKED
        # of a capped approval, or one by a doubtful clock, the rules have made an offer
        verdict = decision.rules_verdict
        zone = decision.as_of.zone
        change = None if verdict.param_change is None else midnight(verdict.param_change, zone)
        terms = price(ruleset, verdict, amount)
        return replace(terms, valid_for=ruleset.valid_for, change=change)

    async def list(
        self,
        chosen: Filter,
        after: PagePosition | None,
        size: int,
        fitting: Fitting | None = None,
    ) -> Page[StoredEntry, PagePosition]:
        """A page of those that fit, which may be short of its size where MOST_LOOKED_AT were not.

        The next one then goes on after the last that was looked at.
        """
        found: list[StoredEntry] = []
        together = size if fitting is None else LOOKED_AT_TOGETHER
        # A filter that fits few decisions may not read the whole store for one page.
        for _ in range(0, together if fitting is None else MOST_LOOKED_AT, together):
            read = Page.of(await self.log.list(chosen, after, together + 1), together, _position)
            after = read.next
            fits = [True] * len(read.entries) if fitting is None else await fitting(read.entries)
            for entry, is_fit in zip(read.entries, fits, strict=True):
                if is_fit:
                    found.append(entry)
                if len(found) == size:
                    whole = entry is read.entries[-1]
                    return Page((*found,), after if whole else _position(entry))
            if after is None:
                break
        return Page((*found,), after)

    async def reading(self, entry: StoredEntry) -> Snapshot | None:
        """The data that a decision rests on; None where it was made without any.

        Raises SnapshotErased.
        """
        if entry.snapshot_id is None:
            return None
        body = await self.log.snapshot(entry.user_id, entry.snapshot_id)
        if body is None:
            raise SnapshotErased.of("but not who applied")
        return await asyncio.to_thread(read_snapshot, body)

    async def income_months(self, recorded: Recorded) -> Sequence[IncomeMonth]:
        """Of the last 24 months; none where the data is erased or the rules read no income."""
        return await self.under(recorded, partial(_income_months, recorded)) or ()

    async def under(
        self, recorded: Recorded, look: Callable[[CompiledRuleset, Snapshot], Found]
    ) -> Found | None:
        """What a look at the reading under a decision finds, on a thread; None where it is erased.

        It is given the rules that decided. Raises RulesetUnknown.
        """
        entry = recorded.entry
        if recorded.decision is None or entry.snapshot_id is None or entry.ruleset_digest is None:
            return None
        ruleset = await self.archive.by_digest(entry.ruleset_digest)
        body = await self.log.snapshot(entry.user_id, entry.snapshot_id)
        if body is None:
            return None

        def read() -> Found:
            return look(ruleset, read_snapshot(body))

        return await asyncio.to_thread(read)


def _income_months(
    recorded: Recorded, ruleset: CompiledRuleset, snapshot: Snapshot
) -> Sequence[IncomeMonth]:
    decision = recorded.decision
    if decision is None or not reads_income(ruleset.needs.factors):
        return ()
    return last_income_months(snapshot, needs_with(ruleset.needs, decision.inputs), decision.as_of)


def _position(entry: StoredEntry) -> PagePosition:
    return PagePosition(entry.created, entry.decision_id)


class WhichRules(msgspec.Struct, frozen=True):
    """The rules to replay by; empty means the recorded ones. What is named must agree."""

    ruleset: str = ""
    version: int = 0
    digest: str = ""


class Replayed(msgspec.Struct, frozen=True):
    recorded: Recorded
    decision: Decision
    traces: tuple[StageTrace, ...]


class ReplayDecision(msgspec.Struct, frozen=True, eq=False):
    log: DecisionLog
    reading: ReadDecisions
    archive: RulesetArchive
    rulebook: Callable[[], Rulebook]
    _turns: asyncio.Semaphore = msgspec.field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def __call__(
        self,
        decision_id: str,
        which: WhichRules,
        scope: str = "",
        inputs: Mapping[str, Input] = MappingProxyType({}),
    ) -> Replayed:
        """The recomputed decision; raises DecisionUnknown, RulesetUnknown, SnapshotErased.

        Raises FieldInvalid for rules of another product, and a version that is not the digest's.
        Where `scope` names a caller, other callers' decisions are unknown. `inputs` take the place
        of the recorded ones; raises InputInvalid as a new decision. First come, first served, a
        few at a time.
        """
        async with self._turns:
            return await self._replayed(decision_id, which, scope, inputs=inputs)

    async def _replayed(
        self, decision_id: str, which: WhichRules, scope: str, inputs: Mapping[str, Input]
    ) -> Replayed:
        recorded = await self.reading.get(decision_id, full=True, scope=scope)
        entry = recorded.entry
        _require_product(which.ruleset, "ruleset", entry.product)
        shell = shell_of(entry, recorded.facts)
        if entry.snapshot_id is None:
            return Replayed(recorded, shell, ())
        ruleset = await self._rules(entry, which)
        body = await self.log.snapshot(entry.user_id, entry.snapshot_id)
        if body is None:
            raise SnapshotErased.of("but not replayed")
        if inputs:
            shell = self._what_if(shell, ruleset, inputs)
        needs = needs_with(ruleset.needs, shell.inputs)
        factors = compute(read_snapshot(body), needs, shell.as_of, own=shell.own)
        if (went := that_went(needs.factors)) and recorded.decision is not None:
            factors = with_values(factors, _recorded(recorded.decision, went))
        shell = with_answers(shell, ruleset)
        # The day's totals as they were found: what was approved since changes no replay (0134).
        decision = judge(shell, ruleset, factors, allowances=recorded.facts.allowances)
        return Replayed(recorded, decision, traces(ruleset, decision.verdict))

    def _what_if(
        self, shell: Decision, ruleset: CompiledRuleset, changed: Mapping[str, Input]
    ) -> Decision:
        """With other inputs, without what lists answered about those that are others now."""
        product = self.rulebook().product(shell.product)
        was = shell.inputs
        inputs = bound_inputs(product, ruleset, {**was, **changed}, as_of=shell.as_of)
        known = [one for one in shell.answers if inputs.get(one.input) == was.get(one.input)]
        return replace(shell, inputs=inputs, answers=(*known,))

    async def _rules(self, entry: StoredEntry, which: WhichRules) -> CompiledRuleset:
        if which.version and not which.digest:
            return self.rulebook().product(entry.product).version(which.version)
        ruleset = await self.archive.by_digest(which.digest or entry.ruleset_digest or "")
        _require_product(ruleset.ruleset, "digest", entry.product)
        if which.version not in {0, ruleset.version}:
            what = f"is {which.version}, but the digest is that of version {ruleset.version}"
            raise FieldInvalid.of("ruleset_ref.version", f"{what}: send one of the two")
        return ruleset


def _recorded(decision: Decision, names: Iterable[str]) -> Mapping[str, FactorValue]:
    """The values of factors that went, which nothing computes any more, as they were recorded."""
    known = decision.factors.values if decision.factors is not None else {}
    return {name: known[name] for name in names if name in known}


def _require_product(named: str, part: str, product: str) -> None:
    if named and named != product:
        raise FieldInvalid.of(
            f"ruleset_ref.{part}",
            f"names rules of {named}, but the decision is of {product}: name a version or digest "
            f"of {product}",
        )


def shell_of(entry: StoredEntry, facts: StoredFacts) -> Decision:
    """The recorded decision without its verdict: ids, instants, inputs, own facts, assignment."""
    return Decision(
        **entry.request_fields(),
        decision_id=entry.decision_id,
        created=entry.created,
        as_of=facts.as_of,
        assignment=facts.assignment,
        inputs=facts.sent,
        verdict=Verdict(Outcome.NOT_ENROLLED),
        engine_version=engine_version(),
        snapshot_id=entry.snapshot_id,
        fetched=facts.fetched,
        upstream_calls=facts.upstream_calls,
        own=facts.own,
        answers=facts.answers,
        first_decision_id=facts.first_decision,
    )
