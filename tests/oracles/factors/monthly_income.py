"""Monthly income: what each account says of a month, and one figure from all of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.domain.needs import CombineIncome, TransactionClass
from tests.oracles.factors.applicant import (
    Applicant,
    Feeder,
    Unknown,
    broken,
    earliest_horizon,
    feeders,
    feeds,
    is_expired,
    read_of,
    revoked,
    stands_in,
    taints_of_kind,
)
from tests.oracles.factors.classes import too_much_unmapped
from tests.oracles.factors.shares import (
    Share,
    doubtful_months,
    earning_shares,
    estimate_shares,
    payroll_shares,
    stand_in_start,
)


@dataclass(frozen=True)
class Incomes:
    """The income family of one applicant: everything up to `horizon`.

    `doubtful` are the months, with its currency, that payroll of an unknown frequency may be of.
    """

    who: Applicant
    horizon: int
    shares: list[Share]
    doubtful: list[tuple[int, str]]

    @property
    def first(self) -> int:
        """The first month of the observed history."""
        return min(share.month for share in self.shares)

    @property
    def observed(self) -> int:
        """How many months the observed history has."""
        return self.horizon - self.first + 1


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


def income_taints(who: Applicant) -> set[Cause]:
    """What spoils income: its kinds, and gig accounts that stood in and are gone."""
    causes = {fault.cause for fault in who.snapshot.account_faults}
    workers = [one for one in feeders(who) if stands_in(who, one)]
    for kind in income_kinds(who):
        causes = causes | taints_of_kind(who, kind)
        if is_expired(who, kind, workers if kind is Kind.TRANSACTIONS else feeders(who)):
            causes.add(Cause.EXPIRED)
        read = read_of(who, kind)
        asked = None if read is None else read.first_day
        if asked is not None and asked > stand_in_start(who):
            causes.add(Cause.NOT_FETCHED)
    for feeder in broken(who):
        if feeds_income(who, feeder):
            causes.add(Cause.PARTIAL)
    if not any(feeds_income(who, feeder) for feeder in feeders(who)):
        for feeder in revoked(who):
            if feeds_income(who, feeder):
                causes.add(Cause.EXPIRED)
    return causes


def incomes_of(who: Applicant) -> Incomes:
    """The family, or Unknown when it is spoilt, not connected or empty."""
    causes = income_taints(who)
    if causes:
        raise Unknown(*causes)
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
    return Incomes(who, horizon, settled, doubtful_months(who, family))


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
    found: dict[str, Feeder] = {}
    for share in incomes.shares:
        found[share.feeder.id] = share.feeder
    return list(found.values())


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
    """Raise Unknown for records in a window that cannot be summed, or too many without a class."""
    inside = [share for share in incomes.shares if share.month in months]
    causes = doubts_in(incomes, months)
    for share in inside:
        if share.currency != incomes.who.policy.currency:
            causes.add(Cause.MIXED_CURRENCY)
        elif not share.told:
            causes.add(Cause.NO_DATA)
    moved = [
        (share.feeder.provider_id, share.transaction)
        for share in inside
        if share.transaction is not None
    ]
    if too_much_unmapped(incomes.who.policy, moved):
        causes.add(Cause.UNCLASSIFIED)
    if causes:
        raise Unknown(*causes)


def doubts_in(incomes: Incomes, months: list[int]) -> set[Cause]:
    """Payroll of an unknown frequency spoils every month of its days."""
    causes = set()
    for month, currency in incomes.doubtful:
        if month in months and currency == incomes.who.policy.currency:
            causes.add(Cause.BAD_DATA)
        elif month in months:
            causes.add(Cause.MIXED_CURRENCY)
    return causes
