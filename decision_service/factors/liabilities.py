"""liabilities.*: the loans that government schemes know of."""

from __future__ import annotations

from datetime import date

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Amount, Figure, ratio
from decision_service.factors.income import INCOME, conservative
from decision_service.factors.loans import (
    amortization,
    maybe_running,
    of_outstanding,
    of_overdue,
    on_loans,
)
from decision_service.factors.registry import READ_CAUSES, Family

LIABILITIES = Family("liabilities", frozenset({Kind.LIABILITIES}), READ_CAUSES)
MIXED = frozenset({Cause.MIXED_CURRENCY})
KNOWN_LOANS = "0 when an account was read completely whose provider lists loans and none is there."
INCOME_MONTHS = 6


@LIABILITIES.factor(
    "loan_count",
    ValueType.INTEGER,
    "loans",
    "Loans known to schemes, finished ones included.",
    f"Count of all loans; {KNOWN_LOANS}",
    lower=0,
)
def loan_count(context: FactorContext) -> Answer:
    """All loans."""
    return on_loans(context, len)


@LIABILITIES.factor(
    "outstanding_count",
    ValueType.INTEGER,
    "loans",
    "Loans with an outstanding balance.",
    "Count of the loans whose outstanding balance is above zero, whatever their dates; NO_DATA when"
    f" a loan tells no balance; {KNOWN_LOANS}",
    lower=0,
    better=Better.DOWN,
)
def outstanding_count(context: FactorContext) -> Answer:
    """Loans still running."""
    return on_loans(context, lambda all_: of_outstanding(all_, len))


@LIABILITIES.factor(
    "finished_count",
    ValueType.INTEGER,
    "loans",
    "Loans that are paid back.",
    "Count of the loans whose outstanding balance is zero or below; NO_DATA when a loan tells no"
    f" balance; {KNOWN_LOANS}",
    lower=0,
    better=Better.UP,
)
def finished_count(context: FactorContext) -> Answer:
    """Loans paid back."""
    return on_loans(
        context, lambda all_: of_outstanding(all_, lambda open_: len(all_) - len(open_))
    )


@LIABILITIES.factor(
    "overdue_count",
    ValueType.INTEGER,
    "loans",
    "Loans with an overdue amount.",
    "Count of the loans whose overdue payment amount is above zero; a finished loan that tells none"
    f" has none, any other makes it NO_DATA; {KNOWN_LOANS}",
    lower=0,
    better=Better.DOWN,
)
def overdue_count(context: FactorContext) -> Answer:
    """Loans in arrears."""
    return on_loans(context, lambda all_: of_overdue(all_, len))


@LIABILITIES.factor(
    "outstanding_total",
    ValueType.MONEY,
    "currency",
    "Sum of the outstanding balances.",
    "Sum of the balances above zero; NO_DATA when a loan tells no balance; MIXED_CURRENCY when any"
    f" loan is in another currency; {KNOWN_LOANS}",
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def outstanding_total(context: FactorContext) -> Answer:
    """What is still owed."""
    return on_loans(
        context,
        lambda all_: of_outstanding(all_, lambda open_: sum(r.outstanding or 0 for r in open_)),
        money=lambda _: True,
    )


@LIABILITIES.factor(
    "overdue_total",
    ValueType.MONEY,
    "currency",
    "Sum of the overdue amounts.",
    "Sum of the overdue payment amounts above zero; a finished loan that tells none has none, any"
    " other makes it NO_DATA; MIXED_CURRENCY when a loan that tells one, or may still run, is in"
    f" another currency; {KNOWN_LOANS}",
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def overdue_total(context: FactorContext) -> Answer:
    """What is in arrears."""
    return on_loans(
        context,
        lambda all_: of_overdue(all_, sum),
        money=lambda r: r.overdue is not None or maybe_running(r),
    )


@LIABILITIES.factor(
    "monthly_amortization",
    ValueType.MONEY,
    "currency",
    "What the known loans cost a month.",
    "Sum over the outstanding loans of the amortization amount times its payments a month (Daily"
    " 365/12, Weekly 52/12, Semimonthly 2, Monthly 1, Bimonthly 1/2, Quarterly 1/3, Annually 1/12);"
    " NO_DATA when one of them tells no balance, no amount, or a frequency of Hourly, Variable,"
    " Unspecified or none; BAD_DATA (UNKNOWN_ENUM) for any other frequency; MIXED_CURRENCY when a"
    f" loan that may still run is in another currency; {KNOWN_LOANS}",
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def monthly_amortization(context: FactorContext) -> Answer:
    """The instalments of all running loans."""
    return on_loans(context, lambda all_: of_outstanding(all_, amortization), money=maybe_running)


@LIABILITIES.factor(
    "scheme_debt_to_income",
    ValueType.NUMBER,
    "ratio",
    "Known scheme loans' monthly cost against the careful monthly income.",
    "liabilities.monthly_amortization / income.conservative_6m, both rounded to the minor unit;"
    " DIVISION_BY_ZERO when that income is not above zero; missing with the causes of both.",
    kinds=INCOME.kinds,
    causes=INCOME.causes | {Cause.DIVISION_BY_ZERO},
    better=Better.DOWN,
    derived_from=("liabilities.monthly_amortization", "income.conservative_6m"),
)
def scheme_debt_to_income(context: FactorContext) -> Answer:
    """The load of known loans."""
    cost, earned = monthly_amortization(context), conservative(context, INCOME_MONTHS)
    missing = in_order(cost.missing + earned.missing)
    if missing or cost.figure is None or earned.figure is None:
        return Answer(None, missing, cost.evidence)
    return answer(_load(cost.figure, earned.figure), Kind.LIABILITIES, cost.evidence)


def _load(cost: Figure | date, earned: Figure | date) -> Amount | Cause:
    if isinstance(cost, str | date) or isinstance(earned, str | date):
        raise TypeError("money factors give amounts")
    return ratio(round(cost), round(earned))
