"""liabilities.*: statistics of loan amounts, balances, arrears, amortizations, repayments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.missing import Cause
from decision_service.domain.snapshot import Liability
from decision_service.factors.answer import Answer
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Figure, deviation, mean, median
from decision_service.factors.liabilities import KNOWN_LOANS, LIABILITIES, MIXED
from decision_service.factors.loans import (
    Found,
    instalments,
    maybe_running,
    of_outstanding,
    of_overdue,
    on_loans,
    repaid,
)

Gather = Callable[[Sequence[Liability], Callable[[Sequence[int]], Figure | Cause]], Found]
"""Work on one amount of each loan concerned, or tell what the loans do not tell."""


class LoanMeasure(msgspec.Struct, frozen=True):
    """One amount of each loan concerned: its name, which loans, and when it is missing.

    `money` picks the loans that make the statistics MIXED_CURRENCY when in another currency,
    `better` says which way the amounts help an applicant.
    """

    name: str
    noun: str
    of: str
    gather: Gather
    money: Callable[[Liability], bool]
    better: Better
    parity: bool = False


class LoanStatistic(msgspec.Struct, frozen=True):
    """A figure over at least `needs` amounts; `spread` where it grows with their differences."""

    name: str
    sentence: str
    formula: str
    work: Callable[[Sequence[int]], Figure]
    needs: int = 1
    spread: bool = False


STATISTICS = {
    one.name: one
    for one in (
        LoanStatistic("sum", "Sum", f"their sum; {KNOWN_LOANS}", sum, 0),
        LoanStatistic("total", "Sum", f"their sum; {KNOWN_LOANS}", sum, 0),
        LoanStatistic("average", "Average", "their mean; NO_EVIDENCE when there is none.", mean),
        LoanStatistic("min", "Smallest", "the smallest; NO_EVIDENCE when there is none.", min),
        LoanStatistic("max", "Largest", "the largest; NO_EVIDENCE when there is none.", max),
        LoanStatistic(
            "median",
            "Median",
            "the middle one, of an even count the mean of the middle two; NO_EVIDENCE when there is"
            " none.",
            median,
        ),
        LoanStatistic(
            "std",
            "Standard deviation",
            "their sample standard deviation (divisor n - 1); NO_EVIDENCE with fewer than two.",
            deviation,
            2,
            spread=True,
        ),
    )
}


def _balances(loans: Sequence[Liability], work: Callable[[Sequence[int]], Figure | Cause]) -> Found:
    return of_outstanding(loans, lambda open_: work([r.outstanding or 0 for r in open_]))


LOAN_AMOUNT = LoanMeasure(
    "loan_amount",
    "loan amount",
    "Of the loan amounts of all loans, finished ones included; MIXED_CURRENCY when any loan is in"
    " another currency",
    lambda loans, work: work([r.loan_amount for r in loans]),
    lambda _: True,
    Better.NONE,
)
OUTSTANDING = LoanMeasure(
    "outstanding",
    "outstanding balance",
    "Of the balances above zero; NO_DATA when a loan tells no balance, MIXED_CURRENCY when any loan"
    " is in another currency",
    _balances,
    lambda _: True,
    Better.DOWN,
)
OVERDUE = LoanMeasure(
    "overdue",
    "overdue amount",
    "Of the overdue payment amounts above zero; NO_DATA when a loan that may still run tells none,"
    " MIXED_CURRENCY when one that tells it, or may still run, is in another currency",
    of_overdue,
    lambda r: r.overdue is not None or maybe_running(r),
    Better.DOWN,
)
AMORTIZATION = LoanMeasure(
    "ongoing_amortization",
    "amortization of the outstanding loans",
    "Of the amortization amounts of the loans with a balance above zero, each as told, whatever its"
    " frequency; NO_DATA when a loan tells no balance or one of these no amount, MIXED_CURRENCY"
    " when a loan that may still run is in another currency",
    lambda loans, work: of_outstanding(loans, lambda open_: instalments(open_, work)),
    maybe_running,
    Better.DOWN,
    parity=True,
)
REPAID = LoanMeasure(
    "repaid",
    "amount paid back of a loan",
    "Of the loans of which something is paid back, the loan amount minus the outstanding balance"
    " (a balance below zero as zero); NO_DATA when a loan tells no balance, MIXED_CURRENCY when any"
    " loan is in another currency",
    repaid,
    lambda _: True,
    Better.UP,
)


def _register(measured: LoanMeasure, statistic: LoanStatistic) -> None:
    def factor(context: FactorContext) -> Answer:
        def work(amounts: Sequence[int]) -> Figure | Cause:
            enough = len(amounts) >= statistic.needs
            return statistic.work(amounts) if enough else Cause.NO_EVIDENCE

        return on_loans(context, lambda all_: measured.gather(all_, work), money=measured.money)

    LIABILITIES.factor(
        f"{measured.name}_{statistic.name}",
        ValueType.MONEY,
        "currency",
        f"{statistic.sentence} of the {measured.noun}.",
        f"{measured.of}: {statistic.formula}",
        lower=0,
        causes=MIXED | {Cause.NO_EVIDENCE} if statistic.needs else MIXED,
        parity=measured.parity,
        better=Better.NONE if statistic.spread else measured.better,
    )(factor)


for _measured, _names in (
    (LOAN_AMOUNT, ("total", "average", "min", "max", "std")),
    (OUTSTANDING, ("average", "max")),
    (OVERDUE, ("average",)),
    (AMORTIZATION, ("sum", "average", "min", "max", "median", "std")),
    (REPAID, ("total", "average", "min", "max", "median", "std")),
):
    for _name in _names:
        _register(_measured, STATISTICS[_name])


@LIABILITIES.factor(
    "repaid_count",
    ValueType.INTEGER,
    "loans",
    "Loans of which something is paid back.",
    "Count of the loans whose outstanding balance is below the loan amount; NO_DATA when a loan"
    f" tells no balance; {KNOWN_LOANS}",
    lower=0,
    better=Better.UP,
)
def repaid_count(context: FactorContext) -> Answer:
    """Loans paid back in part or whole."""
    return on_loans(context, lambda all_: repaid(all_, len))
