"""Comparison of two versions on the same applicants: agreement, changes and their reasons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.domain.errors import RulesetUnknown
from decision_service.pipeline.ports import DecisionLog, StoredEntry
from decision_service.pipeline.rollout.pairs.pairs import (
    Comparability,
    DecisionPair,
    Group,
    PairLog,
    VersionOutcome,
    grouped,
    swapped,
)
from decision_service.pipeline.rollout.pairs.recorded import RecordedCases
from decision_service.pipeline.rollout.pairs.second_opinion import (
    DecidedCase,
    dated,
    facts_for,
    second_opinion,
)
from decision_service.pipeline.rollout.pairs.untried import UntriedValue, untried
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import evaluate


class ComparisonRequest(msgspec.Struct, frozen=True):
    """What to compare with the champion, from `since` until `now`.

    A shadow by its version; for 0 the challenger, or the `champion` itself by the parameters of
    another day. Of recorded decisions the newest `most` are judged again, by the dated parameters
    of their own day or of `params_as_of`.
    """

    product: str
    shadow: int
    since: datetime
    most: int
    now: datetime
    params_as_of: date | None = None
    champion: bool = False


class VersionComparison(msgspec.Struct, frozen=True):
    """Alike pairs together; `live` is what decided (or the champion), `other` what is compared.

    `untried` are the dated values of either version that no compared decision had in force.
    """

    product: str
    live_version: int
    other_version: int
    since: datetime
    currency: str
    groups: Sequence[Group]
    untried: Sequence[UntriedValue] = ()
    params_as_of: date | None = None

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
        self._cases = RecordedCases(log, archive)
        self._pairs = pairs
        self._rulebook = rulebook

    async def __call__(self, question: ComparisonRequest) -> VersionComparison:
        """The comparison; raises ProductUnknown, RulesetUnknown or StoreUnavailable."""
        product = self._rulebook().product(question.product)
        version = question.shadow or _compared_with(product, question)
        if question.shadow:
            groups = await self._pairs.groups(product.name, version, question.since)
            if not groups:
                _require_shadow(product, version)
            days = _days(question.since, question.now, product)
        else:
            pairs = [pair async for pair in self._judged(product, version, question)]
            groups, days = grouped(pairs), frozenset(_day(p.created, product) for p in pairs)
        if question.params_as_of is not None:
            days = frozenset({question.params_as_of})
        live = product.plan.versions.champion
        sides = [product.versions[v] for v in sorted({live, version}) if v in product.versions]
        return VersionComparison(
            product=product.name,
            live_version=live,
            other_version=version,
            since=question.since,
            currency=product.champion.currency,
            groups=groups,
            untried=untried(sides, days, _day(question.now, product)),
            params_as_of=question.params_as_of,
        )

    async def _judged(
        self, product: Product, version: int, question: ComparisonRequest
    ) -> AsyncIterator[DecisionPair]:
        """Each recorded decision of either arm, judged by the other arm's version."""
        async for found in self._cases.newest(product, question.since, question.most):
            champion = question.champion or found.arm is Arm.CHAMPION
            other = product.versions[version] if champion else product.champion
            if found.case is None:
                yield _left_out(found.entry, other)
            elif question.champion or found.case.ruleset.digest != other.digest:
                pair = await asyncio.to_thread(_paired, found.case, other, question)
                yield pair if champion else swapped(pair)


def _paired(case: DecidedCase, other: CompiledRuleset, question: ComparisonRequest) -> DecisionPair:
    """The pair; by the parameters of another day where two versions are compared by that day's."""
    day = question.params_as_of
    if question.champion:
        return second_opinion(_decided_by(case, other, None), other, day)
    return second_opinion(_decided_by(case, case.ruleset, day), other, day)


def _decided_by(case: DecidedCase, ruleset: CompiledRuleset, day: date | None) -> DecidedCase:
    """The decision as a version would have made it, perhaps by the parameters of another day.

    It stays as it is where it is that already, and where its data does not suffice.
    """
    facts = facts_for(case, ruleset)
    same = day is None and case.ruleset.digest == ruleset.digest
    if same or isinstance(facts, Comparability):
        return case
    verdict = evaluate(ruleset, facts if day is None else dated(facts, ruleset, day))
    return replace(
        case,
        decision=replace(case.decision, verdict=verdict),
        ruleset=ruleset,
        factors=replace(case.factors, values=facts.factors),
    )


def _left_out(entry: StoredEntry, other: CompiledRuleset) -> DecisionPair:
    """A decision whose values or rules are not there, so that no version can judge it again."""
    return DecisionPair(
        decision_id=entry.decision_id,
        product=entry.product,
        created=entry.created,
        version=other.version,
        digest=other.digest,
        standing=Comparability.NOT_COMPARABLE,
        live=VersionOutcome(entry.outcome),
    )


def _day(instant: datetime, product: Product) -> date:
    return instant.astimezone(product.champion.zone).date()


def _days(since: datetime, now: datetime, product: Product) -> frozenset[date]:
    first, last = _day(since, product), _day(now, product)
    return frozenset(first + timedelta(days=n) for n in range((last - first).days + 1))


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


def _compared_with(product: Product, question: ComparisonRequest) -> int:
    """The challenger's version, or the champion's own."""
    if question.champion:
        return product.plan.versions.champion
    challenger = product.plan.versions.challenger
    if challenger is None:
        raise RulesetUnknown(
            f"the plan of {product.name} has no challenger: name a shadow's version instead",
            product=product.name,
        )
    return challenger.version
