"""The monthly income: payroll before estimates before a gig account's earnings.

Also as a person reads it: what counts of which month, of which source, or why not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from decision_service.domain.accounts import INCOME_KINDS, Kind
from decision_service.domain.factor import Evidence
from decision_service.domain.needs import Needs
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, Cause, Missing, Money, Month
from decision_service.factors.answer import Amount, month_name, proofs_evidence
from decision_service.factors.horizons import shows_none
from decision_service.factors.income_months import (
    Sheet,
    income_feed,
    income_months,
    platform_taints,
)
from decision_service.factors.income_sources import (
    MonthFacts,
    Parts,
    Reporter,
    earned,
    has_formal_payroll,
    income_settlement,
    income_sources,
    platforms,
    reported_by,
    reporters,
    stand_in_months,
)
from decision_service.factors.newest_truth import newest_truth
from decision_service.factors.paychecks import paychecks
from decision_service.factors.registry import READ_CAUSES, FactorContext, Family, once, registered
from decision_service.factors.series import MonthBook, SeriesView, Spans, within
from decision_service.factors.usage import EARNING_KINDS, Feeder, counted, dead_ends

INCOME_CAUSES = READ_CAUSES | {
    Cause.SHORT_HISTORY, Cause.MIXED_CURRENCY, Cause.UNCLASSIFIED, Cause.UNKNOWN_PROVIDER,
    Cause.NOT_YET_POSTED,
}  # fmt: skip
INCOME = Family("income", INCOME_KINDS | {Kind.EMPLOYMENTS}, INCOME_CAUSES)
MONTHS = 24
"""How many months a person is shown."""


class IncomeBook(MonthBook):
    """A reading of the monthly income, with its parts by job and its facts by month."""

    def __init__(
        self,
        view: SeriesView,
        sheet: Sheet,
        values: Mapping[int, Amount],
        known_from: int | None,
        dead_ends: tuple[str, ...],
    ) -> None:
        super().__init__(Kind.EINCOMES, view, sheet.draft, values)
        self.parts: Mapping[int, Parts] = sheet.parts
        self.facts: Mapping[int, MonthFacts] = sheet.facts
        self._bases = sheet.bases
        self._known_from = known_from
        self._dead_ends = dead_ends

    @property
    def with_income(self) -> Collection[int]:
        found = enumerate(self.values, self.first)
        return {month for month, amount in found if amount and amount > 0}

    def prove(self, spans: Spans) -> Evidence:
        bases = sorted({base for _, found in within(self._bases, spans) for base in found})
        paid = (f"payroll amounts are {' and '.join(bases)}",) if len(bases) > 1 else ()
        since = self._known_from
        gig = (f"gig earnings are known from {month_name(since)} on",) if since else ()
        notes = (*paid, *gig, *self.notes(spans), *self._dead_ends)
        return proofs_evidence(self.proofs(spans), self.horizon, notes)


@once
def income(context: FactorContext) -> IncomeBook:
    """The monthly income by amount, up to the latest month whose amount is known."""
    draft = income_months(context).draft
    settled = income_settlement(context)
    months = _observed(context, settled.horizon)
    waiting = {
        **{month: cause for month, cause in overlapping(context).items() if month in months},
        **settled.incomplete_months(months, _outranked(context)),
    }
    horizon = max((month for month in months if month not in waiting), default=None)
    missing = _missing(context, settled.horizon)
    if horizon is None and months:
        missing = missing or (waiting[months[0]],)
    view = SeriesView(
        settled.horizon if horizon is None else horizon,
        missing,
        waiting,
        stopped=_stopped(context, months, horizon, waiting=waiting),
        unobserved=_unobserved(context),
    )
    return _book(context, view, draft.amounts)


@once
def income_presence(context: FactorContext) -> IncomeBook:
    """Which months have income (1) and which have none (0), up to the latest settled month."""
    with_income = _months_with_income(context)
    settled = income_settlement(context)
    horizon = settled.horizon
    open_ = settled.open_months(_observed(context, horizon), with_income)
    view = SeriesView(horizon, _missing(context, horizon), open_, unobserved=_unobserved(context))
    return _book(context, view, dict.fromkeys(with_income, 1))


def _missing(context: FactorContext, horizon: int) -> Sequence[Missing]:
    missing = income_feed(context).missing
    if missing or _from_first(context, horizon):
        return missing
    return tuple(platform_taints(context))


def _stopped(
    context: FactorContext,
    months: Sequence[int],
    horizon: int | None,
    waiting: Mapping[int, Missing],
) -> Missing | None:
    """What all amounts wait for where a month after the last known one already shows less."""
    if horizon is None:
        return None
    known = [month for month in months if month <= horizon]
    later = next((month for month in months if month > horizon), None)
    if later is None:
        return None
    fell = newest_truth(context, known)
    if fell is None:
        return None
    if fell.payroll is None:
        return waiting[later]
    return shows_none(fell.payroll, fell.month, waiting[later].due)


@once
def overlapping(context: FactorContext) -> Mapping[int, Missing]:
    """Settled months that overlapping payslips leave unknown; papers that add nothing do not."""
    found: dict[int, Missing] = {}
    feeders = counted(context)
    facts = income_months(context).facts
    for month, cause in paychecks(context).overlaps:
        source = income_sources(context).get((cause.source or "", Kind.INCOMES))
        if source is None or month > source.settled:
            continue
        reported = facts.get(month, MonthFacts())
        silent = source.feeder.document and (
            has_formal_payroll(reported, feeders)
            or any(feeders[s].scheme and not feeders[s].document for s in reported.estimates)
        )
        if not silent:
            found.setdefault(month, cause)
    return found


def _book(context: FactorContext, view: SeriesView, values: Mapping[int, Amount]) -> IncomeBook:
    sheet = income_months(context)
    known_from = stand_in_months(context).start if _stood_in(context) else None
    return IncomeBook(view, sheet, values, known_from=known_from, dead_ends=dead_ends(context))


def _months_with_income(context: FactorContext) -> Collection[int]:
    """A platform's earnings are a source of their own, also in a month that has an estimate."""
    reported = set()
    for month, facts in income_months(context).facts.items():
        paid = [reported_by(facts, (source, Kind.INCOMES)) for source, _ in facts.payroll]
        if any(a > 0 for a in (*paid, *facts.estimates.values(), *facts.earnings.values())):
            reported.add(month)
    return reported.union(*[_worked(context, feeder) for feeder in platforms(context)])


