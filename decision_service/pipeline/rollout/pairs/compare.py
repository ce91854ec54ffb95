"""Comparison of two versions on the same applicants: agreement, changes and their reasons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from decision_service.domain.errors import FieldInvalid, FieldProblem, RulesetUnknown
from decision_service.impact.sums import ImpactSums
from decision_service.pipeline.ports import DecisionLog
from decision_service.pipeline.rollout.pairs.judged import ComparisonRequest, judged_again
from decision_service.pipeline.rollout.pairs.pairs import PairLog
from decision_service.pipeline.rollout.pairs.recorded import RecordedCases
from decision_service.pipeline.rollout.pairs.untried import UntriedValue, untried
from decision_service.pipeline.rollout.pairs.valueless import without_value
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.ruleset.program.model import CompiledRuleset


class VersionComparison(msgspec.Struct, frozen=True):
    """Decisions as two versions judge them: before is the champion or what decided.

    `untried` are the dated values of either version that no compared decision had in force.
    `lists_of_today` are lists that one of the versions alone asks, so that no record has their
    answers.
    """

    product: str
    live_version: int
    other_version: int
    since: datetime
    currency: str
    sums: ImpactSums
    untried: Sequence[UntriedValue] = ()
    params_as_of: date | None = None
    lists_of_today: Sequence[str] = ()


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
        """The comparison.

        Raises ProductUnknown, RulesetUnknown, StoreUnavailable, or FieldInvalid for a day on which
        a parameter has no value.
        """
        product = self._rulebook().product(question.product)
        version = question.shadow or _compared_with(product, question)
        live = product.plan.versions.champion
        sides = [product.versions[v] for v in sorted({live, version}) if v in product.versions]
        _require_values(sides, question.params_as_of)
        if question.shadow:
            sums = await self._pairs.pair_sums(product.name, version, question.since)
            if not sums.everybody.applicants and not sums.left_out:
                _require_shadow(product, version)
            days = _days(question.since, question.now, product)
        else:
            found = await judged_again(self._cases, product, version, question)
            sums = found.sums
            days = frozenset(_day(created, product) for created in found.created)
        if question.params_as_of is not None:
            days = frozenset({question.params_as_of})
        return VersionComparison(
            product=product.name,
            live_version=live,
            other_version=version,
            since=question.since,
            currency=product.champion.currency,
            sums=sums,
            untried=untried(sides, days, _day(question.now, product)),
            params_as_of=question.params_as_of,
            lists_of_today=() if question.shadow else _asked_by_one(sides),
        )


def _require_values(sides: Sequence[CompiledRuleset], day: date | None) -> None:
    if day is not None and (told := without_value(sides, day)):
        message = f"params_as_of {told}"
        raise FieldInvalid(message, (FieldProblem("params_as_of", message),))


def _asked_by_one(sides: Sequence[CompiledRuleset]) -> Sequence[str]:
    asked = [frozenset(side.questions) for side in sides]
    both = frozenset.intersection(*asked) if asked else frozenset()
    return sorted({question.list for one in asked for question in one - both})


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
