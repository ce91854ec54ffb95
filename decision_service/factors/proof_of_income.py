"""Proof of an estimate: remitted by an employer, reported by a platform, or declared."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from decision_service.domain.months import Month
from decision_service.domain.snapshot import Employment
from decision_service.factors.combine import platform_grade
from decision_service.factors.context import FactorContext
from decision_service.factors.employers import named_employer
from decision_service.factors.evidence import DECLARED_GRADE, DOCUMENT_GRADE, REMITTED_GRADE
from decision_service.factors.figures import twice_median
from decision_service.factors.income_sources import estimates
from decision_service.factors.paid_months import contribution_book
from decision_service.factors.records import employments
from decision_service.factors.usage import Feeder, counted

HABIT_MONTHS = 24
HABIT_NEEDS = 18
"""So many months among the last 24 that the applicant paid alone are a habit.

Nobody buys them for one loan. Months that an employer paid are no habit of the applicant's: who has
lost the job and pays on has to be asked.
"""
USUAL = (2, 3)
"""A habit proves amounts up to one and a half of its own median: 2 amounts up to 3 medians."""


def estimate_grades(context: FactorContext, feeder: Feeder) -> Mapping[int, int]:
    """How well an account's estimate proves the income of each month that it tells of."""
    reported = estimates(context)[feeder.id]
    if feeder.gig:
        return dict.fromkeys(reported, platform_grade(feeder))
    if feeder.document:
        return dict.fromkeys(reported, DOCUMENT_GRADE)
    remitted = _remitted(context, feeder, reported) if feeder.scheme else ()
    return {month: REMITTED_GRADE if month in remitted else DECLARED_GRADE for month in reported}


def named_months(context: FactorContext, source: str) -> AbstractSet[int]:
    """The months in which an employment of this account with a named employer runs on a day."""
    return context.once("named months", _named_months).get(source, frozenset())


def employed_months(context: FactorContext) -> AbstractSet[int]:
    """The months in which an employment with a named employer runs, of any source but documents."""
    return context.once("employed months", _employed_months)


def _employed_months(context: FactorContext) -> AbstractSet[int]:
    named = context.once("named months", _named_months).items()
    feeders = counted(context)
    return frozenset[int]().union(*[m for source, m in named if not feeders[source].document])


def _named_months(context: FactorContext) -> Mapping[str, AbstractSet[int]]:
    found: dict[str, set[int]] = {}
    for record in employments(context).records:
        if named_employer(record.employer, context.policy):
            found.setdefault(record.source, set()).update(_months_of(context, record))
    return found


def _months_of(context: FactorContext, record: Employment) -> range:
    last = min(record.end or context.as_of.date, context.as_of.date)
    return range(Month.of(record.start).index, Month.of(last).index + 1)


def _remitted(
    context: FactorContext, feeder: Feeder, reported: Mapping[int, int]
) -> Collection[int]:
    """The months whose estimate an employer proves, or a habit that it does not go beyond."""
    named = named_months(context, feeder.id)
    others = sorted(month for month in reported if month not in named)
    habitual = [month for month in others if _habitual(context, feeder.provider_id, month)]
    return {*(reported.keys() & named), *_usual(reported, habitual)}


def _habitual(context: FactorContext, provider_id: str, month: int) -> bool:
    paid = context.once("paid alone", _paid_alone).get(provider_id, ())
    recent = bisect_right(paid, month) - bisect_right(paid, month - HABIT_MONTHS)
    return recent >= HABIT_NEEDS


def _paid_alone(context: FactorContext) -> Mapping[str, Sequence[int]]:
    """The months, in order, in which each scheme was paid to and no employer did."""
    schemes, employed = contribution_book(context).schemes, employed_months(context)
    return {s.provider: [month for month in s.paid if month not in employed] for s in schemes}


def _usual(reported: Mapping[int, int], months: Sequence[int]) -> Iterable[int]:
    """Those of some months whose estimate is no jump above those of the last 24 months."""
    paid = sorted(month for month, amount in reported.items() if amount > 0)
    amounts, medians = USUAL
    for month in months:
        places = bisect_right(paid, month - HABIT_MONTHS), bisect_right(paid, month)
        recent = [reported[m] for m in paid[slice(*places)]]
        if not recent or reported[month] * amounts * 2 <= twice_median(recent) * medians:
            yield month