@once
def gig_months(context: FactorContext) -> Collection[int]:
    feeders = counted(context)
    gig = [source for source, feeder in feeders.items() if feeder.gig]
    facts = income_months(context).facts.items()
    reported = {
        m for m, f in facts if any(reported_by(f, (s, k)) > 0 for s in gig for k in EARNING_KINDS)
    }
    return reported.union(*[_worked(context, feeder) for feeder in platforms(context)])


def _worked(context: FactorContext, feeder: Feeder) -> Collection[int]:
    source = income_sources(context).get((feeder.id, Kind.TRANSACTIONS))
    if source is None:
        return ()
    kept = earned(context, feeder.id).items()
    return [month for month, amount in kept if amount > 0 and month <= source.settled]


def _outranked(context: FactorContext) -> Collection[int]:
    feeders = counted(context)
    facts = income_months(context).facts
    return {m for m, reported in facts.items() if has_formal_payroll(reported, feeders)}


def _from_first(context: FactorContext, horizon: int) -> range:
    return range(min(income_months(context).draft.proofs, default=horizon + 1), horizon + 1)


def _observed(context: FactorContext, horizon: int) -> Sequence[int]:
    unobserved = _unobserved(context)
    return [month for month in _from_first(context, horizon) if month not in unobserved]


def _stood_in(context: FactorContext) -> bool:
    return any(facts.earnings for facts in income_months(context).facts.values())


