"""What each record gives to each month: payroll, estimates, and transactions of gig accounts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import TransactionClass
from decision_service.domain.snapshot import Income, Transaction
from decision_service.domain.values import Month
from tests.oracles.factors.applicant import Applicant, Feeder, records_of
from tests.oracles.factors.records import (
    Slip,
    clashes,
    class_of,
    crossed,
    employer_of,
    months_later,
    months_of,
    paid_once,
    pays,
    slip_of,
)

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
EARNED = (TransactionClass.EARNING, TransactionClass.FEE, TransactionClass.REVERSAL)


@dataclass(frozen=True)
class Share:
    """What one record gives to one month; `counted` marks the month the record is counted in.

    `told` is false for payroll that names no amount at all; where its frequency is unknown too,
    that is the fault, and it is `unread`. `record` is the record's id.
    """

    feeder: Feeder
    kind: Kind
    month: int
    amount: Fraction
    currency: str
    record: str
    employer: str = ""
    counted: bool = True
    told: bool = True
    unread: bool = False
    transaction: Transaction | None = None
    cls: TransactionClass | None = None


@dataclass(frozen=True)
class Doubt:
    """A month of payroll that cannot be believed, and the feeder that told it."""

    feeder: Feeder
    month: int
    currency: str
    record: str


def slips_by_job(who: Applicant, feeder: Feeder) -> dict[tuple[str, str], list[Slip]]:
    """An account's payroll by employer and currency, as it was told.

    Records of an unknown frequency are no payslips.
    """
    found: dict[tuple[str, str], list[Slip]] = {}
    for income in records_of(who, Kind.INCOMES, feeder):
        if income.frequency in FREQUENCIES:
            key = (employer_of(who, income), income.currency)
            found.setdefault(key, []).append(slip_of(income))
    return found


def payroll_shares(who: Applicant, feeder: Feeder) -> list[Share]:
    """A payroll record goes to its pay month; a long one to the months of its days."""
    found = []
    for (employer, _), slips in slips_by_job(who, feeder).items():
        found.extend(job_shares(feeder, slips, employer))
    for income in records_of(who, Kind.INCOMES, feeder):
        if income.frequency not in FREQUENCIES:
            for month in unread_months(income):
                one = payroll_share(
                    feeder, slip_of(income), employer_of(who, income), month, Fraction(0)
                )
                found.append(replace(one, unread=True))
    return found


def job_shares(feeder: Feeder, slips: list[Slip], employer: str) -> list[Share]:
    """What a job's payroll gives to months; a crossed slip where it says more than the others."""
    long = crossed(pays(slips))
    found: list[Share] = []
    for slip in paid_once(slips):
        if slip not in long:
            found.extend(shares_of(feeder, slip, employer))
    paid: dict[int, Fraction] = {}
    for one in found:
        paid[one.month] = paid.get(one.month, Fraction(0)) + max(one.amount, Fraction(0))
    for slip in long:
        for one in shares_of(feeder, slip, employer):
            before = paid.get(one.month, Fraction(0))
            paid[one.month] = max(one.amount, before)
            found.append(replace(one, amount=paid[one.month] - before))
    return found


def shares_of(feeder: Feeder, slip: Slip, employer: str) -> list[Share]:
    """What one payroll record gives to its months."""
    counted = Month.of(slip.income.end or slip.start).index
    if slip.days <= 31:
        return [payroll_share(feeder, slip, employer, counted, Fraction(1))]
    return [
        payroll_share(feeder, slip, employer, month, Fraction(days_within(month, slip), slip.days))
        for month in months_of(slip)
    ]


def payroll_share(feeder: Feeder, slip: Slip, employer: str, month: int, part: Fraction) -> Share:
    """A part of a payroll record in one month."""
    income = slip.income
    return Share(
        feeder,
        Kind.INCOMES,
        month,
        part * (slip.pay or 0),
        income.currency,
        income.id,
        employer=employer,
        told=slip.pay is not None or income.frequency not in FREQUENCIES,
        counted=month == Month.of(income.end or income.start).index,
    )


def days_within(month: int, slip: Slip) -> int:
    """How many days of a month lie in a period."""
    count = 0
    day = Month(month).first_day
    while day <= Month(month).last_day:
        if slip.start <= day <= slip.last:
            count = count + 1
        day = day + timedelta(days=1)
    return count


def estimate_shares(who: Applicant, feeder: Feeder) -> list[Share]:
    return [
        Share(feeder, Kind.EINCOMES, one.month, Fraction(one.amount), one.currency, one.id)
        for one in records_of(who, Kind.EINCOMES, feeder)
    ]


def stand_in_start(who: Applicant) -> date:
    """The first day of the 13th month before as_of."""
    return Month.of(who.as_of.date).plus(-13).first_day


def transaction_shares(who: Applicant, feeder: Feeder, given: list[Transaction]) -> list[Share]:
    """The transactions of a gig account, every class of them, from the 13th month before on."""
    found: list[Share] = []
    for one in given:
        if one.date >= stand_in_start(who):
            cls = class_of(who.policy, feeder.provider_id, one)
            found.append(
                Share(
                    feeder,
                    Kind.TRANSACTIONS,
                    Month.of(one.date).index,
                    Fraction(one.amount),
                    one.currency,
                    one.id,
                    transaction=one,
                    cls=cls,
                    counted=cls is TransactionClass.EARNING,
                )
            )
    return found


def unread_months(income: Income) -> list[int]:
    """The months of a record whose frequency is an unknown word."""
    last = income.end or months_later(income.start, 12)
    return list(range(Month.of(income.start).index, Month.of(last).index + 1))


def doubts(who: Applicant, feeder: Feeder) -> list[Doubt]:
    """The months of payroll whose frequency is an unknown word.

    Without an end its period may be a year.
    """
    found: list[Doubt] = []
    for income in records_of(who, Kind.INCOMES, feeder):
        if income.frequency not in FREQUENCIES:
            months = unread_months(income)
            found += [Doubt(feeder, month, income.currency, income.id) for month in months]
    return found


def overlapped(who: Applicant, feeder: Feeder) -> set[int]:
    """The months that payslips touch which overlap, neither holding the other."""
    found: set[int] = set()
    for (_, currency), slips in slips_by_job(who, feeder).items():
        if currency == who.policy.currency:
            for slip in clashes(pays(slips)):
                found.update(months_of(slip))
    return found


def all_slips(who: Applicant, feeder: Feeder) -> dict[str, set[tuple[date, date, int]]]:
    """An account's pay slips by employer, to be compared with another account's."""
    found: dict[str, set[tuple[date, date, int]]] = {
        employer_of(who, income): set() for income in records_of(who, Kind.INCOMES, feeder)
    }
    for (employer, currency), slips in slips_by_job(who, feeder).items():
        for slip in slips:
            if slip.pay is not None and currency == who.policy.currency:
                found[employer].add((slip.start, slip.last, slip.pay))
    return found
