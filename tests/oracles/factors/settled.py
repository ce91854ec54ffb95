"""Which months of a source are settled: their lag has passed, or they are posted."""

from __future__ import annotations

from datetime import date, timedelta
from fnmatch import fnmatchcase
from math import ceil

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Income
from decision_service.domain.values import Month
from tests.oracles.factors.applicant import Applicant, Feeder, records_of
from tests.oracles.factors.arithmetic import median
from tests.oracles.factors.employers import employer_of
from tests.oracles.factors.payslips import is_pay_period, slip_of


def seen_until(who: Applicant, feeder: Feeder) -> date:
    """The earlier of as_of's date and the sync's; as_of's where no income is to come."""
    moment, over = who.as_of.instant, feeder.ended or feeder.quiet
    if feeder.synced is not None and feeder.synced < moment and not over:
        moment = feeder.synced
    return moment.astimezone(who.as_of.zone).date()


def lines_of(feeder: Feeder, table: tuple[tuple[str, int], ...]) -> list[int]:
    """What the lines of a lag table say that name a feeder's provider, the first one first."""
    return [lag for pattern, lag in table if fnmatchcase(feeder.provider_id, pattern)]


def own_months(who: Applicant, feeder: Feeder) -> int:
    """The months that a line has for a payroll's provider; the default is not for payroll."""
    return next(iter(lines_of(feeder, who.policy.posting_lag)), 0)


def seen_delay(who: Applicant, feeder: Feeder) -> int | None:
    """The longest from a period's end to its first sight; None where readings saw under two."""
    waits = []
    for watch in who.snapshot.watches:
        for end, moment in watch.sights if watch.source == feeder.id else ():
            if moment <= who.as_of.instant:
                waits.append(moment.astimezone(who.as_of.zone).date() - end)
    return max(waits).days if len(waits) > 1 else None


def dated_delay(who: Applicant, feeder: Feeder) -> int | None:
    """The median from a period's end to its pay date; None without pay dates."""
    days = [
        (income.paid - slip_of(income).last).days
        for income in records_of(who, Kind.INCOMES, feeder)
        if income.paid is not None and is_pay_period(income)
    ]
    return ceil(median(days)) if days else None


def usual_delay(who: Applicant, feeder: Feeder) -> int:
    """11 days where every job of an account pays by the half month or oftener, 20 otherwise."""
    by_job: dict[str, list[Income]] = {}
    for income in records_of(who, Kind.INCOMES, feeder):
        if is_pay_period(income) and (slip_of(income).pay or 0) > 0:
            by_job.setdefault(employer_of(who, income), []).append(income)
    long = not by_job
    for pays in by_job.values():
        ends = sorted({slip_of(one).last for one in pays})
        steps = [(ends[at] - ends[at - 1]).days for at in range(1, len(ends))]
        if steps:
            long = long or ceil(median(steps[-6:])) > 16
        else:
            long = long or max(slip_of(one).days for one in pays) not in range(3, 17)
    return 20 if long else 11


def own_delay(who: Applicant, feeder: Feeder) -> int:
    """An account's own delay of pay in whole days."""
    for found in (seen_delay(who, feeder), dated_delay(who, feeder)):
        if found is not None:
            return min(45, 3 + max(2, found))
    months = own_months(who, feeder)
    days = lines_of(feeder, who.policy.posting_lag_days)
    if months > 0:
        return 31 * months
    return days[0] if days else usual_delay(who, feeder)


def due_date(who: Applicant, feeder: Feeder, kind: Kind, month: int) -> date:
    """The first date on which a month's lag has passed."""
    months = who.policy.lag_months(feeder.provider_id)
    if kind is Kind.INCOMES:
        months = own_months(who, feeder)
    if months > 0:
        return Month(month).plus(1 + months).first_day
    days = who.policy.lag_days(feeder.provider_id)
    if kind is Kind.INCOMES:
        days = own_delay(who, feeder)
    return Month(month).last_day + timedelta(days=days + 1)


def has_ended(who: Applicant, feeder: Feeder, month: int) -> bool:
    """Whether a month had ended when the feeder was last seen."""
    return Month(month).last_day < seen_until(who, feeder)


def lag_passed(who: Applicant, feeder: Feeder, kind: Kind, month: int) -> bool:
    """Whether a month had ended and its lag had passed when the feeder was last seen."""
    seen = seen_until(who, feeder)
    return has_ended(who, feeder, month) and due_date(who, feeder, kind, month) <= seen


def lag_month(who: Applicant, feeder: Feeder, kind: Kind) -> int:
    """The latest month whose lag had passed."""
    month = Month.of(seen_until(who, feeder)).index
    while not lag_passed(who, feeder, kind, month):
        month = month - 1
    return month


def settled_month(
    who: Applicant, feeder: Feeder, kind: Kind, in_it: set[int], told_in: set[int]
) -> int:
    """The latest month that is settled: `in_it` are months posted by a record that ends them,
    `told_in` the months in which some record counts, which posts all months before."""
    month = Month.of(seen_until(who, feeder)).index
    while True:
        posted = month in in_it or any(later > month for later in told_in)
        if has_ended(who, feeder, month) and (posted or lag_passed(who, feeder, kind, month)):
            return month
        month = month - 1
