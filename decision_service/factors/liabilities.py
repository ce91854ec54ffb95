"""liabilities.*: the loans that government schemes know of, and their statistics."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.snapshot import Liability
from decision_service.domain.values import Cause, DataReason, Missing, Month
from decision_service.factors.answer import (
    STATISTICS,
    Amount,
    Answer,
    Figure,
    answer,
    heaviest,
    in_order,
    plus_months,
    ratio,
)
from decision_service.factors.income import conservative
from decision_service.factors.monthly_income import INCOME
from decision_service.factors.payroll import MONTHLY_SHARE, known_frequency
from decision_service.factors.quality import evidence_of, feed, liabilities, supply
from decision_service.factors.registry import READ_CAUSES, FactorContext, Family, once
from decision_service.factors.usage import Feeder, FeederState, counted
from decision_service.factors.work_record import salaried_without_break, salary_doubts

LIABILITIES = Family("liabilities", frozenset({Kind.LIABILITIES}), READ_CAUSES)
MIXED = frozenset({Cause.MIXED_CURRENCY})
KNOWN_LOANS = "0 when an account was read completely whose provider lists loans and none is there."
INCOME_MONTHS = 6
LONGEST_SHORT_TERM = 60
HOUSING_WORDS = ("house", "housing", "home", "mortgage", "real estate")
"""Whole words of a loan's type that name a loan for housing, case and punctuation aside."""

_WORD = re.compile(r"[^\W_]+")

Unreported = tuple[Missing, ...]
"""What the loans do not report, at least one thing."""

Found = Figure | Cause | Unreported
"""A figure, why there is none, or what was not reported."""

LoanFunction = Callable[[Sequence[Liability]], Found]


class Loans(msgspec.Struct, frozen=True):
    """The applicant's loans, or why they are not known."""

    records: Sequence[Liability]
    missing: tuple[Missing, ...]
    evidence: Evidence


@once
def loans(context: FactorContext) -> Loans:
    clean = liabilities(context)
    records = sorted(clean.records, key=lambda r: r.id)
    trust = feed(context, (supply(context, Kind.LIABILITIES),), clean.taints, held=bool(records))
    # the one exception to "empty is not zero": read completely where loans would be listed
    only_empty = [m.cause for m in trust.missing] == [Cause.NO_DATA]
    debt_free = not records and only_empty and any(_lists_loans(f) for f in trust.feeders)
    lenders = {r.source for r in records} or {
        f.id for f in counted(context).values() if _lists_loans(f)
    }
    evidence = msgspec.structs.replace(
        evidence_of(context, records, [r.start for r in records]),
        grade="scheme" if records else None,
        top=heaviest([(-abs(r.loan_amount), r.id) for r in records]),
        sources=tuple(sorted(lenders)),
    )
    return Loans(records, () if debt_free else trust.missing, evidence)


def on_loans(
    context: FactorContext, work: LoanFunction, money: Callable[[Liability], bool] = lambda _: False
) -> Answer:
    """Work on all loans; MIXED_CURRENCY when one that `money` picks is in another currency."""
    known = loans(context)
    foreign = [r for r in known.records if r.currency != context.currency and money(r)]
    causes = known.missing or in_order(
        [Missing(Cause.MIXED_CURRENCY, kind=Kind.LIABILITIES, source=r.source) for r in foreign]
    )
    if causes:
        return Answer(None, causes)
    figure = work(known.records)
    if isinstance(figure, tuple):
        return Answer(None, in_order(figure), known.evidence)
    return answer(figure, Kind.LIABILITIES, known.evidence)


def of_outstanding(
    all_: Sequence[Liability], work: Callable[[Sequence[Liability]], Found]
) -> Found:
    """Work on the loans with a balance above zero, or say which ones report none."""
    running = [r for r in all_ if r.outstanding is not None and r.outstanding > 0]
    unreported = tuple(_unreported(r, "outstandingBalance") for r in all_ if r.outstanding is None)
    figure = work(running)
    if not unreported:
        return figure
    return unreported + figure if isinstance(figure, tuple) else unreported


