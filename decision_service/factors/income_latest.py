"""income.*: what the latest known month says against the months before it."""

from __future__ import annotations

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.missing import Cause
from decision_service.factors.answer import Answer
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Amount, median, ratio
from decision_service.factors.income import DIVISION, INCOME
from decision_service.factors.monthly_income import income
from decision_service.factors.series import MonthBook, MonthSpan, at, over, over_spans
from decision_service.factors.window import months

NEWEST = 3
"""The newest months are left out of what is usual, so that a cut does not hide itself."""
USUAL_MONTHS = 9
USUAL_NEEDS = 3


@INCOME.factor(
    "latest_month",
    ValueType.MONEY,
    "currency",
    "Income of the latest month that is known.",
    "Monthly income of the income horizon's month.",
    months=1,
    better=Better.UP,
)
def latest_month(context: FactorContext) -> Answer:
    """The newest income."""
    return over(income(context), 1, lambda values: values[-1], needs=1)


@INCOME.factor(
    "latest_share",
    ValueType.NUMBER,
    "ratio",
    "Income of the latest known month against what was usual: a cut shows at once.",
    "Monthly income of the income horizon's month / the median of the 9 months before the newest 3;"
    " SHORT_HISTORY when fewer than 3 of these are observed; DIVISION_BY_ZERO when their median is"
    " not above zero.",
    months=NEWEST + USUAL_MONTHS,
    needs_months=NEWEST + USUAL_NEEDS,
    causes=DIVISION,
    better=Better.UP,
)
def latest_share(context: FactorContext) -> Answer:
    """The newest income against the usual one."""
    book = income(context)
    return over_spans(book, (_usual(book), book.last(1)), lambda: _share(book))


@INCOME.factor(
    "sum_change_{w}",
    ValueType.MONEY,
    "currency",
    "Income of the {period} minus that of the {n} months before them.",
    "Sum of the {n} calendar months up to the income horizon minus the sum of the {n} months before"
    " them; SHORT_HISTORY when one of these months is not observed.",
    windows=months(6, 12),
    months=lambda n: 2 * n,
    needs_months=lambda n: 2 * n,
    better=Better.UP,
)
def sum_change(context: FactorContext, length: int) -> Answer:
    """The difference of two sums."""
    book = income(context)
    recent = book.last(length)
    earlier = (recent[0] - length, recent[0] - 1)
    return at(book, (recent, earlier), lambda v: sum(v[0]) - sum(v[1]))


def _usual(book: MonthBook) -> MonthSpan:
    """The months that say what is usual."""
    last = book.horizon - NEWEST
    return last - USUAL_MONTHS + 1, last


def _share(book: MonthBook) -> Amount | Cause:
    usual = book.between(_usual(book))
    newest = book.between(book.last(1))
    if len(usual) < USUAL_NEEDS or not newest:
        return Cause.SHORT_HISTORY
    return ratio(newest[-1], median(usual))
