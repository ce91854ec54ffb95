"""transactions.*"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import TransactionClass
from decision_service.domain.snapshot import Transaction
from decision_service.domain.values import Cause, Money, Month
from tests.oracles.factors.applicant import (
    Applicant,
    Feeder,
    Unknown,
    all_records_of,
    feeders,
    feeders_of,
    nobody_feeds,
    read_of,
    records_of,
)
from tests.oracles.factors.records import class_of, money, number, too_much_unmapped, unexplained
from tests.oracles.factors.shares import EARNED, stand_in_start
from tests.oracles.factors.sources import lag_month, seen_until
from tests.oracles.factors.taints import taints

Moved = tuple[str, Transaction]


@dataclass(frozen=True)
class Transactions:
    """Every transaction of used accounts with its provider; `synced` is the earliest sync's day."""

    who: Applicant
    horizon: int
    synced: date
    moved: list[Moved]


Factor = Callable[[Transactions], Money | Decimal | int | str]


def transactions_of(who: Applicant) -> Transactions:
    """The family, or Unknown when it is spoilt, not connected or empty."""
    causes = taints(who, [Kind.TRANSACTIONS], documents=False)
    if causes:
        raise Unknown(*causes)
    family = [one for one in feeders_of(who, [Kind.TRANSACTIONS]) if not one.document]
    if not family:
        raise nobody_feeds(who)
    moved = [
        (feeder.provider_id, record)
        for feeder in family
        for record in records_of(who, Kind.TRANSACTIONS, feeder)
    ]
    if not moved:
        raise unknown_claims(who) or Unknown(Cause.NO_DATA)
    synced = min(seen_until(who, feeder) for feeder in family)
    horizon = min(lag_month(who, feeder, Kind.TRANSACTIONS) for feeder in family)
    return Transactions(who, horizon, synced, once_a_platform(who, synced, family))


def once_a_platform(who: Applicant, synced: date, family: list[Feeder]) -> list[Moved]:
    """What moved at every wallet, and at one account of each platform: the one that earned most.

    That is in the last 91 days, else at all.
    """
    told = [one for one in family if records_of(who, Kind.TRANSACTIONS, one)]
    chosen = [one for one in told if not one.gig]
    for platform in {one.provider_id for one in told if one.gig}:
        ours = [one for one in told if one.gig and one.provider_id == platform]
        chosen.append(max(ours, key=lambda one: rank(who, synced, one)))
    return [
        (one.provider_id, record)
        for one in chosen
        for record in records_of(who, Kind.TRANSACTIONS, one)
    ]


def rank(who: Applicant, synced: date, feeder: Feeder) -> tuple[int, int, str]:
    """How an account stands among those of its platform."""
    earned = [
        (one.date, one.amount)
        for one in records_of(who, Kind.TRANSACTIONS, feeder)
        if one.date <= synced
        and one.currency == who.policy.currency
        and class_of(who.policy, feeder.provider_id, one) is TransactionClass.EARNING
    ]
    lately = [amount for day, amount in earned if day >= synced - timedelta(days=90)]
    return sum(lately), sum(amount for _, amount in earned), feeder.id


def unknown_claims(who: Applicant) -> Unknown | None:
    """Where nobody else has moved money, what an unknown provider says is dropped."""
    claims = [one for one in feeders(who) if one.unknown]
    if any(all_records_of(who, Kind.TRANSACTIONS, one) for one in claims):
        return Unknown(Cause.UNKNOWN_PROVIDER)
    return None


def in_months(family: Transactions, count: int) -> list[Moved]:
    """Those of the last months that end at the horizon."""
    first = family.horizon - count + 1
    return [one for one in family.moved if first <= Month.of(one[1].date).index <= family.horizon]


def refuse_unread(family: Transactions, first: date) -> None:
    """Raise Unknown where the days from `first` on were not all asked for."""
    read = read_of(family.who, Kind.TRANSACTIONS)
    if read is not None and read.first_day is not None and read.first_day > first:
        raise Unknown(Cause.NOT_FETCHED)


