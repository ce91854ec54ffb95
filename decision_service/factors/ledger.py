"""All accounts' transactions as one book, by source and in windows of months and days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Evidence
from decision_service.domain.values import Cause, Missing
from decision_service.factors.answer import Answer, Figure, answer, in_order, month_name, month_of
from decision_service.factors.horizons import family_horizon, stand_in_from, trailing_end
from decision_service.factors.quality import bad_date, feed, last_day, supply, transactions
from decision_service.factors.registry import FactorContext, once
from decision_service.factors.tally import (
    EARNED,
    FEES,
    OF_ALL,
    REVERSED,
    Classifier,
    Page,
    Stretch,
    Tally,
    first_of,
    page_of,
)
from decision_service.factors.usage import counted, sources_naming, unread_from

LOOK_BACK_MONTHS = 3
LOOK_BACK_DAYS = 91
"""The least reach of every factor, by which a quiet month differs from no data."""

Unexplained = Mapping[date, int]
"""What was given back on a day beyond what may be, of the days on which it was more."""


class Ledger(msgspec.Struct, frozen=True):
    """`pages` are by source, of those with a transaction; `taints` also name impossible dates."""

    pages: Mapping[str, Page]
    taints: tuple[Missing, ...]


@once
def ledger(context: FactorContext) -> Ledger:
    clean = transactions(context)
    end = last_day(context)
    pages = {}
    known = {source for source, feeder in counted(context).items() if feeder.known}
    sources = sorted(sources_naming(context, Kind.TRANSACTIONS) & known)
    for source in sources:
        records = clean.records
        if len(sources) > 1:
            records = [r for r in records if r.source == source]
        provider = counted(context)[source].provider_id
        classifier = Classifier(provider, context.policy.transaction_classes)
        pages[source] = page_of(records, classifier, context.currency)
    late = [source for source, page in pages.items() if any(r.dates[-1] > end for _, r in page)]
    return Ledger(pages, clean.taints + tuple(bad_date(Kind.TRANSACTIONS, s) for s in late))


@once
def unexplained(context: FactorContext, source: str) -> Unexplained:
    """An account's refunds that nothing explains, from the first day that is income."""
    page: Page = ledger(context).pages.get(source, ())
    return beyond_taken(page, stand_in_from(context.as_of.date))


def beyond_taken(page: Page, since: date) -> Unexplained:
    """Refunds beyond what was taken.

    In order of time credits of class REVERSAL count up to the FEEs and the REVERSAL debits from
    `since` to their day that no earlier credit has used, so that money sent to oneself as a
    "refund" is no income.
    """
    refunds = [run for bucket, run in page if bucket == REVERSED and run.sign == 1]
    days = sorted({day for run in refunds for day in run.dates if day >= since})
    taken = [run for bucket, run in page if bucket in (FEES, REVERSED) and run.sign == -1]
    places = [run.cut(since) for run in taken]
    found: dict[date, int] = {}
    left = 0
    for day in days:
        after = day + timedelta(days=1)
        ends = [run.cut(after) for run in taken]
        sums = [run.total(*span) for run, *span in zip(taken, places, ends, strict=True)]
        places = ends
        left = left - sum(sums)
        back = sum([run.total(run.cut(day), run.cut(after)) for run in refunds])
        if back > left:
            found[day] = back - left
        left = max(left - back, 0)
    return found


def within_days(found: Unexplained, begins: date, before: date) -> int:
    return sum(amount for day, amount in found.items() if begins <= day < before)


class TradingWindow(msgspec.Struct, frozen=True):
    """`first` and `last` hold a transaction, `horizon` is the end: all are months or dates."""

    begins: date
    stretch: Stretch
    first: str | None
    last: str | None
    horizon: str


