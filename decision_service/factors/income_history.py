"""The income month by month, as a person reads it: what counts, of which source, or why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import Needs
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, Cause, Money, Month
from decision_service.factors.answer import Amount
from decision_service.factors.income import INCOME
from decision_service.factors.income_sources import MonthFacts, Reporter, reported_by, reporters
from decision_service.factors.monthly_income import IncomeBook, income
from decision_service.factors.registry import FactorContext, registered
from decision_service.factors.usage import EARNING_KINDS, Feeder, counted

MONTHS = 24


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
    """Whether one of the factors rests on the monthly income."""
    return any(INCOME.kinds <= registered(name).spec.kinds for name in factors)


def last_income_months(snapshot: Snapshot, needs: Needs, as_of: AsOf) -> Sequence[IncomeMonth]:
    """The last 24 ended months from the first with a record on, oldest first.

    Before it nothing is known: not even that nothing was earned.
    """
    context = FactorContext(snapshot, needs, as_of)
    book, last = income(context), Month.of(as_of.date).index - 1
    months = range(max(book.first, last - MONTHS + 1), last + 1)
    return [_month(context, book, month) for month in months]


def _month(context: FactorContext, book: IncomeBook, month: int) -> IncomeMonth:
    name, state = str(Month(month)), _state(book, month)
    if state in {MonthState.OPEN, MonthState.FLAWED}:
        return IncomeMonth(name, state)
    added: dict[tuple[str, Kind], Amount] = {}
    for (source, kind), amount in _added(book, month, counted(context)):
        of = counted(context)[source].provider_id, kind
        added[of] = added.get(of, 0) + amount
    total: Amount = 0
    parts = []
    for of in sorted(added):  # rounded so that they add up
        before, total = round(total), total + added[of]
        if round(total) != before:
            parts.append(IncomePart(*of, Money(context.currency, round(total) - before)))
    return IncomeMonth(name, state, Money(context.currency, round(total)), (*parts,))


def _state(book: IncomeBook, month: int) -> MonthState:
    span, waiting = (month, month), book.view.open.get(month)
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
