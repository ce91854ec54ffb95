"""A monthly series up to its horizon, with what taints single months and what proves them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import NO_EVIDENCE, Evidence
from decision_service.domain.values import Cause, Missing
from decision_service.factors.answer import (
    Amount,
    Answer,
    Figure,
    Proof,
    answer,
    in_order,
    proofs_evidence,
)
from decision_service.factors.registry import FactorContext
from decision_service.factors.tally import unclassified

T = TypeVar("T")

MonthSpan = tuple[int, int]
"""First and last month (Month.index), both inclusive."""

Spans = tuple[MonthSpan, ...]

MonthJudgement = tuple[tuple[Missing, ...], Evidence]
"""The flaws of some spans and their evidence."""

ForeignJudgement = tuple[set[Missing], bool]
"""What other currencies make missing, and whether one single record is left out instead."""

Turnover = tuple[int, int]
"""Unmapped and all absolute amounts of a month's transactions."""

ONE_FOREIGN = "one record in another currency is left out"


class SeriesBuilder(msgspec.Struct):
    """In any order, by month; `foreign` holds what records in other currencies make missing."""

    amounts: dict[int, Amount] = msgspec.field(default_factory=dict)
    proofs: dict[int, Proof] = msgspec.field(default_factory=dict)
    flaws: dict[int, set[Missing]] = msgspec.field(default_factory=dict)
    foreign: dict[int, dict[str, Missing]] = msgspec.field(default_factory=dict)
    turnovers: dict[int, Turnover] = msgspec.field(default_factory=dict)
    notes: dict[int, set[str]] = msgspec.field(default_factory=dict)

    def proof(self, month: int) -> Proof:
        """The proof of a month, which makes the month one with a record."""
        found = self.proofs.get(month)
        if found is None:
            found = self.proofs[month] = Proof(month)
        return found

    def flaw(self, month: int, cause: Missing) -> None:
        self.flaws.setdefault(month, set()).add(cause)

    def note(self, month: int, words: str) -> None:
        self.notes.setdefault(month, set()).add(words)

    def abroad(self, month: int, record_id: str, cause: Missing) -> None:
        """Take in a record in another currency; one alone in a window does no harm."""
        self.foreign.setdefault(month, {})[record_id] = cause

    def mixed(self, spans: Spans) -> ForeignJudgement:
        return self.alone(within(self.foreign, spans))

    def alone(self, touched: Sequence[tuple[int, Mapping[str, Missing]]]) -> ForeignJudgement:
        """What foreign records, by month and id, make missing, and whether one is left out."""
        ids = {id_ for _, records in touched for id_ in records}
        if len(ids) == 1 and all(self.amounts.get(month, 0) > 0 for month, _ in touched):
            return set(), True
        return {cause for _, records in touched for cause in records.values()}, False


class SeriesView(msgspec.Struct, frozen=True):
    """What of a series can be computed with: up to which month, and which months are not known.

    `missing` says why nothing can be; `open` holds the months that wait for a source, `stopped`
    what every month waits for; `unobserved` months are neither zero nor a gap.
    """

    horizon: int
    missing: Sequence[Missing] = ()
    open: Mapping[int, Missing] = {}
    stopped: Missing | None = None
    unobserved: Collection[int] = frozenset()


class MonthBook:
    """A family's series from its first record to its horizon; months after it are set aside.

    `missing` says why nothing can be computed; `values` holds one amount a month, 0 where there is
    no record and None where the month is not observed.
    """

    def __init__(
        self, kind: Kind, view: SeriesView, draft: SeriesBuilder, values: Mapping[int, Amount]
    ) -> None:
        self.kind = kind
        self.view = view
        self.horizon = view.horizon
        self._draft = draft
        self.first = min(draft.proofs, default=view.horizon + 1)
        months = range(self.first, self.horizon + 1)
        self.values = [None if m in view.unobserved else values.get(m, 0) for m in months]
        self._proofs = [draft.proofs.get(month) for month in months]
        self._any_unmapped = any(unmapped for unmapped, _ in draft.turnovers.values())
        self.missing = tuple(view.missing) or (() if self.values else (self.short(),))
        self._judged: dict[Spans, MonthJudgement] = {}

    def proofs(self, spans: Spans) -> Sequence[Proof]:
        return [
            proof
            for first, last in sorted(spans)
            for proof in self._proofs[max(first - self.first, 0) : max(last - self.first + 1, 0)]
            if proof is not None
        ]

    def last(self, months: int) -> MonthSpan:
        return self.horizon - months + 1, self.horizon

    def raw(self, span: MonthSpan) -> Sequence[Amount | None]:
        """The amounts of a span from the first record on; None for months not observed."""
        return self.values[max(span[0] - self.first, 0) : max(span[1] - self.first + 1, 0)]

    def between(self, span: MonthSpan) -> Sequence[Amount]:
        return [amount for amount in self.raw(span) if amount is not None]

    def waiting(self, spans: Spans) -> Missing | None:
        """The first open month of some spans, with the source that it waits for."""
        if self.view.stopped is not None or not self.view.open:
            return self.view.stopped
        found = within(self.view.open, spans)
        return found[0][1] if found else None

    def read(self, span: MonthSpan, open_as: int) -> Sequence[Amount | None]:
        """The amounts of a span, its open months taken for this amount."""
        raw = self.raw(span)
        open_ = self.view.open
        if not open_:
            return raw
        first = max(span[0], self.first)
        return [open_as if first + at in open_ else amount for at, amount in enumerate(raw)]

    def records(self, span: MonthSpan) -> int:
        return sum([proof.records for proof in self.proofs((span,))])

    def judged(self, spans: Spans) -> MonthJudgement:
        """What is wrong with the months of these spans, and what they rest on."""
        found = self._judged.get(spans)
        if found is None:
            found = self._judged[spans] = self._flaws(spans), self.prove(spans)
        return found

    def short(self) -> Missing:
        detail = f"{sum(value is not None for value in self.values)} months observed"
        return Missing(Cause.SHORT_HISTORY, kind=self.kind, detail=detail)

    def _flaws(self, spans: Spans) -> tuple[Missing, ...]:
        draft = self._draft
        if not draft.flaws and not draft.foreign and not self._any_unmapped:
            return ()
        found = {cause for _, causes in within(draft.flaws, spans) for cause in causes}
        found |= draft.mixed(spans)[0]
        chosen = [turnover for _, turnover in within(draft.turnovers, spans)]
        if unclassified(sum(u for u, _ in chosen), sum(every for _, every in chosen)):
            found.add(Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS))
        return in_order(found)

    def prove(self, spans: Spans) -> Evidence:
        return proofs_evidence(self.proofs(spans), self.horizon, self.notes(spans))

    def notes(self, spans: Spans) -> tuple[str, ...]:
        if not self._draft.notes and not self._draft.foreign:
            return ()
        said = {words for _, notes in within(self._draft.notes, spans) for words in notes}
        alone = (ONE_FOREIGN,) if self._draft.mixed(spans)[1] else ()
        return (*sorted(said), *alone)


