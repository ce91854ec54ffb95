"""income.*: what the applicant earns a month, verified (see monthly_income)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import add, itemgetter, mul, sub

import msgspec

from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.values import Cause, Missing, Month
from decision_service.factors.answer import (
    Amount,
    Answer,
    Figure,
    answer,
    in_order,
    longest_run,
    mean,
    median,
    month_name,
    percent_change,
    ratio,
    variation,
)
from decision_service.factors.employment import NO_EVIDENCE, is_open, jobs
from decision_service.factors.income_sources import income_settlement
from decision_service.factors.monthly_income import INCOME, income, income_presence
from decision_service.factors.payroll import named_employer
from decision_service.factors.registry import (
    CALENDAR,
    WHOLE,
    FactorContext,
    months,
    window_length,
)
from decision_service.factors.series import (
    MonthBook,
    MonthSpan,
    at,
    either_way,
    over,
    over_spans,
    two_months,
)

DIVISION = frozenset({Cause.DIVISION_BY_ZERO})
TREND_MONTHS = 3
CONSERVATIVE_NEEDS = 3
VOLATILITY_NEEDS = 4
TENURE_MONTHS = 24
NEWEST = 3
"""The newest months are left out of what is usual, so that a cut does not hide itself."""
USUAL_MONTHS = 9
USUAL_NEEDS = 3


def _gaps(months: Sequence[Amount | None]) -> int:
    return sum(amount == 0 for amount in months)


def _longest_gap(months: Sequence[Amount | None]) -> int:
    return longest_run([amount == 0 for amount in months])


@INCOME.factor(
    "months_total",
    ValueType.INTEGER,
    "Months with income over the whole history.",
    formula="Count of months up to the income horizon whose monthly income is above zero.",
    unit="months",
    better=Better.UP,
)
def months_total(context: FactorContext) -> Answer:
    return either_way(income_presence(context), WHOLE, _with_income)


@INCOME.factor(
    "count_{w}",
    ValueType.INTEGER,
    "Income records in the {period}.",
    formula=(
        "Count of the records of the {n} calendar months up to the income horizon: estimated"
        " incomes by month, payroll records by pay month (month of the end date, else of the"
        " start date), and transactions classed EARNING of accounts whose earnings stand in."
        " All accounts count, also records that another account's payroll outranks."
    ),
    unit="records",
    windows=CALENDAR,
    better=Better.UP,
)
def count(context: FactorContext, length: int) -> Answer:
    book = income_presence(context)
    span = book.last(length)
    closed = book.read(span, open_as=0)
    records = book.records(span)

    def counted(months: Sequence[Amount | None]) -> int:
        return records + (months != closed)

    return either_way(book, length, counted)


@INCOME.factor(
    "months_{w}",
    ValueType.INTEGER,
    "Months with income among the {period}.",
    formula=(
        "Count of the {n} calendar months up to the income horizon whose monthly income is"
        " above zero; months before the first record count as none."
    ),
    unit="months",
    windows=CALENDAR,
    upper=window_length,
    better=Better.UP,
)
def months_with_income(context: FactorContext, length: int) -> Answer:
    return either_way(income_presence(context), length, _with_income)


@INCOME.factor(
    "tenure_months_known",
    ValueType.INTEGER,
    "How many months of work are known of: with income, or due to show some, or of an open job.",
    formula=(
        "The larger of two. The months with income among the last 24, those that are open, and,"
        " where a source is live, those that have ended since the income horizon; and the"
        " calendar months from the earliest start of an open employment with a named employer"
        " to the last month that has ended. The evidence names the months that are due."
    ),
    unit="months",
    months=TENURE_MONTHS,
    better=Better.UP,
)
def tenure_months_known(context: FactorContext) -> Answer:
    book = income_presence(context)
    known = jobs(context)
    if book.missing:
        return Answer(None, book.missing)
    span = book.last(TENURE_MONTHS)
    flaws, evidence = book.judged((span,))
    causes = in_order([*flaws, *[m for m in known.missing if m.cause.tainted]])
    if causes:
        return Answer(None, causes, evidence)
    today = context.as_of.date
    ended = Month.of(today).index - 1
    due = _due_months(context)
    starts = [
        Month.of(job.start).index
        for job in known.records
        if is_open(job, today) and named_employer(job.employer, context.policy)
    ]
    worked = ended - min(starts, default=ended + 1) + 1
    shown = _with_income(book.read(span, open_as=1)) + len(due)
    proof = msgspec.structs.replace(evidence, notes=(*evidence.notes, *_due_notes(context)))
    return answer(max(shown, worked), book.kind, proof)


@INCOME.factor(
    "next_due_date",
    ValueType.DATE,
    "The day on which another month of income is due.",
    formula=(
        "The earliest day on which a live source is due to post a month that has ended since"
        " the income horizon; NO_EVIDENCE where no such month is to come."
    ),
    causes=NO_EVIDENCE,
)
def next_due_date(context: FactorContext) -> Answer:
    book = income_presence(context)
    days = [wait.due for wait in _awaited(context) if wait.due]
    if book.missing or not days:
        return Answer(None, book.missing or (Missing(Cause.NO_EVIDENCE, kind=book.kind),))
    return Answer(min(days), (), Evidence(notes=_due_notes(context)))


def _due_months(context: FactorContext) -> range:
    """The months that have ended since the income horizon, where a source is live."""
    ended = Month.of(context.as_of.date).index - 1
    live = any(source.live for source in income_settlement(context).judges)
    return range(income_presence(context).horizon + 1, ended + 1) if live else range(0)


def _awaited(context: FactorContext) -> Sequence[Missing]:
    settled = income_settlement(context)
    waits = [settled.waited_for(month, settled.judges) for month in _due_months(context)]
    return [wait for wait in waits if wait]


def _due_notes(context: FactorContext) -> tuple[str, ...]:
    return tuple(
        f"{month_name(wait.month or 0)} is due from {wait.source} on {wait.due}"
        for wait in _awaited(context)
        if wait.due
    )


@INCOME.factor(
    "change_{w}",
    ValueType.MONEY,
    "Income of the horizon month minus that of {n} months before.",
    formula=(
        "Monthly income of the horizon month minus that of the month {n} months earlier;"
        " SHORT_HISTORY when the earlier one lies before the first record. Only these two"
        " months are looked at."
    ),
    windows=months(6, 12, 24),
    months=partial(add, 1),
    needs_months=partial(add, 1),
    better=Better.UP,
)
def change(context: FactorContext, length: int) -> Answer:
    return two_months(income(context), length, sub)


@INCOME.factor(
    "change_{w}_pct",
    ValueType.NUMBER,
    "Change of the monthly income against {n} months before, in percent.",
    formula=(
        "(income of the horizon month - income {n} months earlier) / the earlier income * 100;"
        " DIVISION_BY_ZERO when the earlier income is not above zero."
    ),
    unit="percent",
    windows=months(6, 12, 24),
    months=partial(add, 1),
    needs_months=partial(add, 1),
    causes=DIVISION,
    better=Better.UP,
)
def change_pct(context: FactorContext, length: int) -> Answer:
    return two_months(income(context), length, percent_change)


@INCOME.factor(
    "trend_{w}_pct",
    ValueType.NUMBER,
    "Typical income of the last 3 months against the same 3 months {n} months earlier.",
    formula=(
        "(median of the last 3 months - median of the 3 months {n} months before them) / the"
        " earlier median * 100; needs {n} + 3 observed months; DIVISION_BY_ZERO when the"
        " earlier median is not above zero."
    ),
    unit="percent",
    windows=months(6, 12, 24),
    months=partial(add, TREND_MONTHS),
    needs_months=partial(add, TREND_MONTHS),
    causes=DIVISION,
    better=Better.UP,
)
def trend(context: FactorContext, length: int) -> Answer:
    book = income(context)
    recent = book.last(TREND_MONTHS)
    earlier = (recent[0] - length, recent[1] - length)

    def change_of_medians(spans: Sequence[Sequence[Amount]]) -> Figure | Cause:
        return percent_change(median(spans[0]), median(spans[1]))

    return at(book, (recent, earlier), change_of_medians)


@INCOME.factor(
    "calendar_average_{w}",
    ValueType.MONEY,
    "Average income of the {period}, months without income as zero.",
    formula=(
        "Sum of the {n} calendar months up to the income horizon divided by {n}; negative"
        " months count; SHORT_HISTORY when fewer than {n} months are observed."
    ),
    windows=CALENDAR,
    needs_months=window_length,
    better=Better.UP,
)
def calendar_average(context: FactorContext, length: int) -> Answer:
    return over(income(context), length, mean, needs=length)


@INCOME.factor(
    "conservative_{w}",
    ValueType.MONEY,
    "A careful monthly income: the income for affordability and limits.",
    formula=(
        "The smallest of the calendar average, the median and the average of the last 3 months,"
        " over the last min({n}, observed) calendar months with months without income as 0;"
        " needs 3 observed months."
    ),
    windows=months(6, 12),
    needs_months=CONSERVATIVE_NEEDS,
    better=Better.UP,
)
def conservative(context: FactorContext, length: int) -> Answer:
    return over(income(context), length, careful, needs=CONSERVATIVE_NEEDS)


def careful(values: Sequence[Amount]) -> Amount:
    """The smallest of average, median and the last 3 months' average, of at least 3 months."""
    return min(mean(values), median(values), mean(values[-CONSERVATIVE_NEEDS:]))


