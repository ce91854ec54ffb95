"""How well a month's income is proven: PAYROLL, REMITTED, PLATFORM, DOCUMENT or DECLARED."""

from __future__ import annotations

from fractions import Fraction

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Month
from tests.oracles.factors.applicant import Applicant, Feeder, feeders, records_of
from tests.oracles.factors.arithmetic import median
from tests.oracles.factors.ceilings import clipped
from tests.oracles.factors.employers import employments, names_one


def payroll_grade(feeder: Feeder) -> str:
    """Payroll of an upload, an archive or a provider of documents is a document."""
    return "DOCUMENT" if feeder.document else "PAYROLL"


def work_grade(feeder: Feeder) -> str:
    """What a platform says of its own work, unless it was uploaded."""
    return "DOCUMENT" if feeder.document else "PLATFORM"


def is_employed(who: Applicant, month: int, tellers: set[str]) -> bool:
    """Whether an employment with a named employer, told by some accounts, covers a month's day."""
    first, last = Month(month).first_day, Month(month).last_day
    for one in employments(who):
        covers = one.start <= last and (one.end is None or one.end >= first)
        begun = one.start <= who.as_of.date
        if covers and begun and one.source in tellers and names_one(who, one.employer):
            return first <= who.as_of.date
    return False


def works(who: Applicant, month: int) -> bool:
    """Whether anybody but a document tells of an employer in a month."""
    return is_employed(who, month, {one.id for one in feeders(who) if not one.document})


def paid_in(who: Applicant, provider_id: str) -> set[int]:
    """The months in which a scheme was paid to, by any of its accounts."""
    found = set()
    for feeder in feeders(who):
        if feeder.provider_id != provider_id:
            continue
        sums: dict[int, int] = {}
        for one in records_of(who, Kind.CONTRIBUTIONS, feeder):
            if one.currency != who.policy.currency:
                continue
            month = Month.of(one.date).index
            sums[month] = sums.get(month, 0) + one.amount
        found |= {month for month, amount in sums.items() if amount > 0}
    return found


def has_habit(who: Applicant, provider_id: str, month: int) -> bool:
    """Whether a scheme was paid to in 18 of the 24 months up to a month, with no employer."""
    paid = [one for one in paid_in(who, provider_id) if not works(who, one)]
    return len([one for one in paid if month - 23 <= one <= month]) >= 18


def is_usual(who: Applicant, feeder: Feeder, month: int) -> bool:
    """Whether a month's estimate is at most 1.5 times the median of a year ago and before.

    That is of the thirteenth to the twenty-fourth month before, those with an employer apart; what
    was usual then is not known where there is none.
    """
    sums = own_estimates(who, feeder)
    before = [
        sums[one]
        for one in range(month - 24, month - 12)
        if sums.get(one, 0) > 0 and not works(who, one)
    ]
    return bool(before) and sums.get(month, 0) <= median(before) * Fraction(3, 2)


def own_estimates(who: Applicant, feeder: Feeder) -> dict[int, int]:
    """What an account estimates of each month, up to its scheme's ceiling."""
    sums: dict[int, int] = {}
    for one in records_of(who, Kind.EINCOMES, feeder):
        if one.currency == who.policy.currency:
            sums[one.month] = sums.get(one.month, 0) + one.amount
    return {one: clipped(who, feeder.provider_id, one, amount) for one, amount in sums.items()}


def estimate_grade(who: Applicant, feeder: Feeder, month: int) -> str:
    """What stands behind a formal account's estimate of a month."""
    if feeder.document:
        return "DOCUMENT"
    if not feeder.scheme:
        return "DECLARED"
    if is_employed(who, month, {feeder.id}):
        return "REMITTED"
    if has_habit(who, feeder.provider_id, month) and is_usual(who, feeder, month):
        return "REMITTED"
    return "DECLARED"
