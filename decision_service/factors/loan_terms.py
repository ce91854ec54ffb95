"""liabilities.*: what is open on loans of a short term, and on loans past their end."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.snapshot import Liability
from decision_service.factors.answer import Answer
from decision_service.factors.civil import plus_months
from decision_service.factors.context import FactorContext
from decision_service.factors.liabilities import KNOWN_LOANS, LIABILITIES, MIXED
from decision_service.factors.loans import maybe_running, of_outstanding, on_loans

LONGEST_SHORT_TERM = 60
HOUSING_WORDS = ("house", "housing", "home", "mortgage", "real estate")
"""Whole words of a loan's type that name a loan for housing, case and punctuation aside."""

_WORD = re.compile(r"[^\W_]+")


def is_short_term(loan: Liability) -> bool:
    """Whether a loan is not for housing and was made for 60 months at most.

    One that tells no end counts as short, so that what is open on it is not looked past.
    """
    said = f" {' '.join(_WORD.findall(loan.type.casefold()))} "
    if any(f" {word} " in said for word in HOUSING_WORDS):
        return False
    return loan.end is None or loan.end <= plus_months(loan.start, LONGEST_SHORT_TERM)


@LIABILITIES.factor(
    "outstanding_short_term",
    ValueType.MONEY,
    "currency",
    "Sum of the outstanding balances of loans other than housing and long ones.",
    "Sum of the balances above zero of the loans whose type has none of the words"
    f" {', '.join(HOUSING_WORDS)}, and whose end date is at most {LONGEST_SHORT_TERM} months after"
    " the start date or not told; NO_DATA when one of them tells no balance; MIXED_CURRENCY when"
    f" one of them that may still run is in another currency; {KNOWN_LOANS}",
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def outstanding_short_term(context: FactorContext) -> Answer:
    """What is still owed on loans like the one that is asked for."""
    return _open_on(context, is_short_term)


@LIABILITIES.factor(
    "matured_unpaid_total",
    ValueType.MONEY,
    "currency",
    "Sum of the outstanding balances of loans that should be paid back by now.",
    "Sum of the balances above zero of the loans whose end date lies before as_of's civil date,"
    " whatever their overdue amounts say; NO_DATA when one of them tells no balance; MIXED_CURRENCY"
    f" when one of them that may still run is in another currency; {KNOWN_LOANS}",
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def matured_unpaid_total(context: FactorContext) -> Answer:
    """What is still owed on loans past their end."""
    today = context.as_of.date
    return _open_on(context, lambda loan: loan.end is not None and loan.end < today)


def _open_on(context: FactorContext, of: Callable[[Liability], bool]) -> Answer:
    def work(loans: Sequence[Liability]) -> int:
        return sum([loan.outstanding or 0 for loan in loans])

    return on_loans(
        context,
        lambda all_: of_outstanding([loan for loan in all_ if of(loan)], work),
        money=lambda loan: of(loan) and maybe_running(loan),
    )
