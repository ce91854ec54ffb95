"""What each record gives to each month: payroll, estimates, and earnings that stand in for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from decision_service.domain.kinds import Kind
from decision_service.domain.months import Month
from decision_service.domain.needs import TransactionClass
from decision_service.domain.snapshot import Income, Transaction
from tests.oracles.factors.applicant import Applicant, Feeder, records_of, stands_in
from tests.oracles.factors.classes import class_of

FREQUENCIES = (
    "Hourly",
    "Daily",
    "Weekly",
    "Semimonthly",
    "Monthly",
    "Bimonthly",
    "Quarterly",
    "Annually",
    "Variable",
    "Unspecified",
    None,
)


@dataclass(frozen=True)
class Share:
    """What one record gives to one month; `counted` marks the month the record is counted in.

    `told` is false for payroll that names no amount at all; where its frequency is unknown too,
    that is the fault.
    """

    feeder: Feeder
    form: str
    month: int
    amount: Fraction
    currency: str
    employer: str = ""
    counted: bool = True
    told: bool = True
    transaction: Transaction | None = None
    cls: TransactionClass | None = None


def plain_name(employer: str | None) -> str:
    """An employer's name, case-folded and with blanks collapsed."""
    return " ".join((employer or "").casefold().split())


def pay_of(income: Income) -> int | None:
    """Net, else gross, else base."""
    for amount in (income.net, income.gross, income.base):
        if amount is not None:
            return amount
    return None


def last_day_of(income: Income) -> date | None:
    """The end of a pay period; where none is told, that of two, three or twelve months."""
    if income.end is not None:
        return income.end
    lengths = {"Bimonthly": 2, "Quarterly": 3, "Annually": 12}
    if income.frequency not in lengths:
        return None
    return months_later(income.start, lengths[income.frequency])


def months_later(start: date, months: int) -> date:
    """The last day of so many months that begin on a day."""
    after = Month.of(start).plus(months)
    day = min(start.day, after.last_day.day)
    return after.first_day.replace(day=day) - timedelta(days=1)


def payroll_shares(who: Applicant, feeder: Feeder) -> list[Share]:
    """A payroll record goes to its pay month; a long one to the months of its days."""
    found = []
    for income in records_of(who, Kind.INCOMES, feeder):
        found.extend(shares_of(feeder, income))
    return found


def shares_of(feeder: Feeder, income: Income) -> list[Share]:
    """What one payroll record gives to its months."""
    counted = Month.of(income.end or income.start).index
    start, end = income.start, last_day_of(income)
    if end is None or (end - start).days + 1 <= 31:
        return [payroll_share(feeder, income, counted, Fraction(1))]
    found = []
    for month in range(Month.of(start).index, Month.of(end).index + 1):
        part = Fraction(days_within(month, start, end), (end - start).days + 1)
        found.append(payroll_share(feeder, income, month, part))
    return found


def payroll_share(feeder: Feeder, income: Income, month: int, part: Fraction) -> Share:
    """A part of a payroll record in one month."""
    counted = Month.of(income.end or income.start)
    return Share(
        feeder,
        "payroll",
        month,
        part * (pay_of(income) or 0),
        income.currency,
        employer=plain_name(income.employer),
        told=pay_of(income) is not None or income.frequency not in FREQUENCIES,
        counted=month == counted.index,
    )


def days_within(month: int, start: date, end: date) -> int:
    """How many days of a month lie in a period."""
    count = 0
    day = Month(month).first_day
    while day <= Month(month).last_day:
        if start <= day <= end:
            count = count + 1
        day = day + timedelta(days=1)
    return count


def estimate_shares(who: Applicant, feeder: Feeder) -> list[Share]:
    """One estimate, one month."""
    return [
        Share(feeder, "estimate", one.month, Fraction(one.amount), one.currency)
        for one in records_of(who, Kind.EINCOMES, feeder)
    ]


def stand_in_start(who: Applicant) -> date:
    """The first day of the 13th month before as_of."""
    return Month.of(who.as_of.date).plus(-13).first_day


def earning_shares(who: Applicant, feeder: Feeder) -> list[Share]:
    """The transactions of a gig account that has nothing better, every class of them."""
    found: list[Share] = []
    if stands_in(who, feeder):
        for one in records_of(who, Kind.TRANSACTIONS, feeder):
            if one.date >= stand_in_start(who):
                cls = class_of(who.policy, feeder.provider_id, one)
                found.append(
                    Share(
                        feeder,
                        "earning",
                        Month.of(one.date).index,
                        Fraction(one.amount),
                        one.currency,
                        transaction=one,
                        cls=cls,
                        counted=cls is TransactionClass.EARNING,
                    )
                )
    return found


def doubtful_months(who: Applicant, family: list[Feeder]) -> list[tuple[int, str]]:
    """All months of payroll whose frequency is an unknown word; without an end it may be a year."""
    found = []
    for feeder in family:
        for income in records_of(who, Kind.INCOMES, feeder):
            if income.frequency not in FREQUENCIES:
                last = income.end or months_later(income.start, 12)
                months = range(Month.of(income.start).index, Month.of(last).index + 1)
                found.extend([(month, income.currency) for month in months])
    return found
