"""employment.status, has_payroll and has_gig: work as shown by recent income."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.months import Month
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.context import FactorContext
from decision_service.factors.employment import EMPLOYMENT, Jobs, is_open, jobs
from decision_service.factors.income import INCOME_CAUSES
from decision_service.factors.income_months import formal_payroll
from decision_service.factors.monthly_income import gig_months, income_presence
from decision_service.factors.paid_months import contribution_book
from decision_service.factors.registry import Family
from decision_service.factors.series import MonthBook, MonthSpan, either_way

RECENT_MONTHS = 3
EMPLOYED, GIG, UNEMPLOYED = "EMPLOYED", "GIG", "UNEMPLOYED"
FLAWS = frozenset({Cause.MIXED_CURRENCY, Cause.UNCLASSIFIED, Cause.NOT_YET_POSTED})
PAY = Family("employment", INCOME_KINDS | {Kind.EMPLOYMENTS}, INCOME_CAUSES)
"""Factors about work that rest on the monthly income."""


@PAY.factor(
    "has_payroll",
    ValueType.FLAG,
    "",
    "Whether payroll was paid within 3 months of the horizon.",
    "True when one of the last 3 months up to the income horizon has payroll of an account that is"
    " no gig platform. Otherwise false, or NOT_YET_POSTED where one of these months is open;"
    " missing where the monthly income of these months is.",
    months=RECENT_MONTHS,
    better=Better.UP,
)
def has_payroll(context: FactorContext) -> Answer:
    """Whether there is recent payroll."""
    return _recently(context, formal_payroll(context))


@PAY.factor(
    "has_gig",
    ValueType.FLAG,
    "",
    "Whether a gig platform gave income within 3 months of the horizon.",
    "True when one of the last 3 months up to the income horizon has income above zero of an"
    " account at a gig platform. Otherwise false, or NOT_YET_POSTED where one of these months is"
    " open; missing where the monthly income of these months is.",
    months=RECENT_MONTHS,
    better=Better.UP,
)
def has_gig(context: FactorContext) -> Answer:
    """Whether there are recent gig earnings."""
    return _recently(context, gig_months(context))


@EMPLOYMENT.factor(
    "status",
    ValueType.TEXT,
    "",
    "What the applicant lives on: EMPLOYED, GIG or UNEMPLOYED.",
    "EMPLOYED: an open employment, and payroll or a contribution above zero within the last 3"
    " months up to the horizon of that family. Otherwise GIG: income above zero of a gig platform"
    " within the last 3 months up to the income horizon. Otherwise UNEMPLOYED: employments of which"
    " none is open, and no payroll, contribution or gig income in a month after the latest end"
    " date's. Otherwise NO_EVIDENCE; NOT_CONNECTED when nothing is connected that could tell."
    " Tainted by a taint of any of these kinds or of the last 3 months, NO_DATA when payroll of"
    " these tells no amount; where only UNEMPLOYED is left, also by one of the months after the"
    " latest end.",
    labels=(EMPLOYED, GIG, UNEMPLOYED),
    kinds=INCOME_KINDS | {Kind.CONTRIBUTIONS},
    causes=FLAWS | {Cause.NO_EVIDENCE},
    months=RECENT_MONTHS,
)
def status(context: FactorContext) -> Answer:
    """What the applicant lives on."""
    known, taints = jobs(context), _taints(context)
    if taints:
        return Answer(None, taints)
    if _nothing_connected(context, known):
        return Answer(None, (Missing(Cause.NOT_CONNECTED, kind=Kind.EMPLOYMENTS),))
    open_ = any(is_open(record, context.as_of.date) for record in known.records)
    if open_ and (
        _recent(context, formal_payroll(context))
        or _contributed(context, contribution_book(context).last(RECENT_MONTHS))
    ):
        return answer(EMPLOYED, Kind.EMPLOYMENTS, known.evidence)
    book, span = income_presence(context), _looked_at(context, known, open_=open_)
    matters = book.last(RECENT_MONTHS) if _anything(context, span[0]) else span
    waiting = book.waiting((matters,)) and book.waiting((span,))
    gig = _recent(context, gig_months(context))
    if waiting is not None and (open_ or not gig):
        return Answer(None, (*_flaws([(book, span)]), waiting), known.evidence)
    if gig:
        return answer(GIG, Kind.EMPLOYMENTS, known.evidence)
    if open_ or not known.records:
        return answer(Cause.NO_EVIDENCE, Kind.EMPLOYMENTS, known.evidence)
    return _after_the_last_end(context, known)


def _looked_at(context: FactorContext, known: Jobs, *, open_: bool) -> MonthSpan:
    """The recent months, and those after the last job's end where none is open."""
    first, last = income_presence(context).last(RECENT_MONTHS)
    if open_ or _recent(context, gig_months(context)):
        return first, last
    ends = [Month.of(r.end).index for r in known.records if r.end]
    return min([first, *(month + 1 for month in sorted(ends)[-1:])]), last