@once
def _unobserved(context: FactorContext) -> Collection[int]:
    if not _stood_in(context):
        return frozenset()
    sheet = income_months(context)
    known_from = stand_in_months(context).start
    first = min(sheet.draft.proofs, default=known_from)
    return frozenset(m for m in range(first, known_from) if m not in sheet.draft.proofs)


class MonthState(StrEnum):
    """OPEN while a source may still post the month, FLAWED where its amount cannot count."""

    KNOWN = "KNOWN"
    OPEN = "OPEN"
    ZERO = "ZERO"
    FLAWED = "FLAWED"


class IncomePart(msgspec.Struct, frozen=True):
    """What one source adds to a month."""

    provider_id: str
    data_kind: Kind
    amount: Money


class IncomeMonth(msgspec.Struct, frozen=True):
    """`amount`, the sum of the parts, is None of an open or flawed month."""

    month: str
    state: MonthState
    amount: Money | None = None
    parts: tuple[IncomePart, ...] = ()


def reads_income(factors: Iterable[str]) -> bool:
    return any(INCOME.kinds <= registered(name).spec.kinds for name in factors)


def last_income_months(snapshot: Snapshot, needs: Needs, as_of: AsOf) -> Sequence[IncomeMonth]:
    """The last 24 ended months from the first with a record on, oldest first.

    Before it nothing is known: not even that nothing was earned.
    """
    context = FactorContext(snapshot, needs, as_of)
    book = income(context)
    last = Month.of(as_of.date).index - 1
    months = range(max(book.first, last - MONTHS + 1), last + 1)
    return [_month(context, book, month) for month in months]


def _month(context: FactorContext, book: IncomeBook, month: int) -> IncomeMonth:
    name = str(Month(month))
    state = _state(book, month)
    if state in {MonthState.OPEN, MonthState.FLAWED}:
        return IncomeMonth(name, state)
    added: dict[tuple[str, Kind], Amount] = {}
    for (source, kind), amount in _added(book, month, counted(context)):
        of = counted(context)[source].provider_id, kind
        added[of] = added.get(of, 0) + amount
    total: Amount = 0
    parts = []
    for of in sorted(added):  # rounded so that they add up
        before = round(total)
        total = total + added[of]
        if round(total) != before:
            parts.append(IncomePart(*of, Money(context.currency, round(total) - before)))
    return IncomeMonth(name, state, Money(context.currency, round(total)), parts=(*parts,))


def _state(book: IncomeBook, month: int) -> MonthState:
    span = (month, month)
    waiting = book.view.open.get(month)
    flawed = waiting is not None and waiting.cause is not Cause.NOT_YET_POSTED
    if flawed or book.judged((span,))[0]:
        return MonthState.FLAWED
    if waiting or month > book.horizon:
        return MonthState.OPEN
    (amount,) = book.raw(span)
    if book.missing or amount is None:
        return MonthState.FLAWED
    return MonthState.KNOWN if round(amount) else MonthState.ZERO


def _added(
    book: IncomeBook, month: int, feeders: Mapping[str, Feeder]
) -> Iterator[tuple[Reporter, Amount]]:
    """What whose records add; of several that report the same job one, the first in order."""
    for part in book.parts.get(month, {}).values():
        amounts = part.reported
        of = min(amounts, key=lambda one: (abs(part.amount - amounts[one]), one))
        yield of, amounts[of]
        if part.amount != amounts[of]:  # at a scheme's ceiling
            yield _paper(book.facts[month], feeders), part.amount - amounts[of]


def _paper(facts: MonthFacts, feeders: Mapping[str, Feeder]) -> Reporter:
    """The document with the largest amount of those that may add to an estimate."""
    papers = [
        (source, kind)
        for source in reporters(facts)
        for kind in EARNING_KINDS
        if feeders[source].document and (kind is Kind.INCOMES or feeders[source].gig)
    ]
    return max(papers, key=lambda one: (reported_by(facts, one), one))
