"""income.*: payroll alone, over all employers together."""

from __future__ import annotations

import msgspec

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.factors.answer import Answer, answer
from decision_service.factors.context import FactorContext
from decision_service.factors.horizons import SourceCoverage
from decision_service.factors.income import INCOME, since_last
from decision_service.factors.income_months import formal_payroll, income_months
from decision_service.factors.income_sources import income_settlement, income_sources
from decision_service.factors.income_trust import income_feed, platform_taints
from decision_service.factors.monthly_income import overlapping
from decision_service.factors.series import MonthBook, SeriesBuilder, SeriesView, at, over_spans
from decision_service.factors.settlement import Settlement, open_months
from decision_service.factors.usage import counted

NO_PAYROLL = frozenset({Cause.NO_EVIDENCE})


class Payroll(msgspec.Struct, frozen=True):
    """Formal payroll by month, up to the last month that some live payroll source has settled.

    `complete` is the last month that all of them have settled.
    """

    book: MonthBook
    complete: int


@INCOME.factor(
    "months_since_last_payroll",
    ValueType.INTEGER,
    "months",
    "Months from the last month with payroll to the latest that payroll has settled.",
    "The latest month that a live payroll source has settled (of none live: any) minus the last one"
    " up to it with payroll above zero, over all employers together; NO_EVIDENCE where no payroll"
    " account feeds. Payroll's own silence: nothing else is looked at.",
    lower=0,
    causes=NO_PAYROLL,
    better=Better.DOWN,
)
def months_since_last_payroll(context: FactorContext) -> Answer:
    """How long payroll has been silent."""
    found = payroll(context)
    if found is None:
        return _no_payroll(context)
    silent = since_last(found.book.values)
    last = found.book.horizon - silent if isinstance(silent, int) else found.book.first
    return over_spans(found.book, ((last, found.book.horizon),), lambda: silent)


@INCOME.factor(
    "latest_payroll_month",
    ValueType.MONEY,
    "currency",
    "Payroll of the latest month that all payroll accounts have settled.",
    "Payroll over all employers together of the latest month that every live payroll source has"
    " settled (of none live: every one); NO_EVIDENCE where no payroll account feeds.",
    causes=NO_PAYROLL,
    months=1,
    better=Better.UP,
)
def latest_payroll_month(context: FactorContext) -> Answer:
    """The newest payroll."""
    found = payroll(context)
    if found is None:
        return _no_payroll(context)
    overlap = overlapping(context).get(found.complete)
    if overlap is not None and not found.book.missing:
        return Answer(None, (overlap,))
    month = (found.complete, found.complete)
    return at(found.book, (month,), lambda values: values[0][0])


@INCOME.factor(
    "live_sources_count",
    ValueType.INTEGER,
    "sources",
    "Payroll and platform sources that are live.",
    "Count of the payroll sources (an account or upload with payroll) and platform sources (a gig"
    " account's payroll, estimates or transactions) whose newest income is at most 3 months before"
    " their settled month; 0 where only schemes tell.",
    lower=0,
    better=Better.UP,
)
def live_sources_count(context: FactorContext) -> Answer:
    """How many sources would show at once that the income stopped."""
    missing = income_feed(context).missing or tuple(platform_taints(context))
    return Answer(None, missing) if missing else Answer(len(income_settlement(context).prompt))


def payroll(context: FactorContext) -> Payroll | None:
    """The applicant's formal payroll; None where no account has any."""
    return context.once("payroll", _payroll)


def _payroll(context: FactorContext) -> Payroll | None:
    sources = [s for s in income_sources(context).values() if _formal(s)]
    if not sources:
        return None
    settled, amounts = Settlement(sources, (), 0), formal_payroll(context)
    paid = [month for month, amount in amounts.items() if amount > 0]
    silent = range(max(paid, default=settled.horizon) + 1, settled.horizon + 1)
    view = SeriesView(
        settled.horizon, income_feed(context).missing, open_months(settled, silent, ())
    )
    book = MonthBook(Kind.INCOMES, view, _draft(context), amounts)
    return Payroll(book, min(s.settled for s in settled.judges))


def _draft(context: FactorContext) -> SeriesBuilder:
    """The income's draft with what is told of formal payroll alone."""
    whole = income_months(context).draft
    flaws = {m: {f for f in found if _of_payroll(context, f)} for m, found in whole.flaws.items()}
    abroad = {
        m: {id_: f for id_, f in found.items() if _of_payroll(context, f)}
        for m, found in whole.foreign.items()
    }
    foreign = {m: found for m, found in abroad.items() if found}
    paid = formal_payroll(context)
    proofs = {m: p for m, p in whole.proofs.items() if m in paid or flaws.get(m) or foreign.get(m)}
    return SeriesBuilder(whole.amounts, proofs, flaws, foreign)


def _of_payroll(context: FactorContext, flaw: Missing) -> bool:
    """Whether something is wrong with the payroll of an account that is no platform."""
    return flaw.kind is Kind.INCOMES and not (flaw.source and counted(context)[flaw.source].gig)


def _formal(source: SourceCoverage) -> bool:
    return source.kind is Kind.INCOMES and not source.feeder.gig


def _no_payroll(context: FactorContext) -> Answer:
    missing = income_feed(context).missing
    return Answer(None, missing) if missing else answer(Cause.NO_EVIDENCE, Kind.INCOMES)