def over(
    book: MonthBook,
    months: int,
    work: Callable[[Sequence[Amount]], Figure | Cause],
    *,
    needs: int = 0,
) -> Answer:
    """SHORT_HISTORY with fewer than `needs` observed months, NOT_YET_POSTED with an open one."""
    span = book.last(months)
    values = book.between(span)
    return over_spans(book, (span,), lambda: work(values), enough=len(values) >= needs)


def over_family(
    book_of: Callable[[FactorContext], MonthBook],
    work: Callable[[Sequence[Amount]], Figure | Cause],
    context: FactorContext,
    length: int,
) -> Answer:
    """As `over`, of the book that a family has for a context."""
    return over(book_of(context), length, work)


def two_months(
    book: MonthBook, length: int, work: Callable[[Amount, Amount], Figure | Cause]
) -> Answer:
    """Work on the horizon month and the one so many months before."""
    new = book.horizon
    old = book.horizon - length

    def of_spans(spans: Sequence[Sequence[Amount]]) -> Figure | Cause:
        return work(spans[0][0], spans[1][0])

    return at(book, ((new, new), (old, old)), of_spans)


def at(
    book: MonthBook, spans: Spans, work: Callable[[Sequence[Sequence[Amount]]], Figure | Cause]
) -> Answer:
    """Work on some spans; SHORT_HISTORY when a month of one of them is not observed."""
    values = [book.between(span) for span in spans]
    enough = sum(map(len, values)) == sum(last - first + 1 for first, last in spans)
    return over_spans(book, spans, lambda: work(values), enough=enough)


def over_spans(
    book: MonthBook, spans: Spans, work: Callable[[], Figure | Cause], *, enough: bool = True
) -> Answer:
    """Work on spans, or what is wrong with their months; SHORT_HISTORY unless `enough`."""
    if book.missing:
        return Answer(None, book.missing)
    flaws, evidence = book.judged(spans)
    waiting = book.waiting(spans)
    causes = flaws if waiting is None else in_order([*flaws, waiting])
    if causes:
        return Answer(None, causes, evidence if waiting else NO_EVIDENCE)
    if not enough:
        return Answer(None, (book.short(),), evidence)
    return answer(work(), book.kind, evidence)


def either_way(
    book: MonthBook,
    months: int,
    work: Callable[[Sequence[Amount | None]], Figure | Cause],
    *,
    awaited: MonthSpan | None = None,
) -> Answer:
    """Work on the last months read twice, open months with income and without.

    Where both give the same it is the value, else the first open month (of `awaited`, where only
    its months matter) is NOT_YET_POSTED. `work` is given 1 for a month with income, 0 for one
    without, None for one that is not observed.
    """
    if book.missing:
        return Answer(None, book.missing)
    span = book.last(months)
    flaws, evidence = book.judged((span,))
    if flaws:
        return Answer(None, flaws)
    ways = (0, 1) if book.view.open else (0,)
    figures = {work(book.read(span, open_as)) for open_as in ways}
    waiting = book.waiting((awaited or span,))
    if len(figures) > 1 and waiting is not None:
        return Answer(None, (waiting,), evidence)
    return answer(figures.pop(), book.kind, evidence)


def within(by_month: Mapping[int, T], spans: Spans) -> list[tuple[int, T]]:
    """The entries of the months that lie in one of the spans, which do not overlap; in order."""
    if not by_month:
        return []
    lowest = min(by_month)
    highest = max(by_month)
    return [
        (month, by_month[month])
        for first, last in sorted(spans)
        for month in range(max(first, lowest), min(last, highest) + 1)
        if month in by_month
    ]