@INCOME.factor(
    "months_since_first",
    ValueType.INTEGER,
    "Months from the first month with income to the horizon.",
    formula=(
        "Income horizon minus the first month whose income is above zero; NO_EVIDENCE when none is."
    ),
    unit="months",
    causes=NO_EVIDENCE,
    better=Better.UP,
)
def months_since_first(context: FactorContext) -> Answer:
    return either_way(income_presence(context), WHOLE, _since_first)


@INCOME.factor(
    "months_since_last",
    ValueType.INTEGER,
    "Months from the last month with income to the horizon.",
    formula=(
        "Income horizon minus the last month up to it whose income is above zero; NO_EVIDENCE"
        " when none is."
    ),
    unit="months",
    causes=NO_EVIDENCE,
    better=Better.DOWN,
)
def months_since_last(context: FactorContext) -> Answer:
    book = income_presence(context)
    after = max(book.with_income, default=book.first - 1) + 1
    return either_way(book, WHOLE, since_last, awaited=(after, book.horizon))


@INCOME.factor(
    "gap_months_{w}",
    ValueType.INTEGER,
    "Months without income among the observed ones of the {period}.",
    formula=(
        "Count of the observed months among the {n} calendar months up to the income horizon whose"
        " income is not above zero; months before the first record are not observed."
    ),
    unit="months",
    windows=months(12, 24),
    upper=window_length,
    better=Better.DOWN,
)
def gap_months(context: FactorContext, length: int) -> Answer:
    return either_way(income_presence(context), length, _gaps)


