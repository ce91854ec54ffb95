"""contributions.*: payments to social security schemes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.factors.answer import Answer
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Amount, Figure, mean
from decision_service.factors.paid_months import ContributionBook, contribution_book, over_schemes
from decision_service.factors.registry import READ_CAUSES, Family
from decision_service.factors.scheme import Scheme
from decision_service.factors.series import MonthSpan, at, over
from decision_service.factors.window import CALENDAR, WHOLE, months

CONTRIBUTIONS = Family(
    "contributions",
    frozenset({Kind.CONTRIBUTIONS}),
    READ_CAUSES | {Cause.SHORT_HISTORY, Cause.MIXED_CURRENCY},
)
MONTHLY = (
    "A month's contribution is the sum over schemes (providers) of the highest account at each. The"
    " contribution horizon is the earliest month that a live scheme has settled (of none live: any"
    " scheme)."
)
OWN_HORIZON = (
    " Each scheme is read up to its own settled month: posted, or with its posting lag passed."
)


def _same(length: int) -> int:
    return length


@CONTRIBUTIONS.factor(
    "months_total",
    ValueType.INTEGER,
    "months",
    "Months with a contribution over the whole history.",
    "Count of the distinct months with a contribution above zero in any scheme." + OWN_HORIZON,
    lower=0,
    better=Better.UP,
)
def months_total(context: FactorContext) -> Answer:
    """Months with a contribution, ever."""
    book = contribution_book(context)
    paid = {month for scheme in book.paying for month in scheme.paid}
    return over_schemes(book, _whole, lambda: len(paid))


@CONTRIBUTIONS.factor(
    "count_{w}",
    ValueType.INTEGER,
    "records",
    "Contribution records in the {period}.",
    "Count of the contribution records of all schemes and accounts in the {n} calendar months up to"
    " the contribution horizon.",
    windows=months(3, 6, 9, 12),
    lower=0,
    months=_same,
    better=Better.UP,
)
def count(context: FactorContext, length: int) -> Answer:
    """Contribution records in a window."""
    book = contribution_book(context)
    return over(book, length, lambda _: book.records(book.last(length)))


@CONTRIBUTIONS.factor(
    "change_{w}",
    ValueType.MONEY,
    "currency",
    "Contribution of the horizon month minus that of {n} months before.",
    "Contribution of the horizon month minus that of the month {n} months earlier, over all"
    f" schemes; SHORT_HISTORY when the earlier one lies before the first record. {MONTHLY}",
    windows=months(6, 12, 24),
    months=lambda n: n + 1,
    needs_months=lambda n: n + 1,
    better=Better.UP,
)
def change(context: FactorContext, length: int) -> Answer:
    """The difference of two months."""
    book = contribution_book(context)
    new, old = book.horizon, book.horizon - length
    return at(book, ((new, new), (old, old)), lambda v: v[0][0] - v[1][0])


@CONTRIBUTIONS.factor(
    "months_{w}",
    ValueType.INTEGER,
    "months",
    "Months with a contribution in the best-covered scheme among the {period}.",
    "For each scheme the most months with a contribution above zero among {n} calendar months that"
    " end with a month from the one whose posting lag has just passed to the newest posted one; the"
    " largest of these counts. What a scheme has posted early never counts less.",
    windows=CALENDAR,
    lower=0,
    upper=_same,
    months=_same,
    better=Better.UP,
)
def months_in_best_scheme(context: FactorContext, length: int) -> Answer:
    """Distinct months of the best-covered scheme."""
    book = contribution_book(context)
    return over_schemes(
        book, lambda s: s.windows(length), lambda: _best(book, lambda s: s.most_paid(length))
    )


def _amounts(
    name: str,
    sentence: str,
    formula: str,
    work: Callable[[Sequence[Amount]], Figure],
    *,
    of_none: int | Cause = Cause.NO_EVIDENCE,
) -> None:
    def answer(context: FactorContext, length: int) -> Answer:
        return over(contribution_book(context), length, lambda v: _of_paid(v, work, of_none))

    CONTRIBUTIONS.factor(
        f"{name}_{{w}}",
        ValueType.MONEY,
        "currency",
        sentence,
        "Of the monthly contributions above zero in the {n} calendar months up to the contribution"
        f" horizon: {formula}. {MONTHLY}",
        windows=CALENDAR,
        lower=0,
        months=_same,
        causes=frozenset({of_none}) if isinstance(of_none, Cause) else frozenset(),
        better=Better.UP,
    )(answer)


_amounts("sum", "Contributions in the {period}.", "their sum; 0 when there is none", sum, of_none=0)
_amounts(
    "average",
    "Average contribution over the months with one of the {period}.",
    "their mean; NO_EVIDENCE when there is none",
    mean,
)
_amounts(
    "min",
    "Smallest monthly contribution of the {period}.",
    "the smallest; NO_EVIDENCE when there is none",
    min,
)
_amounts(
    "max",
    "Largest monthly contribution of the {period}.",
    "the largest; NO_EVIDENCE when there is none",
    max,
)


@CONTRIBUTIONS.factor(
    "months_since_last",
    ValueType.INTEGER,
    "months",
    "Months from the last contribution to the horizon.",
    "For each scheme its settled month minus the last month up to it with a contribution above"
    " zero; the smallest of these; NO_EVIDENCE when no scheme has one." + OWN_HORIZON,
    lower=0,
    causes=frozenset({Cause.NO_EVIDENCE}),
    better=Better.DOWN,
)
def months_since_last(context: FactorContext) -> Answer:
    """The age of the last contribution."""
    book = contribution_book(context)
    return over_schemes(book, _whole, lambda: _since_last(book))


@CONTRIBUTIONS.factor(
    "longest_gap_{w}",
    ValueType.INTEGER,
    "months",
    "The longest run of months without a contribution in the {period}, in the best scheme.",
    "For each scheme the longest run of observed months without a contribution above zero among the"
    " {n} calendar months up to its settled one; months before the first record are not observed;"
    " the smallest of these." + OWN_HORIZON,
    windows=months(12),
    lower=0,
    upper=_same,
    months=_same,
    better=Better.DOWN,
)
def longest_gap(context: FactorContext, length: int) -> Answer:
    """The longest gap."""
    book = contribution_book(context)
    return over_schemes(book, lambda s: s.ends(length), lambda: _shortest_gap(book, length))


@CONTRIBUTIONS.factor(
    "longest_streak_months",
    ValueType.INTEGER,
    "months",
    "The longest run of months with a contribution.",
    "For each scheme the longest run of months with a contribution above zero up to its settled"
    " month; the longest of these." + OWN_HORIZON,
    lower=0,
    better=Better.UP,
)
def longest_streak(context: FactorContext) -> Answer:
    """The longest streak."""
    book = contribution_book(context)
    return over_schemes(book, _whole, lambda: _best(book, Scheme.longest_streak))


@CONTRIBUTIONS.factor(
    "schemes_count",
    ValueType.INTEGER,
    "schemes",
    "Schemes with a contribution.",
    "Count of the providers with a contribution above zero over the whole history." + OWN_HORIZON,
    lower=0,
)
def schemes_count(context: FactorContext) -> Answer:
    """How many schemes are paid to."""
    book = contribution_book(context)
    return over_schemes(book, _whole, lambda: len(book.paying))


def _of_paid(
    values: Sequence[Amount], work: Callable[[Sequence[Amount]], Figure], of_none: int | Cause
) -> Figure | Cause:
    paid = [amount for amount in values if amount > 0]
    return work(paid) if paid else of_none


def _since_last(book: ContributionBook) -> int | Cause:
    return min((s.since_last() for s in book.paying), default=Cause.NO_EVIDENCE)


def _whole(scheme: Scheme) -> MonthSpan:
    return scheme.ends(WHOLE)


def _shortest_gap(book: ContributionBook, length: int) -> int:
    return min((s.longest_gap(length, book.first) for s in book.schemes), default=0)


def _best(book: ContributionBook, figure: Callable[[Scheme], int]) -> int:
    return max((figure(scheme) for scheme in book.schemes), default=0)
