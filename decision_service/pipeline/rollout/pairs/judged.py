"""Recorded decisions judged again by the version that a comparison asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.pipeline.ports import StoredEntry
from decision_service.pipeline.rollout.pairs.pairs import (
    Comparability,
    DecisionPair,
    VersionOutcome,
    swapped,
)
from decision_service.pipeline.rollout.pairs.recorded import RecordedCases
from decision_service.pipeline.rollout.pairs.second_opinion import (
    DecidedCase,
    facts_for,
    loaded_for,
    second_opinion,
)
from decision_service.pipeline.rules.rulebook import Product
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


async def judged(
    cases: RecordedCases, product: Product, version: int, question: ComparisonRequest
) -> AsyncIterator[DecisionPair]:
    """Each recorded decision of either arm, judged by the other arm's version."""
    async for found in cases.newest(product, question.since, question.most):
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
    verdict = evaluate(ruleset, facts if day is None else loaded_for(facts, ruleset, day))
    return replace(
        case,
        decision=replace(case.decision, verdict=verdict, override=None),
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
