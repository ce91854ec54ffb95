"""income.*: statistics over the months with income, and how the income spreads over jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.values import Cause
from decision_service.factors.answer import (
    STATISTICS,
    Amount,
    Answer,
    Figure,
    Statistic,
    percent_change,
    ratio,
)
from decision_service.factors.employment import NO_EVIDENCE
from decision_service.factors.income import DIVISION
from decision_service.factors.income_sources import GIG, PAYROLL, JobKey
from decision_service.factors.monthly_income import INCOME, income, income_presence
from decision_service.factors.registry import CALENDAR, WHOLE, WHOLE_HISTORY, FactorContext, months
from decision_service.factors.series import either_way, over, over_spans, within

YEAR = 12
JOBS = (
    "A job is an employer with payroll, a gig platform, or the estimates where they are the income;"
    " each job's sum over the observed months among the last 12 counts, and nothing where it is"
    " negative."
)


_TOO_FEW = {
    "sum": "0 when there is none",
    "median": "NO_EVIDENCE when none",
    "std": "NO_EVIDENCE when there is none, SHORT_HISTORY when there is one",
}


def _register(name: str, statistic: Statistic) -> None:
    def figure(values: Sequence[Amount]) -> Figure | Cause:
        return statistic.of([amount for amount in values if amount > 0], Cause.SHORT_HISTORY)

    noun = f"{statistic.noun} income" if name in ("min", "max") else statistic.noun
    formula = f"{statistic.formula}; {_TOO_FEW.get(name, 'NO_EVIDENCE when there is none')}"
    INCOME.factor(
        f"{name}_{{w}}",
        ValueType.MONEY,
        f"{noun} over the months with income of the {{period}}.",
        "Of the monthly incomes above zero within the {period} up to the income horizon: "
        f"{formula}.",
        windows=(*CALENDAR, WHOLE_HISTORY),
        lower=0,
        causes=NO_EVIDENCE if statistic.needs else frozenset(),
        parity=True,
        better=Better.NONE if statistic.spread else Better.UP,
    )(lambda context, length: over(income(context), length, figure))


for _name, _statistic in STATISTICS.items():
    _register(_name, _statistic)


@INCOME.factor(
    "current_amount",
    ValueType.MONEY,
    "Income of the latest month with income.",
    "Monthly income of the last month up to the income horizon whose income is above zero.",
    lower=0,
    causes=NO_EVIDENCE,
    parity=True,
    better=Better.UP,
)
def current_amount(context: FactorContext) -> Answer:
    return over(income(context), WHOLE, lambda v: _edge(v, -1))


@INCOME.factor(
    "starting_amount",
    ValueType.MONEY,
    "Income of the first month with income.",
    "Monthly income of the first month whose income is above zero.",
    lower=0,
    causes=NO_EVIDENCE,
    parity=True,
    better=Better.UP,
)
def starting_amount(context: FactorContext) -> Answer:
    return over(income(context), WHOLE, lambda v: _edge(v, 0))


@INCOME.factor(
    "growth_12m",
    ValueType.NUMBER,
    "Growth of the latest income against the same month a year before.",
    "(income of the last month with income up to the horizon - income 12 months before it) / the"
    " earlier income * 100; SHORT_HISTORY when that month lies before the first record;"
    " DIVISION_BY_ZERO when the earlier income is not above zero.",
    unit="percent",
    causes=frozenset({Cause.NO_EVIDENCE, Cause.DIVISION_BY_ZERO}),
    needs_months=YEAR + 1,
    parity=True,
    better=Better.UP,
)
def growth(context: FactorContext) -> Answer:
    book = income(context)
    return over_spans(book, (book.last(WHOLE),), lambda: _growth(book.values))


@INCOME.factor(
    "months_at_max_{w}",
    ValueType.INTEGER,
    "Months of the {period} at the largest income of that time.",
    "Count of the months among the {n} calendar months up to the income horizon whose income equals"
    " the largest one of them, which must be above zero; NO_EVIDENCE when none is.",
    unit="months",
    windows=months(18),
    lower=1,
    upper=lambda n: n,
    causes=NO_EVIDENCE,
    parity=True,
)
def months_at_max(context: FactorContext, length: int) -> Answer:
    return over(income(context), length, _at_max)


@INCOME.factor(
    "inner_gaps_{w}",
    ValueType.INTEGER,
    "How often income paused and came back, over the {period}.",
    "Count of the runs of months without income above zero between two months with it; the months"
    " after the last income are no such run. NO_EVIDENCE when no month has income.",
    unit="gaps",
    windows=(WHOLE_HISTORY,),
    causes=NO_EVIDENCE,
    parity=True,
)
def inner_gaps(context: FactorContext, length: int) -> Answer:
    return either_way(income_presence(context), length, lambda v: _of_pauses(v, len))


@INCOME.factor(
    "longest_inner_gap_{w}",
    ValueType.INTEGER,
    "The longest pause between two months with income, over the {period}.",
    "The most months without income above zero between two months with it, 0 without such a gap;"
    " the months after the last income do not count. NO_EVIDENCE when no month has income.",
    unit="months",
    windows=(WHOLE_HISTORY,),
    causes=NO_EVIDENCE,
    parity=True,
)
def longest_inner_gap(context: FactorContext, length: int) -> Answer:
    longest = partial(max, default=0)
    return either_way(income_presence(context), length, lambda v: _of_pauses(v, longest))


def _of_pauses(
    months: Sequence[Amount | None], work: Callable[[Sequence[int]], int]
) -> int | Cause:
    values = [amount for amount in months if amount is not None]
    earned = [index for index, amount in enumerate(values) if amount > 0]
    pauses = [later - earlier - 1 for earlier, later in pairwise(earned)]
    return work([months for months in pauses if months]) if earned else Cause.NO_EVIDENCE


def _edge(values: Sequence[Amount], position: int) -> Amount | Cause:
    earned = [amount for amount in values if amount > 0]
    return earned[position] if earned else Cause.NO_EVIDENCE


def _growth(values: Sequence[Amount | None]) -> Amount | Cause:
    latest = max((i for i, amount in enumerate(values) if amount and amount > 0), default=None)
    if latest is None:
        return Cause.NO_EVIDENCE
    new = values[latest]
    old = values[latest - YEAR] if latest >= YEAR else None
    return Cause.SHORT_HISTORY if new is None or old is None else percent_change(new, old)


def _at_max(values: Sequence[Amount]) -> int | Cause:
    best = max(values, default=0)
    return sum(amount == best for amount in values) if best > 0 else Cause.NO_EVIDENCE


@INCOME.factor(
    "jobs_count",
    ValueType.INTEGER,
    "Jobs that gave income in the last 12 months.",
    f"Count of the jobs whose income is above zero. {JOBS}",
    unit="jobs",
    months=YEAR,
)
def jobs_count(context: FactorContext) -> Answer:
    return _over_jobs(context, YEAR, lambda jobs: sum(amount > 0 for amount in jobs.values()))


@INCOME.factor(
    "top_job_share_{w}",
    ValueType.NUMBER,
    "Share of the income of the {period} that the largest job gives.",
    f"The largest job's income / the income of all jobs. {JOBS}",
    unit="share",
    windows=months(YEAR),
    lower=0,
    upper=1,
    causes=DIVISION,
)
def top_job_share(context: FactorContext, length: int) -> Answer:
    return _over_jobs(
        context, length, lambda jobs: ratio(max(jobs.values(), default=0), sum(jobs.values()))
    )


@INCOME.factor(
    "payroll_share_{w}",
    ValueType.NUMBER,
    "Share of the income of the {period} that is payroll.",
    f"Income of the jobs known from payroll / the income of all jobs. {JOBS}",
    unit="share",
    windows=months(YEAR),
    lower=0,
    upper=1,
    causes=DIVISION,
)
def payroll_share(context: FactorContext, length: int) -> Answer:
    return _over_jobs(context, length, lambda jobs: _share(jobs, PAYROLL))


@INCOME.factor(
    "gig_share_{w}",
    ValueType.NUMBER,
    "Share of the income of the {period} that gig platforms give.",
    f"Income of the gig platforms / the income of all jobs. {JOBS}",
    unit="share",
    windows=months(YEAR),
    lower=0,
    upper=1,
    causes=DIVISION,
)
def gig_share(context: FactorContext, length: int) -> Answer:
    return _over_jobs(context, length, lambda jobs: _share(jobs, GIG))


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


def _share(jobs: dict[JobKey, Amount], kind: str) -> Amount | Cause:
    part = sum(amount for (what, _), amount in jobs.items() if what == kind)
    return ratio(part, sum(jobs.values()))
