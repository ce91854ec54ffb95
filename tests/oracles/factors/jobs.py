"""income.* about jobs: how many there are, and how income divides among them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from decision_service.domain.values import Cause
from tests.oracles.factors.amounts import last_amounts, refuse_unknown, seen_amounts
from tests.oracles.factors.applicant import Unknown
from tests.oracles.factors.arithmetic import number
from tests.oracles.factors.monthly_income import Incomes
from tests.oracles.factors.parts import parts_of

Factor = Callable[[Incomes], Decimal | int]


def jobs(incomes: Incomes) -> dict[tuple[str, str], Fraction]:
    """The jobs that gave something in the observed months of a year."""
    refuse_unknown(incomes, last_amounts(incomes, 12))
    window = seen_amounts(incomes, 12)
    given: dict[tuple[str, str], Fraction] = {}
    for month in window:
        for part in parts_of(incomes, month):
            job = (part.form, part.name)
            given[job] = given.get(job, Fraction(0)) + part.amount
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