class TradeBook:
    """The transactions of all counted accounts of known providers; a window is added up once.

    What an account of a provider in no list holds may be anything: it is no earning, and so may
    what a document says. Of two accounts at one platform the one that earned most in the last 91
    days counts.
    """

    def __init__(self, context: FactorContext) -> None:
        book = ledger(context)
        feeders = counted(context)
        pages = {s: page for s, page in book.pages.items() if not feeders[s].document}
        several = supply(context, Kind.TRANSACTIONS)
        linked = tuple(f for f in several.counted if not f.document)
        supplies = (msgspec.structs.replace(several, counted=linked),)
        trust = feed(context, supplies, book.taints, held=bool(pages))
        self.unusable = trust.missing
        self.end = trailing_end(context.as_of, trust.feeders)
        self._horizon = family_horizon(context, trust.feeders)
        self._snapshot = context.snapshot
        self._sources = tuple(f.id for f in trust.feeders)
        counting = _one_of_each(context, pages, self.end)
        self._pages = tuple(counting.values())
        self._undue = [unexplained(context, source) for source in counting]
        self._windows: dict[tuple[str, int, int], TradingWindow] = {}
        self._evidence: dict[tuple[int, Sequence[int]], Evidence] = {}

    def last_months(self, months: int) -> TradingWindow:
        found = self._windows.get(("months", months, 0))
        if found is None:
            begins = self.first_day(months)
            before = first_of(self._horizon + 1)
            found = self._window(begins, before, lambda day: month_name(month_of(day)))
            self._windows["months", months, 0] = found
        return found

    def last_days(self, days: int, before: int = 0) -> TradingWindow:
        """The trailing days that end at the sync, or as many days `before` that."""
        found = self._windows.get(("days", days, before))
        if found is None:
            after = self.end - timedelta(days=before - 1)
            found = self._window(after - timedelta(days=days), after, date.isoformat)
            self._windows["days", days, before] = found
        return found

    def missing(self, back_to: TradingWindow) -> tuple[Missing, ...]:
        """Why nothing can be computed from a window that reaches as far back as it must."""
        unread = self.unread(back_to.begins)
        if not unread and back_to.first is None:
            return (Missing(Cause.NO_DATA, kind=Kind.TRANSACTIONS),)
        return unread

    def unread(self, begins: date) -> tuple[Missing, ...]:
        return self.unusable or unread_from(self._snapshot, begins)

    def first_day(self, months: int) -> date:
        return first_of(self._horizon - months + 1)

    def undue(self, months: int) -> int:
        begins = self.first_day(months)
        before = first_of(self._horizon + 1)
        return sum([within_days(found, begins, before) for found in self._undue])

    def evidence(self, window: TradingWindow, of: Sequence[int]) -> Evidence:
        found = self._evidence.get((id(window), of))
        if found is None:
            records = window.stretch.tally.records(of)
            found = self._evidence[id(window), of] = Evidence(
                records=records,
                first=window.first,
                last=window.last,
                horizon=window.horizon,
                grade="platform" if records else None,
                top=tuple([name for _, name in window.stretch.heaviest(of)]),
                sources=self._sources,
            )
        return found

    def _window(self, begins: date, before: date, name: Callable[[date], str]) -> TradingWindow:
        stretch = Stretch(self._pages, begins, before)
        edges = stretch.edges()
        return TradingWindow(
            begins,
            stretch,
            name(edges[0]) if edges else None,
            last=name(edges[1]) if edges else None,
            horizon=name(before - timedelta(days=1)),
        )


def _one_of_each(
    context: FactorContext, pages: Mapping[str, Page], end: date
) -> Mapping[str, Page]:
    """The accounts that count: all wallets, and of each platform one."""
    feeders = counted(context)
    best = dict[str, tuple[int, int, str]]()
    after = end + timedelta(days=1)
    latest = end - timedelta(days=LOOK_BACK_DAYS - 1)
    several = Counter(feeders[source].provider_id for source in pages if feeders[source].gig)
    for source in sorted(pages, reverse=True):
        feeder = feeders[source]
        if several[feeder.provider_id] > 1 and feeder.gig:
            spans = [Stretch((pages[source],), begins, after) for begins in (latest, date.min)]
            earned = [stretch.tally.sums[EARNED] for stretch in spans]
            rank = (earned[0], earned[1], source)
            best[feeder.provider_id] = max(best.get(feeder.provider_id, rank), rank)
    kept = {source for *_, source in best.values()}
    return {
        source: page
        for source, page in pages.items()
        if source in kept or feeders[source].provider_id not in best or not feeders[source].gig
    }


@once
def trade_book(context: FactorContext) -> TradeBook:
    return TradeBook(context)


def on_trade(
    book: TradeBook,
    window: TradingWindow,
    back_to: TradingWindow,
    work: Callable[[Tally], Figure | Cause],
    of: Sequence[int],
) -> Answer:
    """Work on a window's figure of some buckets; `back_to` separates quiet from no data."""
    missing = book.missing(back_to)
    if missing:
        return Answer(None, missing)
    tally = window.stretch.tally
    found = flaws(tally, classed=of is not OF_ALL)
    if found:
        return Answer(None, found)
    return answer(work(tally), Kind.TRANSACTIONS, book.evidence(window, of))


def flaws(tally: Tally, *, classed: bool) -> tuple[Missing, ...]:
    """A window's other currencies, and where classes matter too much that has none."""
    found = []
    if tally.foreign:
        found.append(Missing(Cause.MIXED_CURRENCY, kind=Kind.TRANSACTIONS))
    if classed and tally.unclassified:
        found.append(Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS))
    return in_order(found) if found else ()
