"""income.* about paydays that passed without pay, and how long somebody is known to have worked."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from math import ceil

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Employment, Income
from decision_service.domain.values import ABSENT, Cause, Month
from tests.oracles.factors.amounts import (
    last_amounts,
    last_months,
    refuse_unknown,
    spoilt,
    unusable,
)
from tests.oracles.factors.applicant import Applicant, Feeder, Unknown, feeders, records_of
from tests.oracles.factors.monthly_income import (
    Incomes,
    amount_horizon,
    incomes_of,
    is_open,
    observed,
    refuse_short,
    shows_income,
    unsettled,
    wait_for,
)
from tests.oracles.factors.parts import (
    gig_parts,
    jobs_by_employer,
    month_income,
    payroll_by_job,
    payroll_parts,
    whole_of,
)
from tests.oracles.factors.records import (
    employer_of,
    employments,
    is_pay_period,
    key_of,
    median,
    names_one,
    slip_of,
)
from tests.oracles.factors.sources import own_delay, seen_until
from tests.oracles.factors.taints import taints

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


def believable_jobs(who: Applicant) -> list[Employment]:
    """What employers say of jobs, and schemes of the employers that say nothing themselves."""
    by_scheme, by_employer = list[Employment](), list[Employment]()
    for feeder in feeders(who):
        told = by_scheme if feeder.scheme else by_employer
        if not feeder.unknown and not feeder.document:
            told += [one for one in employments(who) if one.source == feeder.id]
    known = {key_of(who, one.employer) for one in by_employer}
    return by_employer + [one for one in by_scheme if key_of(who, one.employer) not in known]


def ended_on(who: Applicant, pays: list[Pay]) -> date | None:
    """The last day of the employments at this employer, where all ended and no pay began later."""
    keys = {employer_of(who, income) for _, income in pays}
    accounts = {feeder.id for feeder, _ in pays}
    last = None
    for one in believable_jobs(who):
        if key_of(who, one.employer) in keys or (keys == {""} and one.source in accounts):
            if one.end is None or one.end >= who.as_of.date:
                return None
            last = one.end if last is None else max(last, one.end)
    if last is not None and any(slip_of(income).start > last for _, income in pays):
        return None
    return last


def is_as_good(pays: list[Pay], old: list[Pay]) -> bool:
    """Whether a payslip pays three quarters of the old job's for a day, or more."""

    def a_day(pay: Pay) -> Fraction:
        slip = slip_of(pay[1])
        return Fraction(slip.pay or 0) / slip.days

    return any(a_day(one) * 4 >= median([a_day(pay) for pay in old]) * 3 for one in pays)


def is_replaced(job: str, pays: dict[str, list[Pay]]) -> bool:
    """Whether another job's pay began at most 31 days before this one's ended and is as good."""
    last = max(map(end_of, pays[job]))
    for other, theirs in pays.items():
        ends = [end_of(one) for one in theirs]
        newer = max(ends) > last and min(ends) + timedelta(days=31) >= last
        if other != job and newer and is_as_good(theirs, pays[job]):
            return True
    return False


def open_jobs(who: Applicant) -> list[Employment]:
    """The jobs that go on at an employer with a name."""
    return [
        one
        for one in believable_jobs(who)
        if (one.end is None or one.end >= who.as_of.date) and names_one(who, one.employer)
    ]


def lost_in(incomes: Incomes) -> int | None:
    """The month in which a job ended that carried the income and that none followed, unless the
    amount of a later one is known."""
    who, pays, months = incomes.who, pays_by_job(incomes), list[int]()
    last = amount_horizon(incomes) or incomes.horizon
    window = list(range(last - 5, last + 1))
    for job, old in pays.items():
        end = ended_on(who, old)
        if end is None or not carries(incomes, job, window) or is_replaced(job, pays):
            continue
        for new in open_jobs(who):
            key = key_of(who, new.employer)
            since = [
                theirs
                for theirs in pays.values()
                if key in {employer_of(who, income) for _, income in theirs}
                and max(map(end_of, theirs)) > end
            ]
            begun = new.start + timedelta(days=31) >= end
            if begun and all(is_as_good(theirs, old) for theirs in since):
                break
        else:
            months.append(Month.of(end).index)
    return max([month for month in months if month >= last], default=None)