def of_overdue(all_: Sequence[Liability], work: Callable[[Sequence[int]], Figure | Cause]) -> Found:
    """Work on the overdue amounts, or say which loans that may run report none."""
    unreported = tuple(
        _unreported(r, "overduePaymentAmount")
        for r in all_
        if r.overdue is None and maybe_running(r)
    )
    return unreported or work([r.overdue for r in all_ if r.overdue is not None and r.overdue > 0])


def repaid(all_: Sequence[Liability], work: Callable[[Sequence[int]], Figure | Cause]) -> Found:
    unreported = tuple(_unreported(r, "outstandingBalance") for r in all_ if r.outstanding is None)
    paid = [r.loan_amount - max(r.outstanding or 0, 0) for r in all_]
    return unreported or work([amount for amount in paid if amount > 0])


def _tells_overdue(record: Liability) -> bool:
    return record.overdue is not None or maybe_running(record)


def maybe_running(record: Liability) -> bool:
    """Whether a loan runs, or gives no balance."""
    return record.outstanding is None or record.outstanding > 0


def _unreported(
    record: Liability, field: str, cause: Cause = Cause.NO_DATA, code: DataReason | None = None
) -> Missing:
    return Missing(cause, code, Kind.LIABILITIES, source=record.source, detail=field)


def amortization(running: Sequence[Liability]) -> Amount | Unreported:
    """The running loans' payments a month, or everything that one of them does not report."""
    unreported = tuple(m for m in map(_unreported_amortization, running) if m is not None)
    return unreported or sum(
        (r.amortization or 0) * MONTHLY_SHARE[r.amortization_frequency or ""] for r in running
    )


def _unreported_amortization(record: Liability) -> Missing | None:
    if not known_frequency(record.amortization_frequency):
        return _unreported(
            record, "amortizationFrequency", Cause.BAD_DATA, code=DataReason.UNKNOWN_ENUM
        )
    if record.amortization_frequency not in MONTHLY_SHARE:
        return _unreported(record, "amortizationFrequency")
    if record.amortization is None:
        return _unreported(record, "amortizationAmount")
    return None


def _lists_loans(feeder: Feeder) -> bool:
    known = feeder.supported is not None and Kind.LIABILITIES in feeder.supported
    return known and feeder.is_account and feeder.state is FeederState.USED


@LIABILITIES.factor(
    "loan_count",
    ValueType.INTEGER,
    "Loans known to schemes, finished ones included.",
    f"Count of all loans; {KNOWN_LOANS}",
    unit="loans",
)
def loan_count(context: FactorContext) -> Answer:
    return on_loans(context, len)


@LIABILITIES.factor(
    "outstanding_count",
    ValueType.INTEGER,
    "Loans with an outstanding balance.",
    "Count of the loans whose outstanding balance is above zero, whatever their dates; NO_DATA when"
    f" a loan gives no balance; {KNOWN_LOANS}",
    unit="loans",
    better=Better.DOWN,
)
def outstanding_count(context: FactorContext) -> Answer:
    return on_loans(context, lambda all_: of_outstanding(all_, len))


@LIABILITIES.factor(
    "finished_count",
    ValueType.INTEGER,
    "Loans that are paid back.",
    "Count of the loans whose outstanding balance is zero or below; NO_DATA when a loan gives no"
    f" balance; {KNOWN_LOANS}",
    unit="loans",
    better=Better.UP,
)
def finished_count(context: FactorContext) -> Answer:

    def finished(all_: Sequence[Liability]) -> Found:
        def others(open_: Sequence[Liability]) -> int:
            return len(all_) - len(open_)

        return of_outstanding(all_, others)

    return on_loans(context, finished)


