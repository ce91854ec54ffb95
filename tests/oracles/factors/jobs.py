"""income.* about jobs: how many there are, and how income divides among them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from decision_service.domain.missing import Cause
from decision_service.domain.needs import CombineIncome
from tests.oracles.factors.applicant import Unknown
from tests.oracles.factors.arithmetic import number
from tests.oracles.factors.income import observed_months
from tests.oracles.factors.monthly_income import (
    Incomes,
    account_month,
    accounts_in,
    gig_by_platform,
    highest_estimate,
    payroll_by_employer,
    refuse_unusable,
)

Factor = Callable[[Incomes], Decimal | int]


def accounts_of_month(incomes: Incomes, month: int) -> dict[tuple[str, str], Fraction]:
    """Where accounts are not told apart by job, each is one; with `max` only the highest counts.

    Of equal ones an estimate comes before gig work, gig work before payroll, then the smaller id.
    """
    given: dict[tuple[str, str], Fraction] = {}
    for feeder in accounts_in(incomes):
        form, amount = account_month(incomes, feeder, month)
        if form:
            given["gig" if feeder.gig else form, feeder.id] = amount
    if incomes.who.policy.combine_income is CombineIncome.MAX:
        best = sorted(given, key=lambda job: (-given[job], job))[:1]
        return {job: given[job] for job in best}
    return given


def jobs_of_month(incomes: Incomes, month: int) -> dict[tuple[str, str], Fraction]:
    """What each job gave in a month; a job is its form (payroll, estimate or gig) and a name."""
    given: dict[tuple[str, str], Fraction] = {}
    if incomes.who.policy.combine_income is not CombineIncome.PER_JOB:
        return accounts_of_month(incomes, month)
    payroll = payroll_by_employer(incomes, month)
    gig = gig_by_platform(incomes, month)
    estimate = highest_estimate(incomes, month)
    if estimate is not None and not payroll and (not gig or estimate >= sum(gig.values())):
        return {("estimate", ""): estimate}
    given.update({("payroll", name): amount for name, amount in payroll.items()})
    given.update({("gig", name): amount for name, amount in gig.items()})
    return given


def jobs(incomes: Incomes) -> dict[tuple[str, str], Fraction]:
    """The jobs that gave something in the observed months of a year."""
    window = observed_months(incomes, 12)
    refuse_unusable(incomes, window)
    given: dict[tuple[str, str], Fraction] = {}
    for month in window:
        for job, amount in jobs_of_month(incomes, month).items():
            given[job] = given.get(job, Fraction(0)) + amount
    return {job: amount for job, amount in given.items() if amount > 0}


def jobs_count(incomes: Incomes) -> int:
    """Jobs with income in a year."""
    return len(jobs(incomes))


def share_of(given: dict[tuple[str, str], Fraction], part: Fraction) -> Decimal:
    """A part of what all jobs gave."""
    whole = sum(given.values(), Fraction(0))
    if whole == 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number(part / whole)


def top_job_share_12m(incomes: Incomes) -> Decimal:
    """The largest job in all income of a year."""
    given = jobs(incomes)
    return share_of(given, max(given.values(), default=Fraction(0)))


def share_of_form(form: str) -> Factor:
    """The jobs of one form in all income of a year."""

    def factor(incomes: Incomes) -> Decimal:
        given = jobs(incomes)
        parts = [amount for job, amount in given.items() if job[0] == form]
        return share_of(given, sum(parts, Fraction(0)))

    return factor


FACTORS: dict[str, Factor] = {
    "jobs_count": jobs_count,
    "top_job_share_12m": top_job_share_12m,
    "payroll_share_12m": share_of_form("payroll"),
    "gig_share_12m": share_of_form("gig"),
}
