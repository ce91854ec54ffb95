"""employment.*"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.domain.months import Month
from decision_service.domain.snapshot import Employment
from tests.oracles.factors.applicant import (
    Applicant,
    Feeder,
    Unknown,
    earliest_horizon,
    feeders,
    feeders_of,
    feeds,
    records_of,
    refuse_tainted,
    stands_in,
)
from tests.oracles.factors.monthly_income import (
    Incomes,
    earning_shares,
    estimate_shares,
    gig_by_platform,
    income_kinds,
    payroll_shares,
    plain_name,
    refuse_unusable,
)

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
    """Whether an employment has not ended by a day."""
    return one.end is None or one.end > today


def whole_months(start: date, end: date) -> int:
    """Complete months between two days."""
    months = Month.of(end).index - Month.of(start).index
    if end.day < start.day:
        months = months - 1
    return max(months, 0)


def recent_work(who: Applicant, kinds: list[Kind]) -> tuple[Incomes, list[Feeder]]:
    """Incomes up to the horizon of everything that speaks of work."""
    refuse_tainted(who, kinds)
    family = [
        one
        for one in feeders(who)
        if any(feeds(who, one, kind) for kind in kinds if kind is not Kind.TRANSACTIONS)
        or (stands_in(who, one) and feeds(who, one, Kind.TRANSACTIONS))
    ]
    if not family:
        raise Unknown(Cause.NOT_CONNECTED)
    horizon = earliest_horizon(who, family)
    shares = []
    for feeder in family:
        for share in (
            payroll_shares(who, feeder) + estimate_shares(who, feeder) + earning_shares(who, feeder)
        ):
            if share.month <= horizon:
                shares.append(share)
    return Incomes(who, horizon, shares), family


def paid_lately(incomes: Incomes) -> bool:
    """Payroll in the three months that end at the horizon."""
    return any(
        share.form == "payroll" and share.month > incomes.horizon - 3 for share in incomes.shares
    )


def gig_lately(incomes: Incomes) -> bool:
    """Gig income above zero in the three months that end at the horizon."""
    for month in range(incomes.horizon - 2, incomes.horizon + 1):
        if any(amount > 0 for amount in gig_by_platform(incomes, month).values()):
            return True
    return False


def contributed_lately(who: Applicant, family: list[Feeder], horizon: int) -> bool:
    """A contribution in the three months that end at the horizon."""
    for feeder in family:
        for one in records_of(who, Kind.CONTRIBUTIONS, feeder):
            if horizon - 3 < Month.of(one.date).index <= horizon:
                return True
    return False


def status(who: Applicant) -> str:
    """EMPLOYED, GIG or UNEMPLOYED, where there is evidence of one."""
    kinds = [Kind.EMPLOYMENTS, Kind.CONTRIBUTIONS, *income_kinds(who)]
    incomes, family = recent_work(who, kinds)
    refuse_unusable(incomes, list(range(incomes.horizon - 2, incomes.horizon + 1)))
    jobs = []
    for feeder in family:
        jobs.extend(records_of(who, Kind.EMPLOYMENTS, feeder))
    today = who.as_of.date
    evidence = paid_lately(incomes) or contributed_lately(who, family, incomes.horizon)
    if evidence and any(is_open(one, today) for one in jobs):
        return "EMPLOYED"
    if gig_lately(incomes):
        return "GIG"
    if jobs and not evidence and not any(is_open(one, today) for one in jobs):
        return "UNEMPLOYED"
    raise Unknown(Cause.NO_EVIDENCE)


def has_payroll(who: Applicant) -> bool:
    """Whether there was payroll lately."""
    incomes, _ = recent_work(who, [Kind.INCOMES])
    return paid_lately(incomes)


def has_gig(who: Applicant) -> bool:
    """Whether there was gig work lately."""
    incomes, _ = recent_work(who, income_kinds(who))
    refuse_unusable(incomes, list(range(incomes.horizon - 2, incomes.horizon + 1)))
    return gig_lately(incomes)


def current_tenure_months(who: Applicant) -> int:
    """Months in the open job that began first."""
    today = who.as_of.date
    tenures = [whole_months(one.start, today) for one in employments_of(who) if is_open(one, today)]
    if not tenures:
        raise Unknown(Cause.NO_EVIDENCE)
    return max(tenures)


def longest_tenure_months(who: Applicant) -> int:
    """Months in the longest job."""
    today = who.as_of.date
    longest = 0
    for one in employments_of(who):
        end = today if is_open(one, today) or one.end is None else one.end
        longest = max(longest, whole_months(one.start, end))
    return longest


def employers_count(who: Applicant) -> int:
    """How many employers there were."""
    return len({plain_name(one.employer) for one in employments_of(who)})


def jobs_started_24m(who: Applicant) -> int:
    """Jobs that began in the last two years."""
    today = who.as_of.date
    return len([one for one in employments_of(who) if whole_months(one.start, today) < 24])


def months_since_last_end(who: Applicant) -> int:
    """Months since the last job ended."""
    today = who.as_of.date
    ends = [one.end for one in employments_of(who) if one.end is not None and one.end <= today]
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