def month_window(family: Transactions, count: int) -> list[Moved]:
    """Those of the last months; no transaction in them nor in the last three is no data."""
    refuse_unread(family, Month(family.horizon + 1 - max(count, 3)).first_day)
    if not in_months(family, max(count, 3)):
        raise Unknown(Cause.NO_DATA)
    return in_months(family, count)


def in_days(family: Transactions, count: int, before: int = 0) -> list[Moved]:
    """Those of a number of days that end at the sync, or so many days before it."""
    last = family.synced - timedelta(days=before)
    first = last - timedelta(days=count - 1)
    return [one for one in family.moved if first <= one[1].date <= last]


def day_window(family: Transactions, count: int) -> list[Moved]:
    """Those of the last days; no transaction in 91 days is no data."""
    refuse_unread(family, family.synced - timedelta(days=90))
    if not in_days(family, 91):
        raise Unknown(Cause.NO_DATA)
    return in_days(family, count)


def refuse_foreign(family: Transactions, window: list[Moved]) -> None:
    """Raise Unknown for another currency in the window."""
    for _, transaction in window:
        if transaction.currency != family.who.policy.currency:
            raise Unknown(Cause.MIXED_CURRENCY)


def refuse_unclassed(family: Transactions, window: list[Moved]) -> None:
    """Raise Unknown for another currency or too much that has no class."""
    causes = set()
    if any(one.currency != family.who.policy.currency for _, one in window):
        causes.add(Cause.MIXED_CURRENCY)
    if too_much_unmapped(family.who.policy, window):
        causes.add(Cause.UNCLASSIFIED)
    if causes:
        raise Unknown(*causes)


def of_class(family: Transactions, window: list[Moved], *wanted: TransactionClass) -> list[int]:
    """The amounts of some classes."""
    return [
        transaction.amount
        for provider_id, transaction in window
        if class_of(family.who.policy, provider_id, transaction) in wanted
    ]


def earned_in(family: Transactions, window: list[Moved]) -> int:
    return sum(of_class(family, window, TransactionClass.EARNING))


def earning_days(family: Transactions, window: list[Moved]) -> list[date]:
    """The days that have an earning, oldest first."""
    days = set()
    for provider_id, transaction in window:
        if class_of(family.who.policy, provider_id, transaction) is TransactionClass.EARNING:
            days.add(transaction.date)
    return sorted(days)


def over_earned(family: Transactions, window: list[Moved], part: int) -> Decimal:
    """A part of what was earned, which must be something."""
    earned = earned_in(family, window)
    if earned <= 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number(Fraction(part, earned))


def as_money(family: Transactions, amount: int | Fraction) -> Money:
    """In the ruleset's currency."""
    return money(amount, family.who.policy.currency)


def count(n: int) -> Factor:
    """How many there are."""

    def factor(family: Transactions) -> int:
        window = month_window(family, n)
        refuse_foreign(family, window)
        return len(window)

    return factor


Work = Callable[[Transactions, list[Moved]], Money | Decimal | int]


def over_months(work: Work, n: int) -> Factor:
    """What comes of the last N months, whose transactions have a class."""

    def factor(family: Transactions) -> Money | Decimal | int:
        window = month_window(family, n)
        refuse_unclassed(family, window)
        return work(family, window)

    return factor


def over_days(work: Work, n: int) -> Factor:
    """What comes of the last N days, whose transactions have a class."""

    def factor(family: Transactions) -> Money | Decimal | int:
        window = day_window(family, n)
        refuse_unclassed(family, window)
        return work(family, window)

    return factor


def earnings(family: Transactions, window: list[Moved]) -> Money:
    """What was earned."""
    return as_money(family, earned_in(family, window))


def fees(family: Transactions, window: list[Moved]) -> Money:
    """What the platform took."""
    return as_money(family, -sum(of_class(family, window, TransactionClass.FEE)))


def withdrawals(family: Transactions, window: list[Moved]) -> Money:
    """What was cashed out."""
    return as_money(family, -sum(of_class(family, window, TransactionClass.WITHDRAWAL)))


