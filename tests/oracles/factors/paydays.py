"""income.* about paydays that passed without pay, and how long somebody is known to have worked."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from math import ceil

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Income
from decision_service.domain.values import Cause, Month
from tests.oracles.factors.amounts import last_amounts, refuse_unknown
from tests.oracles.factors.applicant import Applicant, Feeder, Unknown, feeders, records_of
from tests.oracles.factors.arithmetic import median
from tests.oracles.factors.employers import employer_of, employments, key_of, names_one
from tests.oracles.factors.monthly_income import (
    Incomes,
    is_open,
    observed,
    refuse_short,
    shows_income,
    unsettled,
    wait_for,
)
from tests.oracles.factors.parts import jobs_by_employer, month_income, payroll_by_job
from tests.oracles.factors.payslips import is_pay_period, slip_of
from tests.oracles.factors.settled import seen_until
from tests.oracles.factors.taints import taints
from tests.oracles.factors.usable import last_months, unusable

Pay = tuple[Feeder, Income]


def end_of(pay: Pay) -> date:
    """The last day of a pay period."""
    return slip_of(pay[1]).last


def pays_by_job(incomes: Incomes) -> dict[str, list[Pay]]:
    """The pay periods with pay of every employer's payroll."""
    who, jobs = incomes.who, jobs_by_employer(incomes)
    found: dict[str, list[Pay]] = {}
    for feeder in feeders(who):
        if feeder.gig or feeder.document:
            continue
        for income in records_of(who, Kind.INCOMES, feeder):
            if is_pay_period(income) and (slip_of(income).pay or 0) > 0:
                employer = employer_of(who, income)
                found.setdefault(jobs.get(employer, employer), []).append((feeder, income))
    return found


def carries(incomes: Incomes, job: str, window: list[int]) -> bool:
    """Whether a job's payroll is a third or more of the income of some months."""
    whole, carried = Fraction(0), Fraction(0)
    for month in window:
        if observed(incomes, month):
            whole += month_income(incomes, month)
        paid = payroll_by_job(incomes, month).get(job, [])
        carried += max((one.amount for one in paid if one.grade == "PAYROLL"), default=Fraction(0))
    return whole > 0 and carried * 3 >= whole


def has_ended(who: Applicant, pays: list[Pay]) -> bool:
    """Whether the employments at this employer are on record, and none is open."""
    keys = {employer_of(who, income) for _, income in pays}
    accounts = {feeder.id for feeder, _ in pays}
    mine = [
        one
        for one in employments(who)
        if key_of(who, one.employer) in keys or (keys == {""} and one.source in accounts)
    ]
    return bool(mine) and all(one.end is not None and one.end < who.as_of.date for one in mine)


def is_replaced(job: str, pays: dict[str, list[Pay]]) -> bool:
    """Whether another job's pay began at most 31 days before this one's ended, and is newer."""
    last = max(map(end_of, pays[job]))
    for other, theirs in pays.items():
        ends = [end_of(one) for one in theirs]
        if other != job and max(ends) > last and min(ends) + timedelta(days=31) >= last:
            return True
    return False


def missed(who: Applicant, pays: list[Pay]) -> int | None:
    """The paydays that have passed since the newest period with pay; None under four periods."""
    ends = sorted({end_of(one) for one in pays})
    if len(ends) < 4:
        return None
    steps = [(ends[at] - ends[at - 1]).days for at in range(1, len(ends))]
    step = timedelta(days=ceil(median(steps[-6:])))
    delays = [(one[1].paid - end_of(one)).days for one in pays if one[1].paid is not None]
    delay = max(Fraction(2), min(Fraction(45), median(delays))) if delays else Fraction(7)
    seen = max(seen_until(who, feeder) for feeder, _ in [o for o in pays if end_of(o) == ends[-1]])
    count, day = 0, ends[-1] + step
    while (seen - day).days > delay:
        count, day = count + 1, day + step
    return count


def paydays_missed(incomes: Incomes) -> int:
    """The most paydays that any job which carries the income has let pass."""
    window = last_amounts(incomes, 6)
    refuse_unknown(incomes, window)
    pays, who = pays_by_job(incomes), incomes.who
    carrying = [job for job in pays if carries(incomes, job, window)]
    going_on = [job for job in carrying if not has_ended(who, pays[job])]
    counts = [missed(who, pays[job]) for job in going_on if not is_replaced(job, pays)]
    known = [count for count in counts if count is not None]
    if any(known) and taints(who, [Kind.EMPLOYMENTS]):
        raise Unknown(*taints(who, [Kind.EMPLOYMENTS]))
    if not known:
        raise Unknown(Cause.NO_EVIDENCE)
    return max(known)


def tenure_months_known(incomes: Incomes) -> int:
    """Months with income or due to show some, or of the open job that began first."""
    refuse_short(incomes)
    who, window = incomes.who, last_months(incomes, 24)
    causes = unusable(incomes, window) | taints(who, [Kind.EMPLOYMENTS])
    if causes:
        raise Unknown(*causes)
    ended = Month.of(who.as_of.date).index - 1
    shown = [
        month
        for month in window
        if observed(incomes, month) and (shows_income(incomes, month) or is_open(incomes, month))
    ]
    due = ended - incomes.horizon if any(one.live for one in incomes.sources) else 0
    today = who.as_of.date
    begun = [
        Month.of(one.start).index
        for one in employments(who)
        if (one.end is None or one.end >= today) and names_one(who, one.employer)
    ]
    worked = ended - min(begun) + 1 if begun else 0
    return max(len(shown) + due, worked)


def next_due_date(incomes: Incomes) -> date:
    """The first day, from today on, that a month after the horizon is waited for."""
    refuse_short(incomes)
    today = incomes.who.as_of.date
    days = [
        wait_for(incomes, month, unsettled(incomes, month)).due
        for month in range(incomes.horizon + 1, Month.of(today).index)
        if any(one.live for one in incomes.sources) and unsettled(incomes, month)
    ]
    coming = [day for day in days if day is not None]
    if not coming:
        raise Unknown(Cause.NO_EVIDENCE)
    return min(coming)


FACTORS = {
    "paydays_missed": paydays_missed,
    "tenure_months_known": tenure_months_known,
    "next_due_date": next_due_date,
}