def missed(who: Applicant, pays: list[Pay]) -> int | None:
    """The paydays that have passed since the newest period with pay; None under four periods."""
    ends = sorted({end_of(one) for one in pays})
    if len(ends) < 4:
        return None
    steps = [(ends[at] - ends[at - 1]).days for at in range(1, len(ends))]
    step = timedelta(days=ceil(median(steps[-6:])))
    tellers = [one[0] for one in pays if end_of(one) == ends[-1]]
    delay = max(own_delay(who, feeder) for feeder in tellers)
    seen = max(seen_until(who, feeder) for feeder in tellers)
    count, day = 0, ends[-1] + step
    while (seen - day).days > delay:
        count, day = count + 1, day + step
    return count


def next_jobs(who: Applicant, pays: list[Pay]) -> list[Employment]:
    """The open jobs of other named employers that began within 31 days of the newest end."""
    last = max(map(end_of, pays))
    mine = {employer_of(who, income) for _, income in pays}
    return [
        job
        for job in open_jobs(who)
        if key_of(who, job.employer) not in mine and abs((job.start - last).days) <= 31
    ]


def is_followed(who: Applicant, pays: list[Pay]) -> bool:
    """Whether the scheme of a next job has had a contribution in a month after the newest end's."""
    last = max(map(end_of, pays))
    tellers = {job.source for job in next_jobs(who, pays)}
    for feeder in feeders(who):
        if feeder.id in tellers:
            for paid in records_of(who, Kind.CONTRIBUTIONS, feeder):
                if paid.amount > 0 and Month.of(paid.date) > Month.of(last):
                    return True
    return False


def work_in(incomes: Incomes, month: int) -> Fraction:
    """What payroll and platforms, and no papers, say of a month."""
    proven = [one for one in payroll_parts(incomes, month) if one.grade == "PAYROLL"]
    trips = [one for one in gig_parts(incomes, month) if one.grade != "DOCUMENT"]
    return whole_of(proven + trips)


def goes_on_without(incomes: Incomes, pays: list[Pay]) -> bool:
    """Whether in the last two settled months, both after the job's pay, other work brought three
    fifths of what work brought before."""
    ends = sorted(map(end_of, pays))
    tellers = {one[0].id for one in pays if end_of(one) == ends[-1]}
    settled = min(
        one.settled for one in incomes.sources if one.payroll and one.feeder.id in tellers
    )
    last = Month.of(ends[-1]).index
    if settled < last + 2:
        return False
    months = [month for month in range(last - 5, last + 1) if month >= Month.of(ends[0]).index]
    before = median([work_in(incomes, month) for month in months])
    since = work_in(incomes, settled - 1) + work_in(incomes, settled)
    return since * 5 >= before * 6


def paydays_missed(who: Applicant) -> int:
    """The most missed paydays; where contributions were not read, nothing is known."""
    unread = who.snapshot.contributions is None
    try:
        return most_missed(incomes_of(who), unread=unread)
    except Unknown as unknown:
        if unread and all(cause in ABSENT for cause in unknown.causes):
            raise Unknown(*spoilt(who, Kind.CONTRIBUTIONS)) from unknown
        raise


def most_missed(incomes: Incomes, *, unread: bool) -> int:
    """The most paydays that any job which carries the income has let pass."""
    window = last_amounts(incomes, 6)
    refuse_unknown(incomes, window)
    pays, who = pays_by_job(incomes), incomes.who
    carrying = [job for job in pays if carries(incomes, job, window)]
    going_on = [
        job
        for job in carrying
        if ended_on(who, pays[job]) is None
        and not is_followed(who, pays[job])
        and not goes_on_without(incomes, pays[job])
    ]
    counts = [missed(who, pays[job]) for job in going_on if not is_replaced(job, pays)]
    known = [count for count in counts if count is not None]
    doubts = set(taints(who, [Kind.EMPLOYMENTS])) if any(known) else set()
    kept = [job for job in carrying if not is_replaced(job, pays)]
    if unread or (any(known) and any(next_jobs(who, pays[job]) for job in kept)):
        doubts |= spoilt(who, Kind.CONTRIBUTIONS)
    if doubts:
        raise Unknown(*doubts)
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
    "tenure_months_known": tenure_months_known,
    "next_due_date": next_due_date,
}