@LIABILITIES.factor(
    "overdue_count",
    ValueType.INTEGER,
    "Loans with an overdue amount.",
    "Count of the loans whose overdue payment amount is above zero; a finished loan that gives none"
    f" has none, any other makes it NO_DATA; {KNOWN_LOANS}",
    unit="loans",
    better=Better.DOWN,
)
def overdue_count(context: FactorContext) -> Answer:
    return on_loans(context, lambda all_: of_overdue(all_, len))


@LIABILITIES.factor(
    "outstanding_total",
    ValueType.MONEY,
    "Sum of the outstanding balances.",
    "Sum of the balances above zero; NO_DATA when a loan gives no balance; MIXED_CURRENCY when any"
    f" loan is in another currency; {KNOWN_LOANS}",
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def outstanding_total(context: FactorContext) -> Answer:
    return on_loans(
        context,
        lambda all_: of_outstanding(all_, _balances),
        money=lambda _: True,
    )


@LIABILITIES.factor(
    "overdue_total",
    ValueType.MONEY,
    "Sum of the overdue amounts.",
    "Sum of the overdue payment amounts above zero; a finished loan that gives none has none, any"
    " other makes it NO_DATA; MIXED_CURRENCY when a loan that gives one, or may still run, is in"
    f" another currency; {KNOWN_LOANS}",
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def overdue_total(context: FactorContext) -> Answer:
    return on_loans(
        context,
        lambda all_: of_overdue(all_, sum),
        money=_tells_overdue,
    )


@LIABILITIES.factor(
    "monthly_amortization",
    ValueType.MONEY,
    "What the known loans cost a month.",
    "Sum over the outstanding loans of the amortization amount times its payments a month (Daily"
    " 365/12, Weekly 52/12, Semimonthly 2, Monthly 1, Bimonthly 1/2, Quarterly 1/3, Annually 1/12);"
    " NO_DATA when one of them gives no balance, no amount, or a frequency of Hourly, Variable,"
    " Unspecified or none; BAD_DATA (UNKNOWN_ENUM) for any other frequency; MIXED_CURRENCY when a"
    f" loan that may still run is in another currency; {KNOWN_LOANS}",
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def monthly_amortization(context: FactorContext) -> Answer:
    return on_loans(context, lambda all_: of_outstanding(all_, amortization), money=maybe_running)


@LIABILITIES.factor(
    "scheme_debt_to_income",
    ValueType.NUMBER,
    "Known scheme loans' monthly cost against the careful monthly income.",
    "liabilities.monthly_amortization / income.conservative_6m, both rounded to the minor unit;"
    " DIVISION_BY_ZERO when that income is not above zero; missing with the causes of both.",
    unit="ratio",
    kinds=INCOME.kinds,
    causes=INCOME.causes | {Cause.DIVISION_BY_ZERO},
    better=Better.DOWN,
    derived_from=("liabilities.monthly_amortization", "income.conservative_6m"),
)
def scheme_debt_to_income(context: FactorContext) -> Answer:
    cost = monthly_amortization(context)
    earned = conservative(context, INCOME_MONTHS)
    missing = in_order(cost.missing + earned.missing)
    if missing or cost.figure is None or earned.figure is None:
        return Answer(None, missing, cost.evidence)
    return answer(_load(cost.figure, earned.figure), Kind.LIABILITIES, cost.evidence)


def _load(cost: Figure | date, earned: Figure | date) -> Amount | Cause:
    if isinstance(cost, str | date) or isinstance(earned, str | date):
        raise TypeError("money factors give amounts")
    return ratio(round(cost), round(earned))


def has_passed_its_end(loan: Liability, today: date) -> bool:
    return loan.end is not None and loan.end < today


def is_short_term(loan: Liability) -> bool:
    """Whether a loan is not for housing and was made for 60 months at most.

    One without an end counts as short, so that what is open on it is not looked past.
    """
    said = f" {' '.join(_WORD.findall(loan.type.casefold()))} "
    if any(f" {word} " in said for word in HOUSING_WORDS):
        return False
    return loan.end is None or loan.end <= plus_months(loan.start, LONGEST_SHORT_TERM)


@LIABILITIES.factor(
    "outstanding_short_term",
    ValueType.MONEY,
    "Sum of the outstanding balances of loans other than housing, long ones and those that a salary"
    " repays.",
    "Sum of the balances above zero of the loans whose type has none of the words"
    f" {', '.join(HOUSING_WORDS)}, and whose end date is at most {LONGEST_SHORT_TERM} months after"
    " the start date or not given, but for loans that a salary repays, which count by their"
    " instalment alone. These are a scheme's, not overdue and not past their end, their instalment"
    " and its frequency are known and above zero, and payroll or employments with a named employer"
    " cover the months since they began, with at most two months between two of them and before the"
    " first; the last of them is live or open. Documents and unknown providers show neither."
    " NO_DATA when one of them gives no balance, or such a loan no overdue amount; MIXED_CURRENCY"
    " when one of them that may still run is in another currency; tainted by payroll or employments"
    f" that went wrong, where a salary could repay a loan; {KNOWN_LOANS}",
    kinds=frozenset({Kind.INCOMES, Kind.EMPLOYMENTS}),
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def outstanding_short_term(context: FactorContext) -> Answer:
    short = [loan for loan in loans(context).records if is_short_term(loan)]
    able = [loan for loan in short if _salary_may_repay(context, loan)]
    repaid_by_salary = {loan.id for loan in able if _has_salary(context, loan)}
    counted_ids = {loan.id for loan in short} - repaid_by_salary
    silent = tuple(
        _unreported(loan, "overduePaymentAmount")
        for loan in able
        if loan.id in repaid_by_salary and loan.overdue is None
    )

    def work(all_: Sequence[Liability]) -> Found:
        open_ = of_outstanding([loan for loan in all_ if loan.id in counted_ids], _balances)
        if not silent:
            return open_
        return silent + open_ if isinstance(open_, tuple) else silent

    def counts(loan: Liability) -> bool:
        return loan.id in counted_ids and maybe_running(loan)

    found = on_loans(context, work, money=counts)
    doubts = in_order([*salary_doubts(context)])
    unread = context.snapshot.incomes is None or context.snapshot.employments is None
    matter = unread or len(able) > len(repaid_by_salary)
    if not doubts or not matter or any(one.cause.tainted for one in found.missing):
        return found
    return Answer(None, doubts, found.evidence)


def _salary_may_repay(context: FactorContext, loan: Liability) -> bool:
    """Whether a loan is one that an employer keeps back from the pay, if there is one."""
    if not counted(context)[loan.source].scheme or not maybe_running(loan):
        return False
    past_its_end = loan.end is not None and loan.end < context.as_of.date
    monthly = MONTHLY_SHARE.get(loan.amortization_frequency or "", 0)
    known = loan.amortization is not None and loan.amortization * monthly > 0
    return known and not past_its_end and (loan.overdue is None or loan.overdue <= 0)


def _has_salary(context: FactorContext, loan: Liability) -> bool:
    return salaried_without_break(context, Month.of(loan.start).index)


def _balances(running: Sequence[Liability]) -> int:
    return sum([loan.outstanding or 0 for loan in running])


@LIABILITIES.factor(
    "matured_unpaid_total",
    ValueType.MONEY,
    "Sum of the outstanding balances of loans that should be paid back by now.",
    "Sum of the balances above zero of the loans whose end date lies before as_of's civil date,"
    " whatever their overdue amounts say; NO_DATA when one of them gives no balance; MIXED_CURRENCY"
    f" when one of them that may still run is in another currency; {KNOWN_LOANS}",
    lower=0,
    causes=MIXED,
    better=Better.DOWN,
)
def matured_unpaid_total(context: FactorContext) -> Answer:
    today = context.as_of.date
    return _open_on(context, lambda loan: has_passed_its_end(loan, today))


def _open_on(context: FactorContext, of: Callable[[Liability], bool]) -> Answer:
    def balances(all_: Sequence[Liability]) -> Found:
        return of_outstanding([loan for loan in all_ if of(loan)], _balances)

    def may_run(loan: Liability) -> bool:
        return of(loan) and maybe_running(loan)

    return on_loans(context, balances, money=may_run)


Gather = Callable[[Sequence[Liability], Callable[[Sequence[int]], Figure | Cause]], Found]
"""Work on one amount of each loan concerned, or say what the loans do not report."""


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


def _loan_amounts(
    loans: Sequence[Liability], work: Callable[[Sequence[int]], Figure | Cause]
) -> Found:
    return work([loan.loan_amount for loan in loans])


def _outstanding(
    loans: Sequence[Liability], work: Callable[[Sequence[int]], Figure | Cause]
) -> Found:
    def amounts(open_: Sequence[Liability]) -> Found:
        return work([loan.outstanding or 0 for loan in open_])

    return of_outstanding(loans, amounts)


LOAN_AMOUNT = LoanMeasure(
    "loan_amount",
    "loan amount",
    "Of the loan amounts of all loans, finished ones included; MIXED_CURRENCY when any loan is in"
    " another currency",
    gather=_loan_amounts,
    money=lambda _: True,
    better=Better.NONE,
)
OUTSTANDING = LoanMeasure(
    "outstanding",
    "outstanding balance",
    "Of the balances above zero; NO_DATA when a loan gives no balance, MIXED_CURRENCY when any loan"
    " is in another currency",
    gather=_outstanding,
    money=lambda _: True,
    better=Better.DOWN,
)
OVERDUE = LoanMeasure(
    "overdue",
    "overdue amount",
    "Of the overdue payment amounts above zero; NO_DATA when a loan that may still run gives none,"
    " MIXED_CURRENCY when one that gives it, or may still run, is in another currency",
    gather=of_overdue,
    money=_tells_overdue,
    better=Better.DOWN,
)
REPAID = LoanMeasure(
    "repaid",
    "amount paid back of a loan",
    "Of the loans of which something is paid back, the loan amount minus the outstanding balance"
    " (a balance below zero as zero); NO_DATA when a loan gives no balance, MIXED_CURRENCY when any"
    " loan is in another currency",
    gather=repaid,
    money=lambda _: True,
    better=Better.UP,
)


def _register(measured: LoanMeasure, name: str) -> None:
    statistic = STATISTICS["sum" if name == "total" else name]

    def factor(context: FactorContext) -> Answer:
        return on_loans(
            context, lambda all_: measured.gather(all_, statistic.of), money=measured.money
        )

    LIABILITIES.factor(
        f"{measured.name}_{name}",
        ValueType.MONEY,
        f"{statistic.noun} of the {measured.noun}.",
        f"{measured.of}: {statistic.formula}; "
        + ("NO_EVIDENCE when there is none." if statistic.needs else KNOWN_LOANS),
        lower=0,
        causes=MIXED | {Cause.NO_EVIDENCE} if statistic.needs else MIXED,
        better=measured.better,
    )(factor)


for _measured, _names in (
    (LOAN_AMOUNT, "total average min max"),
    (OUTSTANDING, "average max"),
    (OVERDUE, "average"),
    (REPAID, "total"),
):
    for _name in _names.split():
        _register(_measured, _name)


@LIABILITIES.factor(
    "repaid_count",
    ValueType.INTEGER,
    "Loans of which something is paid back.",
    "Count of the loans whose outstanding balance is below the loan amount; NO_DATA when a loan"
    f" gives no balance; {KNOWN_LOANS}",
    unit="loans",
    better=Better.UP,
)
def repaid_count(context: FactorContext) -> Answer:
    return on_loans(context, lambda all_: repaid(all_, len))
