"""How well an estimate proves income: remitted by an employer, told by a platform, or declared."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from decision_service.domain.months import Month
from decision_service.domain.snapshot import Employment
from decision_service.factors.case import Case
from decision_service.factors.civil import month_of
from decision_service.factors.combine import platform_grade
from decision_service.factors.employers import employer_key, named_employer
from decision_service.factors.evidence import DECLARED_GRADE, REMITTED_GRADE
from decision_service.factors.figures import median
from decision_service.factors.records import contributions, eincomes, employments
from decision_service.factors.usage import Feeder, counted

HABIT_MONTHS = 24
HABIT_NEEDS = 18
"""So many months among the last 24 that the applicant paid alone are a habit.

Nobody buys them for one loan. Months that an employer paid are no habit of the applicant's: who has
lost the job and pays on has to be asked.
"""
USUAL = (2, 3)
"""A habit proves amounts up to one and a half of its own median: 2 amounts up to 3 medians."""


def estimate_grade(case: Case, feeder: Feeder, month: int) -> int:
    """How well an account's estimate proves the income of a month."""
    if feeder.gig:
        return platform_grade(feeder)
    if not feeder.scheme:
        return DECLARED_GRADE
    remitted = month in employed_months(case) or (
        _habitual(case, feeder.provider_id, month) and _usual(case, feeder.id, month)
    )
    return REMITTED_GRADE if remitted else DECLARED_GRADE


def employed_months(case: Case) -> frozenset[int]:
    """The months in which some employment with a named employer runs on a day or more."""
    return case.once("employed months", _employed_months)


def confirmed_employers(case: Case) -> Mapping[str, Collection[str]]:
    """The sources of which an employment names an employer, by the employer's key."""
    return case.once("confirmed employers", _confirmed_employers)


def _employed_months(case: Case) -> frozenset[int]:
    named = [r for r in employments(case).records if named_employer(r.employer, case.policy)]
    return frozenset(month for record in named for month in _months_of(case, record))


def _months_of(case: Case, record: Employment) -> range:
    last = min(record.end or case.as_of.date, case.as_of.date)
    return range(Month.of(record.start).index, Month.of(last).index + 1)


def _confirmed_employers(case: Case) -> Mapping[str, Collection[str]]:
    found: dict[str, set[str]] = {}
    for record in employments(case).records:
        if named_employer(record.employer, case.policy):
            key = employer_key(record.employer, case.policy)
            found.setdefault(key, set()).add(record.source)
    return found


def _habitual(case: Case, provider_id: str, month: int) -> bool:
    paid: set[int] = case.once("paid months by scheme", _paid_months).get(provider_id, set())
    alone = paid - employed_months(case)
    return sum(m in alone for m in range(month - HABIT_MONTHS + 1, month + 1)) >= HABIT_NEEDS


def _usual(case: Case, source: str, month: int) -> bool:
    """Whether an account's estimate of a month is no jump above those of its last 24 months."""
    told = case.once("estimates by account", _estimates).get(source, {})
    recent = [told[m] for m in range(month - HABIT_MONTHS + 1, month + 1) if told.get(m, 0) > 0]
    amounts, medians = USUAL
    return not recent or told.get(month, 0) * amounts <= median(recent) * medians


def _estimates(case: Case) -> Mapping[str, Mapping[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for record in eincomes(case).records:
        if record.currency == case.currency:
            months = found.setdefault(record.source, {})
            months[record.month] = months.get(record.month, 0) + record.amount
    return found


def _paid_months(case: Case) -> Mapping[str, set[int]]:
    found: dict[str, set[int]] = {}
    for record in contributions(case).records:
        if record.amount > 0 and record.currency == case.currency:
            provider = counted(case)[record.source].provider_id
            found.setdefault(provider, set()).add(month_of(record.date))
    return found
