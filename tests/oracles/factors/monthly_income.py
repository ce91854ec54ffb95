"""Monthly income: what each account says of a month, and one figure from all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.domain.months import Month
from decision_service.domain.needs import CombineIncome, TransactionClass
from decision_service.domain.snapshot import Income, Transaction
from tests.oracles.factors.applicant import (
    Applicant,
    Feeder,
    Unknown,
    earliest_horizon,
    feeders,
    feeds,
    records_of,
    refuse_tainted,
    stands_in,
)
from tests.oracles.factors.classes import class_of, too_much_unmapped


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
    """What one record gives to one month; `counted` marks the month the record is counted in."""

    feeder: Feeder
    form: str
    month: int
    amount: Fraction
    currency: str
    employer: str = ""
    counted: bool = True
    transaction: Transaction | None = None
    cls: TransactionClass | None = None


@dataclass(frozen=True)
class Incomes:
    """The income family of one applicant: everything up to `horizon`.

    `doubtful` are the months that payroll of an unknown frequency may belong to.
    """

    who: Applicant
    horizon: int
    shares: list[Share]
    doubtful: list[int]

    @property
    def first(self) -> int:
        """The first month of the observed history."""
        return min(share.month for share in self.shares)

    @property
    def observed(self) -> int:
        """How many months the observed history has."""
        return self.horizon - self.first + 1


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
    after = Month.of(income.start).plus(lengths[income.frequency])
    day = min(income.start.day, after.last_day.day)
    return after.first_day.replace(day=day) - timedelta(days=1)


def payroll_shares(who: Applicant, feeder: Feeder) -> list[Share]:
    """A payroll record goes to its pay month; a long one to the months of its days."""
    found = []
    for income in records_of(who, Kind.INCOMES, feeder):
        if pay_of(income) is not None:
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
    found = []
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


def feeds_income(who: Applicant, feeder: Feeder) -> bool:
    """Whether a feeder belongs to the income family."""
    if feeds(who, feeder, Kind.INCOMES) or feeds(who, feeder, Kind.EINCOMES):
        return True
    return stands_in(who, feeder) and feeds(who, feeder, Kind.TRANSACTIONS)


def income_kinds(who: Applicant) -> list[Kind]:
    """The kinds that income rests on: transactions only where a gig account needs them."""
    kinds = [Kind.INCOMES, Kind.EINCOMES]
    for feeder in feeders(who):
        if stands_in(who, feeder) and feeds(who, feeder, Kind.TRANSACTIONS):
            return [*kinds, Kind.TRANSACTIONS]
    return kinds


def incomes_of(who: Applicant) -> Incomes:
    """The family, or Unknown when it is spoilt, not connected or empty."""
    refuse_tainted(who, income_kinds(who))
    family = [one for one in feeders(who) if feeds_income(who, one)]
    if not family:
        raise Unknown(Cause.NOT_CONNECTED)
    horizon = earliest_horizon(who, family)
    shares = []
    for feeder in family:
        shares.extend(payroll_shares(who, feeder))
        shares.extend(estimate_shares(who, feeder))
        shares.extend(earning_shares(who, feeder))
    if not shares:
        raise Unknown(Cause.NO_DATA)
    settled = [share for share in shares if share.month <= horizon]
    if not settled:
        raise Unknown(Cause.SHORT_HISTORY)
    return Incomes(who, horizon, settled, doubtful_months(who, family, horizon))


def doubtful_months(who: Applicant, family: list[Feeder], horizon: int) -> list[int]:
    """All months from the start to the end of payroll whose frequency is an unknown word."""
    found = []
    for feeder in family:
        for income in records_of(who, Kind.INCOMES, feeder):
            if income.frequency not in FREQUENCIES:
                last = horizon if income.end is None else Month.of(income.end).index
                found.extend(range(Month.of(income.start).index, last + 1))
    return found


def account_month(incomes: Incomes, feeder: Feeder, month: int) -> tuple[str, Fraction]:
    """One account's figure of one month and what it rests on: payroll, else estimate, else work."""
    mine = [one for one in incomes.shares if one.feeder.id == feeder.id and one.month == month]
    for form in ("payroll", "estimate"):
        chosen = [one.amount for one in mine if one.form == form]
        if chosen:
            return form, sum(chosen, Fraction(0))
    worked = [
        one.amount
        for one in mine
        if one.cls in (TransactionClass.EARNING, TransactionClass.FEE, TransactionClass.REVERSAL)
    ]
    if mine:
        return "earning", sum(worked, Fraction(0))
    return "", Fraction(0)


