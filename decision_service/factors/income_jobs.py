"""income.*: how the last twelve months' income spreads over jobs."""

from __future__ import annotations

from collections.abc import Callable

from decision_service.domain.factor import ValueType
from decision_service.domain.missing import Cause
from decision_service.factors.answer import Answer
from decision_service.factors.combine import GIG, PAYROLL, JobKey
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Amount, Figure, ratio
from decision_service.factors.income import INCOME
from decision_service.factors.monthly_income import IncomeBook, income
from decision_service.factors.series import over, within
from decision_service.factors.window import months

YEAR = 12
JOBS = (
    "A job is an employer with payroll, a gig platform, or the estimates where they are the income"
    " (with combine_income max or sum: an account); each job's sum over the observed months among"
    " the last 12 counts, and nothing where it is negative."
)


@INCOME.factor(
    "jobs_count",
    ValueType.INTEGER,
    "jobs",
    "Jobs that gave income in the last 12 months.",
    f"Count of the jobs whose income is above zero. {JOBS}",
    lower=0,
    months=YEAR,
)
def jobs_count(context: FactorContext) -> Answer:
    """How many jobs the income comes from."""
    return _over_jobs(context, YEAR, lambda jobs: sum(amount > 0 for amount in jobs.values()))


@INCOME.factor(
    "top_job_share_{w}",
    ValueType.NUMBER,
    "share",
    "Share of the income of the {period} that the largest job gives.",
    f"The largest job's income / the income of all jobs. {JOBS}",
    windows=months(YEAR),
    lower=0,
    upper=1,
    months=lambda n: n,
    causes=frozenset({Cause.DIVISION_BY_ZERO}),
)
def top_job_share(context: FactorContext, length: int) -> Answer:
    """The weight of the largest job."""
    return _over_jobs(
        context, length, lambda jobs: ratio(max(jobs.values(), default=0), sum(jobs.values()))
    )


@INCOME.factor(
    "payroll_share_{w}",
    ValueType.NUMBER,
    "share",
    "Share of the income of the {period} that is payroll.",
    f"Income of the jobs known from payroll / the income of all jobs. {JOBS}",
    windows=months(YEAR),
    lower=0,
    upper=1,
    months=lambda n: n,
    causes=frozenset({Cause.DIVISION_BY_ZERO}),
)
def payroll_share(context: FactorContext, length: int) -> Answer:
    """The weight of payroll."""
    return _over_jobs(context, length, lambda jobs: _share(jobs, PAYROLL))


@INCOME.factor(
    "gig_share_{w}",
    ValueType.NUMBER,
    "share",
    "Share of the income of the {period} that gig platforms give.",
    f"Income of the gig platforms / the income of all jobs. {JOBS}",
    windows=months(YEAR),
    lower=0,
    upper=1,
    months=lambda n: n,
    causes=frozenset({Cause.DIVISION_BY_ZERO}),
)
def gig_share(context: FactorContext, length: int) -> Answer:
    """The weight of gig platforms."""
    return _over_jobs(context, length, lambda jobs: _share(jobs, GIG))


def _over_jobs(
    context: FactorContext, length: int, work: Callable[[dict[JobKey, Amount]], Figure | Cause]
) -> Answer:
    book = income(context)
    return over(book, length, lambda _: work(_jobs(book, length)))


def _jobs(book: IncomeBook, length: int) -> dict[JobKey, Amount]:
    sums: dict[JobKey, Amount] = {}
    for _, parts in within(book.parts, (book.last(length),)):
        for job, part in parts.items():
            sums[job] = sums.get(job, 0) + part.amount
    return {job: max(amount, 0) for job, amount in sums.items()}


def _share(jobs: dict[JobKey, Amount], kind: str) -> Amount | Cause:
    part = sum(amount for (what, _), amount in jobs.items() if what == kind)
    return ratio(part, sum(jobs.values()))
