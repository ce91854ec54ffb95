"""Comparison of two versions on the same applicants: agreement, changes and their reasons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

import msgspec

from decision_service.domain.decision import Arm
from decision_service.domain.errors import RulesetUnknown
from decision_service.domain.verdict import Outcome
from decision_service.pipeline.decide.conclude import judge
from decision_service.pipeline.decide.record_codec import (
    decode_facts,
    factors_from_wire,
    inputs_from_wire,
)
from decision_service.pipeline.ports import DecisionLog, Filter, PagePosition, StoredEntry
from decision_service.pipeline.records.read import Recorded
from decision_service.pipeline.records.replay import shell_of
from decision_service.pipeline.rollout.pairs.pairs import (
    Comparability,
    DecisionPair,
    Group,
    PairLog,
    grouped,
    swapped,
)
from decision_service.pipeline.rollout.pairs.second_opinion import DecidedCase, second_opinion
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.pipeline.snapshots.codec import read_snapshot

_PAGE = 100


class ComparisonRequest(msgspec.Struct, frozen=True):
    """What to compare: a shadow by its version, or for 0 the challenger.

    Of recorded decisions the newest `most` from `since` on are judged again by the other version.
    """

    product: str
    shadow: int
    since: datetime
    most: int


class VersionComparison(msgspec.Struct, frozen=True):
    """Alike pairs together; `live` is what decided (or the champion), `other` what is compared."""

    product: str
    live_version: int
    other_version: int
    since: datetime
    currency: str
    groups: Sequence[Group]

    @property
    def compared(self) -> int:
        """How many pairs were compared."""
        return self.counted(Comparability.COMPARED)

    @property
    def agreed(self) -> int:
        """How many compared pairs have equal outcomes, whatever the amounts."""
        return sum(group.count for group in self.groups if group.live is group.other)

    def counted(self, standing: Comparability) -> int:
        """How many pairs have this comparability."""
        return sum(group.count for group in self.groups if group.standing is standing)


class CompareVersions:
    """Compares by stored shadow results, or by re-evaluating decisions; records nothing."""

    def __init__(
        self,
        log: DecisionLog,
        pairs: PairLog,
        archive: RulesetArchive,
        rulebook: Callable[[], Rulebook],
    ) -> None:
        self._log = log
        self._pairs = pairs
        self._archive = archive
        self._rulebook = rulebook

    async def __call__(self, question: ComparisonRequest) -> VersionComparison:
        """The comparison; raises ProductUnknown, RulesetUnknown or StoreUnavailable."""
        product = self._rulebook().product(question.product)
        version = question.shadow or _challenger(product)
        if question.shadow:
            groups = await self._pairs.groups(product.name, version, question.since)
            if not groups:
                _require_shadow(product, version)
        else:
            groups = grouped([pair async for pair in self._judged(product, version, question)])
        return VersionComparison(
            product=product.name,
            live_version=product.plan.versions.champion,
            other_version=version,
            since=question.since,
            currency=product.champion.currency,
            groups=groups,
        )

    async def _judged(
        self, product: Product, challenger: int, question: ComparisonRequest
    ) -> AsyncIterator[DecisionPair]:
        """Each recorded decision of either arm, judged by the other arm's version."""
        async for entry in self._newest(question):
            facts = decode_facts(entry.facts)
            arm = facts.assignment.arm
            case = await self._case(product, entry)
            if case is None or arm is None:
                continue
            champion = arm is Arm.CHAMPION
            other = product.versions[challenger] if champion else product.champion
            if case.ruleset.digest == other.digest:
                continue
            pair = await asyncio.to_thread(second_opinion, case, other)
            yield pair if champion else swapped(pair)

    async def _newest(self, question: ComparisonRequest) -> AsyncIterator[StoredEntry]:
        chosen = Filter(product=question.product, created_from=question.since)
        after: PagePosition | None = None
        left = question.most
        while left > 0:
            entries = await self._log.list(chosen, after, min(_PAGE, left))
            for entry in entries:
                if entry.outcome is not Outcome.NOT_ENROLLED:
                    left -= 1
                    yield entry
            if len(entries) < _PAGE:
                return
            after = PagePosition(entries[-1].created, entries[-1].decision_id)

    async def _case(self, product: Product, entry: StoredEntry) -> DecidedCase | None:
        """The decision with its snapshot and facts; None where a part was erased."""
        facts = decode_facts(entry.facts)
        if entry.snapshot_id is None or facts.factors is None or not entry.ruleset_digest:
            return None
        body = await self._log.snapshot(entry.user_id, entry.snapshot_id)
        if body is None:
            return None
        try:
            ruleset = await self._archive.by_digest(entry.ruleset_digest)
        except RulesetUnknown:
            return None
        factors = factors_from_wire(facts.factors)
        decision = judge(shell_of(Recorded(entry, facts)), ruleset, factors)
        sent = inputs_from_wire(facts.inputs)
        return DecidedCase(
            decision, ruleset, read_snapshot(body), factors, sent, product.input_names
        )


def _require_shadow(product: Product, version: int) -> None:
    """Raise RulesetUnknown for a version without results that is no shadow of the plan."""
    shadows = [f"v{shadow.version}" for shadow in product.plan.versions.shadow]
    if f"v{version}" in shadows:
        return
    raise RulesetUnknown(
        f"v{version} is no shadow of {product.name} and left no results: the plan's shadows are "
        f"{', '.join(shadows) or 'none'}",
        product=product.name,
    )


def _challenger(product: Product) -> int:
    challenger = product.plan.versions.challenger
    if challenger is None:
        raise RulesetUnknown(
            f"the plan of {product.name} has no challenger: name a shadow's version instead",
            product=product.name,
        )
    return challenger.version
