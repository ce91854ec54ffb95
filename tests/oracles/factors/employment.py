"""employment.*"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import ABSENT, Cause
from decision_service.domain.months import Month
from decision_service.domain.snapshot import Employment
from tests.oracles.factors.applicant import (
    Applicant,
    Unknown,
    feeders_of,
    records_of,
    refuse_tainted,
    taints,
)
from tests.oracles.factors.contributions import (
    Contributions,
    contributions_of,
    covered_months,
    schemes_of,
    within,
)
from tests.oracles.factors.monthly_income import (
    Incomes,
    gig_by_platform,
    income_kinds,
    income_taints,
    incomes_of,
    payroll_by_employer,
    refuse_unusable,
)
from tests.oracles.factors.shares import plain_name

Answer = str | bool | int
Factor = Callable[[Applicant], Answer]


def employments_of(who: Applicant) -> list[Employment]:
    """Every employment of used accounts; Unknown when spoilt, not connected or empty."""
    refuse_tainted(who, [Kind.EMPLOYMENTS])
    family = feeders_of(who, [Kind.EMPLOYMENTS])
    if not family:
        raise Unknown(Cause.NOT_CONNECTED)
    found = []
    for feeder in family:
        found.extend(records_of(who, Kind.EMPLOYMENTS, feeder))
    if not found:
        raise Unknown(Cause.NO_DATA)
    return found


def is_open(one: Employment, today: date) -> bool:
    """Whether an employment has not ended before a day."""
    return one.end is None or one.end >= today


def whole_months(start: date, end: date) -> int:
    """Complete months between two days."""
    months = Month.of(end).index - Month.of(start).index
    if end.day < start.day:
        months = months - 1
    return max(months, 0)


def last_three(horizon: int) -> list[int]:
    """The three months that end at a horizon."""
    return [horizon - 2, horizon - 1, horizon]


def payroll_months(incomes: Incomes, months: list[int]) -> list[int]:
    """The months in which an account that is no gig platform has payroll."""
    refuse_unusable(incomes, months)
    return [month for month in months if payroll_by_employer(incomes, month)]


def gig_months(incomes: Incomes, months: list[int]) -> list[int]:
    """The months in which a gig platform gave more than nothing."""
    refuse_unusable(incomes, months)
    return [
        month
        for month in months
        if any(amount > 0 for amount in gig_by_platform(incomes, month).values())
    ]


def paid_months(family: Contributions, months: list[int]) -> list[int]:
    """The months with a contribution above zero in any scheme."""
    inside = within(family, months)
    return covered_months(inside, schemes_of(inside))


def absent_is_none(family: Callable[[Applicant], object], who: Applicant) -> object | None:
    """A family, or None where it is merely absent; taints stay."""
    try:
        return family(who)
    except Unknown as unknown:
        if unknown.causes <= ABSENT:
            return None
        raise


def status(who: Applicant) -> str:
    """EMPLOYED, GIG or UNEMPLOYED, where there is evidence of one."""
    causes = taints(who, [Kind.EMPLOYMENTS, Kind.CONTRIBUTIONS]) | income_taints(who)
    if causes:
        raise Unknown(*causes)
    if not feeders_of(who, [Kind.EMPLOYMENTS, Kind.CONTRIBUTIONS, *income_kinds(who)]):
        raise Unknown(Cause.NOT_CONNECTED)
    jobs = absent_is_none(employments_of, who) or []
    incomes = absent_is_none(incomes_of, who)
    contributions = absent_is_none(contributions_of, who)
    today = who.as_of.date
    opened = [one for one in jobs if is_open(one, today)]
    payroll = payroll_months(incomes, last_three(incomes.horizon)) if incomes else []
    gig = gig_months(incomes, last_three(incomes.horizon)) if incomes else []
    paid = paid_months(contributions, last_three(contributions.horizon)) if contributions else []
    if opened and (payroll or paid):
        return "EMPLOYED"
    if gig:
        return "GIG"
    if not jobs or opened:
        raise Unknown(Cause.NO_EVIDENCE)
    ended = Month.of(max(one.end for one in jobs if one.end is not None)).index
    found = []
    if contributions:
        found += paid_months(contributions, list(range(ended + 1, contributions.horizon + 1)))
    if incomes:
        after = list(range(ended + 1, incomes.horizon + 1))
        found += payroll_months(incomes, after) + gig_months(incomes, after)
    if found:
        raise Unknown(Cause.NO_EVIDENCE)
    return "UNEMPLOYED"


def has_payroll(who: Applicant) -> bool:
    """Whether there was payroll lately."""
    incomes = incomes_of(who)
    return bool(payroll_months(incomes, last_three(incomes.horizon)))


def has_gig(who: Applicant) -> bool:
    """Whether there was gig work lately."""
    incomes = incomes_of(who)
    return bool(gig_months(incomes, last_three(incomes.horizon)))


def current_tenure_months(who: Applicant) -> int:
    """Months in the open job that began first."""
    today = who.as_of.date
    starts = [one.start for one in employments_of(who) if is_open(one, today)]
    if not starts:
        raise Unknown(Cause.NO_EVIDENCE)
    return whole_months(min(starts), today)


def longest_tenure_months(who: Applicant) -> int:
    """Months in the longest job; its last day is a day of work."""
    today = who.as_of.date
    longest = 0
    for one in employments_of(who):
        end = today
        if one.end is not None and not is_open(one, today):
            end = one.end + timedelta(days=1)
        longest = max(longest, whole_months(one.start, end))
    return longest


def employers_count(who: Applicant) -> int:
    """How many employers there were."""
    return len({plain_name(one.employer) for one in employments_of(who)})


def jobs_started_24m(who: Applicant) -> int:
    """Jobs that began in the last two years; two sources may tell of one."""
    today = who.as_of.date
    before = Month.of(today).plus(-24)
    limit = before.first_day.replace(day=min(today.day, before.last_day.day))
    begun = set()
    for one in employments_of(who):
        if one.start > limit:
            begun.add((plain_name(one.employer), Month.of(one.start)))
    return len(begun)


def months_since_last_end(who: Applicant) -> int:
    """Months since the last job ended."""
    today = who.as_of.date
    ends = [one.end for one in employments_of(who) if one.end is not None and one.end < today]
    if not ends:
        raise Unknown(Cause.NO_EVIDENCE)
    return whole_months(max(ends), today)


FACTORS: dict[str, Factor] = {
    "status": status,
    "has_payroll": has_payroll,
    "has_gig": has_gig,
    "current_tenure_months": current_tenure_months,
    "longest_tenure_months": longest_tenure_months,
    "employers_count": employers_count,
    "jobs_started_24m": jobs_started_24m,
    "months_since_last_end": months_since_last_end,
}