def accounts_in(incomes: Incomes) -> list[Feeder]:
    """Every feeder that has a share."""
    found: list[Feeder] = []
    for share in incomes.shares:
        if share.feeder not in found:
            found.append(share.feeder)
    return found


def payroll_by_employer(incomes: Incomes, month: int) -> dict[str, Fraction]:
    """Of formal accounts: each employer's highest account."""
    best: dict[str, Fraction] = {}
    for feeder in accounts_in(incomes):
        if feeder.gig:
            continue
        paid: dict[str, Fraction] = {}
        for share in incomes.shares:
            if share.feeder.id == feeder.id and share.form == "payroll" and share.month == month:
                paid[share.employer] = paid.get(share.employer, Fraction(0)) + share.amount
        for employer, amount in paid.items():
            if employer not in best or amount > best[employer]:
                best[employer] = amount
    return best


def highest_estimate(incomes: Incomes, month: int) -> Fraction | None:
    """Of formal accounts without payroll in the month: the highest estimate."""
    best = None
    for feeder in accounts_in(incomes):
        form, amount = account_month(incomes, feeder, month)
        if not feeder.gig and form == "estimate" and (best is None or amount > best):
            best = amount
    return best


def gig_by_platform(incomes: Incomes, month: int) -> dict[str, Fraction]:
    """Of gig accounts: each platform's highest account."""
    best: dict[str, Fraction] = {}
    for feeder in accounts_in(incomes):
        form, amount = account_month(incomes, feeder, month)
        platform = feeder.provider_id
        if feeder.gig and form and (platform not in best or amount > best[platform]):
            best[platform] = amount
    return best


def per_job(incomes: Incomes, month: int) -> Fraction:
    """Payroll plus gig; without payroll the larger of estimates and gig."""
    payroll = payroll_by_employer(incomes, month)
    gig = gig_by_platform(incomes, month)
    estimate = highest_estimate(incomes, month)
    gig_sum = sum(gig.values(), Fraction(0))
    if payroll:
        return sum(payroll.values(), Fraction(0)) + gig_sum
    if estimate is None:
        return gig_sum
    if not gig:
        return estimate
    return max(estimate, gig_sum)


def month_income(incomes: Incomes, month: int) -> Fraction:
    """The month's income as the policy combines it."""
    how = incomes.who.policy.combine_income
    if how is CombineIncome.PER_JOB:
        return per_job(incomes, month)
    figures = []
    for feeder in accounts_in(incomes):
        form, amount = account_month(incomes, feeder, month)
        if form:
            figures.append(amount)
    if not figures:
        return Fraction(0)
    if how is CombineIncome.MAX:
        return max(figures)
    return sum(figures, Fraction(0))


def refuse_unusable(incomes: Incomes, months: list[int]) -> None:
    """Raise Unknown for a foreign currency or too many unmapped transactions in a window."""
    causes = set()
    if any(month in incomes.doubtful for month in months):
        causes.add(Cause.BAD_DATA)
    moved = []
    for share in incomes.shares:
        if share.month in months:
            if share.currency != incomes.who.policy.currency:
                causes.add(Cause.MIXED_CURRENCY)
            if share.transaction is not None:
                moved.append((share.feeder.provider_id, share.transaction))
    if too_much_unmapped(incomes.who.policy, moved):
        causes.add(Cause.UNCLASSIFIED)
    if causes:
        raise Unknown(*causes)