def active_days(family: Transactions, window: list[Moved]) -> int:
    return len(earning_days(family, window))


def fee_ratio(family: Transactions, window: list[Moved]) -> Decimal:
    """Fees over earnings."""
    return over_earned(family, window, -sum(of_class(family, window, TransactionClass.FEE)))


def largest_earning_share(family: Transactions, window: list[Moved]) -> Decimal:
    """The largest earning over all."""
    earned = of_class(family, window, TransactionClass.EARNING)
    return over_earned(family, window, max(earned, default=0))


def loan_repayments(family: Transactions, window: list[Moved]) -> Money:
    """What the platform took back of its loans."""
    loans = of_class(family, window, TransactionClass.LOAN)
    return as_money(family, sum(-amount for amount in loans if amount < 0))


def rests_of(family: Transactions) -> list[tuple[date, Fraction]]:
    """Of every account the reversals that no fee explains, with their days."""
    found = []
    for account in {one.source for _, one in family.moved}:
        moves = [
            (one.date, Fraction(one.amount), class_of(family.who.policy, provider_id, one))
            for provider_id, one in family.moved
            if one.source == account
            and one.currency == family.who.policy.currency
            and one.date >= stand_in_start(family.who)
        ]
        found.extend(unexplained(moves))
    return found


def net(n: int) -> Factor:
    """Earnings less fees and reversals, as the month's income has them."""

    def factor(family: Transactions) -> Money:
        refuse_unread(family, stand_in_start(family.who))
        window = month_window(family, n)
        refuse_unclassed(family, window)
        kept = sum(of_class(family, window, *EARNED))
        months = range(family.horizon - n + 1, family.horizon + 1)
        rests = [rest for day, rest in rests_of(family) if Month.of(day).index in months]
        return as_money(family, kept - sum(rests, Fraction(0)))

    return factor


def earnings_change_28d_pct(family: Transactions) -> Decimal:
    """The last 28 days against the 28 before, in percent."""
    newer, older = day_window(family, 28), in_days(family, 28, before=28)
    refuse_unclassed(family, newer + older)
    now, then = earned_in(family, newer), earned_in(family, older)
    if then <= 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number(Fraction(now - then, then) * 100)


def days_since_last(family: Transactions, window: list[Moved]) -> int:
    """Days from the last earning to the sync."""
    days = earning_days(family, window)
    if not days:
        raise Unknown(Cause.NO_EVIDENCE)
    return (family.synced - days[-1]).days


def days_idle_habit(family: Transactions, window: list[Moved]) -> Decimal:
    """Days since the last trip over the median gap between the days with trips."""
    days = earning_days(family, window)
    if len(days) < 5:
        raise Unknown(Cause.SHORT_HISTORY)
    gaps = sorted((days[i + 1] - days[i]).days for i in range(len(days) - 1))
    middle, odd = divmod(len(gaps), 2)
    usual = Fraction(gaps[middle]) if odd else Fraction(gaps[middle - 1] + gaps[middle], 2)
    return number((family.synced - days[-1]).days / usual)


FACTORS: dict[str, Factor] = {
    "days_idle_habit": over_days(days_idle_habit, 91),
    "loan_repayments_28d": over_days(loan_repayments, 28),
    "loan_repayments_91d": over_days(loan_repayments, 91),
    "earnings_change_28d_pct": earnings_change_28d_pct,
    "days_since_last": over_days(days_since_last, 91),
}
for _n in [1, 3, 6, 12]:
    FACTORS[f"count_{_n}m"] = count(_n)
    FACTORS[f"net_{_n}m"] = net(_n)
    for _work in (earnings, fees, withdrawals, active_days, fee_ratio, largest_earning_share):
        FACTORS[f"{_work.__name__}_{_n}m"] = over_months(_work, _n)
for _n in [7, 14, 28, 91]:
    FACTORS[f"earnings_{_n}d"] = over_days(earnings, _n)
    FACTORS[f"active_days_{_n}d"] = over_days(active_days, _n)
