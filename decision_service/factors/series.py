"""A monthly series up to its horizon, with what taints single months and what proves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from decision_service.domain.factor import Evidence
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.evidence import Proof, proofs_evidence
from decision_service.factors.figures import Amount, Figure
from decision_service.factors.quality import Feed
from decision_service.factors.tally import unclassified

T = TypeVar("T")

Span = tuple[int, int]
"""First and last month (Month.index), both inclusive."""

Spans = tuple[Span, ...]

Judged = tuple[tuple[Missing, ...], Evidence]
"""The flaws of some spans and their evidence."""

Turnover = tuple[int, int]
"""Unmapped and all absolute amounts of a month's transactions."""


class Draft(msgspec.Struct):
    """A series as it is filled, in any order: amounts, proofs and flaws by month."""

    amounts: dict[int, Amount] = msgspec.field(default_factory=dict)
    proofs: dict[int, Proof] = msgspec.field(default_factory=dict)
    flaws: dict[int, set[Missing]] = msgspec.field(default_factory=dict)
    turnovers: dict[int, Turnover] = msgspec.field(default_factory=dict)

    def proof(self, month: int) -> Proof:
        """The proof of a month, which makes the month one with a record."""
        found = self.proofs.get(month)
        if found is None:
            found = self.proofs[month] = Proof(month)
        return found

    def flaw(self, month: int, cause: Missing) -> None:
        """Say what is wrong with a month."""
        self.flaws.setdefault(month, set()).add(cause)


class MonthBook:
    """A family's series from its first record to its horizon; months after it are set aside.

    `missing` says why nothing can be computed; `values` holds one amount a month, 0 where there is
    no record; `observed` is its length.
    """

    def __init__(self, kind: Kind, feed: Feed, draft: Draft) -> None:
        self.kind = kind
        self.horizon = feed.horizon
        self._draft = draft
        self.first = min(draft.proofs, default=feed.horizon + 1)
        amounts = draft.amounts
        months = range(self.first, self.horizon + 1)
        self.values = [amounts.get(month, 0) for month in months]
        self._proofs = [draft.proofs.get(month) for month in months]
        self._any_unmapped = any(unmapped for unmapped, _ in draft.turnovers.values())
        self.missing = feed.missing or self._unsettled()
        self._judged: dict[Spans, Judged] = {}

    @property
    def observed(self) -> int:
        """How many months lie between the first record and the horizon, both counted."""
        return len(self.values)

    def proofs(self, spans: Spans) -> Sequence[Proof]:
        """The proofs of the observed months of some spans that have a record, in order."""
        return [
            proof
            for first, last in sorted(spans)
            for proof in self._proofs[max(first - self.first, 0) : max(last - self.first + 1, 0)]
            if proof is not None
        ]

    def last(self, months: int) -> Span:
        """The observed part of the last calendar months up to the horizon."""
        first = self.horizon - months + 1
        return (first if first > self.first else self.first), self.horizon

    def between(self, span: Span) -> Sequence[Amount]:
        """The amounts of an observed span."""
        return self.values[span[0] - self.first : span[1] - self.first + 1]

    def records(self, span: Span) -> int:
        """How many records the months of a span hold."""
        return sum([proof.records for proof in self.proofs((span,))])

    def judged(self, spans: Spans) -> Judged:
        """What is wrong with the months of these spans, and what they rest on."""
        found = self._judged.get(spans)
        if found is None:
            found = self._judged[spans] = self._flaws(spans), self.prove(spans)
        return found

    def short(self) -> Missing:
        """The history is shorter than the factor needs."""
        return Missing(
            Cause.SHORT_HISTORY, kind=self.kind, detail=f"{self.observed} months observed"
        )

    def _unsettled(self) -> tuple[Missing, ...]:
        return () if self.values else (self.short(),)

    def _flaws(self, spans: Spans) -> tuple[Missing, ...]:
        if not self._draft.flaws and not self._any_unmapped:
            return ()
        found = {cause for _, causes in within(self._draft.flaws, spans) for cause in causes}
        if self._unmapped(spans):
            found.add(Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS))
        return in_order(found)

    def _unmapped(self, spans: Spans) -> bool:
        chosen = within(self._draft.turnovers, spans)
        unmapped = sum(turnover[0] for _, turnover in chosen)
        return unclassified(unmapped, sum(turnover[1] for _, turnover in chosen))

    def prove(self, spans: Spans) -> Evidence:
        """What the months of these spans rest on, computed anew."""
        return proofs_evidence(self.proofs(spans), self.horizon)


def over(
    book: MonthBook,
    months: int,
    work: Callable[[Sequence[Amount]], Figure | Cause],
    *,
    needs: int = 0,
) -> Answer:
    """Work on the observed part of the last months; SHORT_HISTORY when fewer than `needs`."""
    if book.missing:
        return Answer(None, book.missing)
    span = book.last(months)
    return _on(book, (span,), needs, lambda: work(book.between(span)))


def at(
    book: MonthBook,
    spans: Spans,
    work: Callable[[Sequence[Sequence[Amount]]], Figure | Cause],
) -> Answer:
    """Work on some spans; SHORT_HISTORY when one of them begins before the first record."""
    if book.missing:
        return Answer(None, book.missing)
    needs = book.horizon - min(first for first, _ in spans) + 1
    return _on(book, spans, needs, lambda: work([book.between(span) for span in spans]))


def _on(book: MonthBook, spans: Spans, needs: int, work: Callable[[], Figure | Cause]) -> Answer:
    flaws, evidence = book.judged(spans)
    if flaws:
        return Answer(None, flaws)
    if book.observed < needs:
        return Answer(None, (book.short(),), evidence)
    return answer(work(), book.kind, evidence)


def within(by_month: Mapping[int, T], spans: Spans) -> list[tuple[int, T]]:
    """The entries of the months that lie in one of the spans, which do not overlap; in order."""
    return [
        (month, by_month[month])
        for first, last in sorted(spans)
        for month in range(first, last + 1)
        if month in by_month
    ]
