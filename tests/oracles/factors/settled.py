"""Which months of a source are settled: their lag has passed, or they are posted."""

from __future__ import annotations

from datetime import date, timedelta
from math import ceil

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Month
from tests.oracles.factors.applicant import Applicant, Feeder, records_of
from tests.oracles.factors.arithmetic import median
from tests.oracles.factors.payslips import is_pay_period, slip_of


def seen_until(who: Applicant, feeder: Feeder) -> date:
    """The earlier of as_of's date and the sync's; as_of's where no income is to come."""
    moment, over = who.as_of.instant, feeder.ended or feeder.quiet
    if feeder.synced is not None and feeder.synced < moment and not over:
        moment = feeder.synced
    return moment.astimezone(who.as_of.zone).date()


def told_delay(who: Applicant, feeder: Feeder) -> int:
    """An account's own delay of pay in whole days; 0 where it tells no pay dates."""
    days = [
        (income.paid - slip_of(income).last).days
        for income in records_of(who, Kind.INCOMES, feeder)
        if income.paid is not None and is_pay_period(income)
    ]
    return ceil(max(2, min(45, median(days)))) if days else 0


def due_date(who: Applicant, feeder: Feeder, kind: Kind, month: int) -> date:
    """The first date on which a month's lag has passed."""
    months = who.policy.lag_months(feeder.provider_id)
    if months > 0:
        return Month(month).plus(1 + months).first_day
    days = who.policy.lag_days(feeder.provider_id, kind)
    if kind is Kind.INCOMES:
        days = max(days, told_delay(who, feeder))
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
