"""income.*: statistics over the months with income, and how the income spreads over jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.values import Cause
from decision_service.factors.answer import (
    STATISTICS,
    Amount,
    Answer,
    Figure,
    Statistic,
    ratio,
)
from decision_service.factors.employment import NO_EVIDENCE
from decision_service.factors.income import DIVISION
from decision_service.factors.income_sources import GIG, PAYROLL, JobKey
from decision_service.factors.monthly_income import INCOME, income
from decision_service.factors.registry import FactorContext, months
from decision_service.factors.series import over, over_family, within

YEAR = 12
JOBS = (
    "A job is an employer with payroll, a gig platform, or the estimates where they are the income;"
    " each job's sum over the observed months among the last 12 counts, and nothing where it is"
    " negative."
)


_TOO_FEW = {"sum": "0 when there is none"}
_WINDOWS = {"sum": months(3, 6, 12), "average": months(6), "median": months(3, 6, 12)}


def _register(name: str, statistic: Statistic) -> None:
    def figure(values: Sequence[Amount]) -> Figure | Cause:
        return statistic.of([amount for amount in values if amount > 0])

    formula = f"{statistic.formula}; {_TOO_FEW.get(name, 'NO_EVIDENCE when there is none')}"
    INCOME.factor(
        f"{name}_{{w}}",
        ValueType.MONEY,
        f"{statistic.noun} over the months with income of the {{period}}.",
        formula="Of the monthly incomes above zero within the {period} up to the income horizon: "
        f"{formula}.",
        windows=_WINDOWS[name],
        lower=0,
        causes=NO_EVIDENCE if statistic.needs else frozenset(),
        parity=True,
        better=Better.UP,
    )(partial(over_family, income, figure))


for _name in _WINDOWS:
    _register(_name, STATISTICS[_name])


@INCOME.factor(
    "jobs_count",
    ValueType.INTEGER,
    "Jobs that gave income in the last 12 months.",
    formula=f"Count of the jobs whose income is above zero. {JOBS}",
    unit="jobs",
    months=YEAR,
)
def jobs_count(context: FactorContext) -> Answer:
    return _over_jobs(context, YEAR, _paying)


@INCOME.factor(
    "top_job_share_{w}",
    ValueType.NUMBER,
    "Share of the income of the {period} that the largest job gives.",
    formula=f"The largest job's income / the income of all jobs. {JOBS}",
    unit="share",
    windows=months(YEAR),
    lower=0,
    upper=1,
    causes=DIVISION,
)
def top_job_share(context: FactorContext, length: int) -> Answer:
    return _over_jobs(context, length, _of_the_largest)


@INCOME.factor(
    "payroll_share_{w}",
    ValueType.NUMBER,
    "Share of the income of the {period} that is payroll.",
    formula=f"Income of the jobs known from payroll / the income of all jobs. {JOBS}",
    unit="share",
    windows=months(YEAR),
    lower=0,
    upper=1,
    causes=DIVISION,
)
def payroll_share(context: FactorContext, length: int) -> Answer:
    return _over_jobs(context, length, partial(_share, PAYROLL))


@INCOME.factor(
    "gig_share_{w}",
    ValueType.NUMBER,
    "Share of the income of the {period} that gig platforms give.",
    formula=f"Income of the gig platforms / the income of all jobs. {JOBS}",
    unit="share",
    windows=months(YEAR),
    lower=0,
    upper=1,
    causes=DIVISION,
)
def gig_share(context: FactorContext, length: int) -> Answer:
    return _over_jobs(context, length, partial(_share, GIG))


def _paying(jobs: dict[JobKey, Amount]) -> int:
    return sum(amount > 0 for amount in jobs.values())


def _of_the_largest(jobs: dict[JobKey, Amount]) -> Figure | Cause:
    return ratio(max(jobs.values(), default=0), sum(jobs.values()))


def _over_jobs(
    context: FactorContext, length: int, work: Callable[[dict[JobKey, Amount]], Figure | Cause]
) -> Answer:
    book = income(context)
    sums: dict[JobKey, Amount] = {}
    for _, parts in within(book.parts, (book.last(length),)):
        for job, part in parts.items():
            sums[job] = sums.get(job, 0) + part.amount
    jobs = {job: max(amount, 0) for job, amount in sums.items()}
    return over(book, length, lambda _: work(jobs))


def _share(kind: str, jobs: dict[JobKey, Amount]) -> Amount | Cause:
    part = sum(amount for (what, _), amount in jobs.items() if what == kind)
    return ratio(part, sum(jobs.values()))
