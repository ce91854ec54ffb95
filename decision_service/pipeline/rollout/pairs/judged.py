"""Recorded decisions judged again by the version that a comparison asks for."""

from __future__ import annotations

import asyncio
from datetime import date, datetime

import msgspec

from decision_service.impact.applicant import LeftOut, NotCompared
from decision_service.impact.sums import ImpactSums
from decision_service.pipeline.rollout.pairs.recorded import RecordedCases
from decision_service.pipeline.rollout.pairs.second_opinion import RulesOnDay, second_opinion
from decision_service.pipeline.rules.rulebook import Product


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


class JudgedAgain(msgspec.Struct):
    """Recorded decisions that were judged again: their sums, and the instants they were made."""

    sums: ImpactSums
    created: list[datetime]


async def judged_again(
    cases: RecordedCases, product: Product, version: int, question: ComparisonRequest
) -> JudgedAgain:
    """The newest decisions as the champion and a version judge them; raises StoreUnavailable."""
    base, other = _sides(product, version, question)
    found = JudgedAgain(ImpactSums(), [])
    async for recorded in cases.newest(product, question.since, question.most):
        entry, case = recorded.entry, recorded.case
        found.created.append(entry.created)
        if isinstance(case, LeftOut):
            found.sums.leave_out(case, entry.outcome)
            continue
        told = await asyncio.to_thread(second_opinion, case, base, other)
        if isinstance(told, NotCompared):
            found.sums.leave_out(told.why, case.decision.rules_verdict.outcome, told.lacking)
        else:
            found.sums.add(told)
    return found


def _sides(
    product: Product, version: int, question: ComparisonRequest
) -> tuple[RulesOnDay, RulesOnDay]:
    """Two versions by one day's parameters, or the champion by its own and by another day's."""
    day = question.params_as_of
    base = RulesOnDay(product.champion, None if question.champion else day)
    return base, RulesOnDay(product.versions[version], day)