def _recently(context: FactorContext, shown: Iterable[int]) -> Answer:
    """Whether a recent month shows it; an open month could, where none does."""
    book = income_presence(context)
    found = not book.missing and _recent(context, shown)
    closed = book.read(book.last(RECENT_MONTHS), open_as=0)
    return either_way(book, RECENT_MONTHS, lambda months: found or months != closed)


def _after_the_last_end(context: FactorContext, known: Jobs) -> Answer:
    """UNEMPLOYED where nothing came in any month after the latest end date's."""
    since = max(Month.of(r.end).index + 1 for r in known.records if r.end is not None)
    spans = [(book, (since, book.horizon)) for book in _books(context)]
    flaws = _flaws(spans) or (() if _anything(context, since) else _waiting(spans))
    if flaws:
        return Answer(None, flaws)
    figure = Cause.NO_EVIDENCE if _anything(context, since) else UNEMPLOYED
    return answer(figure, Kind.EMPLOYMENTS, known.evidence)


def _recent(context: FactorContext, shown: Iterable[int]) -> bool:
    return _shown(income_presence(context).last(RECENT_MONTHS), shown)


def _shown(span: MonthSpan, months: Iterable[int]) -> bool:
    return any(span[0] <= month <= span[1] for month in months)


def _contributed(context: FactorContext, span: MonthSpan) -> bool:
    return any(month >= span[0] for s in contribution_book(context).schemes for month in s.paid)


def _anything(context: FactorContext, since: int) -> bool:
    """Whether payroll, gig income or a contribution came in some month from this one on."""
    span = (since, income_presence(context).horizon)
    if _shown(span, formal_payroll(context)) or _shown(span, gig_months(context)):
        return True
    return _contributed(context, (since, contribution_book(context).horizon))


def _taints(context: FactorContext) -> tuple[Missing, ...]:
    """What taints any of the kinds, or else what is wrong with the last 3 months of the books."""
    books = _books(context)
    whole = [m for causes in (jobs(context).missing, *(b.missing for b in books)) for m in causes]
    tainted = in_order([m for m in whole if m.cause.tainted])
    return tainted or _flaws([(book, book.last(RECENT_MONTHS)) for book in books])


def _flaws(spans: Sequence[tuple[MonthBook, MonthSpan]]) -> tuple[Missing, ...]:
    """What is wrong with some months of income or contributions; of payroll also no amount."""
    return in_order([m for book, span in spans for m in book.judged((span,))[0]])


def _waiting(spans: Sequence[tuple[MonthBook, MonthSpan]]) -> tuple[Missing, ...]:
    """The open months of some spans."""
    return tuple(m for book, span in spans if (m := book.waiting((span,))) is not None)


def _books(context: FactorContext) -> tuple[MonthBook, MonthBook]:
    return income_presence(context), contribution_book(context)


def _nothing_connected(context: FactorContext, known: Jobs) -> bool:
    causes = [known.missing, income_presence(context).missing, contribution_book(context).missing]
    return all(_only(Cause.NOT_CONNECTED, missing) for missing in causes)


def _only(cause: Cause, missing: Iterable[Missing]) -> bool:
    return {m.cause for m in missing} == {cause}