@INCOME.factor(
    "longest_gap_{w}",
    ValueType.INTEGER,
    "The longest run of months without income in the {period}.",
    formula=(
        "The longest run of observed months among the {n} calendar months up to the income horizon"
        " whose income is not above zero."
    ),
    unit="months",
    windows=months(12, 24),
    upper=window_length,
    better=Better.DOWN,
)
def longest_gap(context: FactorContext, length: int) -> Answer:
    return either_way(income_presence(context), length, _longest_gap)


@INCOME.factor(
    "volatility_{w}",
    ValueType.NUMBER,
    "How much the monthly income varies: its coefficient of variation.",
    formula=(
        "Sample standard deviation (divisor n - 1) over mean of the last min({n}, observed)"
        " calendar months, months without income as 0; needs 4 observed months;"
        " DIVISION_BY_ZERO when the mean is not above zero."
    ),
    unit="ratio",
    windows=months(6, 12),
    lower=0,
    needs_months=VOLATILITY_NEEDS,
    causes=DIVISION,
    better=Better.DOWN,
)
def volatility(context: FactorContext, length: int) -> Answer:
    return over(income(context), length, variation, needs=VOLATILITY_NEEDS)


def _with_income(values: Sequence[Amount | None]) -> int:
    return sum([bool(amount) for amount in values])


def _since_first(values: Sequence[Amount | None]) -> int | Cause:
    places = (index for index, amount in enumerate(values) if amount)
    return next((len(values) - 1 - index for index in places), Cause.NO_EVIDENCE)


def since_last(values: Sequence[Amount | None]) -> int | Cause:
    places = (at for at, amount in enumerate(reversed(values)) if amount and amount > 0)
    return next(places, Cause.NO_EVIDENCE)


@INCOME.factor(
    "latest_month",
    ValueType.MONEY,
    "Income of the latest month that is known.",
    formula="Monthly income of the income horizon's month.",
    months=1,
    better=Better.UP,
)
def latest_month(context: FactorContext) -> Answer:
    return over(income(context), 1, itemgetter(-1), needs=1)


@INCOME.factor(
    "latest_share",
    ValueType.NUMBER,
    "Income of the latest known month against what was usual: a cut shows at once.",
    formula=(
        "Monthly income of the income horizon's month / the median of the 9 months before the"
        " newest 3; SHORT_HISTORY when fewer than 3 of these are observed; DIVISION_BY_ZERO"
        " when their median is not above zero."
    ),
    unit="ratio",
    months=NEWEST + USUAL_MONTHS,
    needs_months=NEWEST + USUAL_NEEDS,
    causes=DIVISION,
    better=Better.UP,
)
def latest_share(context: FactorContext) -> Answer:
    book = income(context)
    return over_spans(book, (_usual(book), book.last(1)), lambda: _share(book))


@INCOME.factor(
    "sum_change_{w}",
    ValueType.MONEY,
    "Income of the {period} minus that of the {n} months before them.",
    formula=(
        "Sum of the {n} calendar months up to the income horizon minus the sum of the {n}"
        " months before them; SHORT_HISTORY when one of these months is not observed."
    ),
    windows=months(6, 12),
    months=partial(mul, 2),
    needs_months=partial(mul, 2),
    better=Better.UP,
)
def sum_change(context: FactorContext, length: int) -> Answer:
    book = income(context)
    recent = book.last(length)
    earlier = (recent[0] - length, recent[0] - 1)

    def change_of_sums(spans: Sequence[Sequence[Amount]]) -> Amount:
        return sum(spans[0]) - sum(spans[1])

    return at(book, (recent, earlier), change_of_sums)


def _usual(book: MonthBook) -> MonthSpan:
    last = book.horizon - NEWEST
    return last - USUAL_MONTHS + 1, last


def _share(book: MonthBook) -> Amount | Cause:
    usual = book.between(_usual(book))
    newest = book.between(book.last(1))
    if len(usual) < USUAL_NEEDS or not newest:
        return Cause.SHORT_HISTORY
    return ratio(newest[-1], median(usual))
