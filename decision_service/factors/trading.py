"""All accounts' transactions as one book: by month and by day, with windows added up once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta

from decision_service.domain.factor import Evidence
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.months import Month
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.case import Case
from decision_service.factors.evidence import heaviest
from decision_service.factors.figures import Figure
from decision_service.factors.horizons import trailing_end
from decision_service.factors.ledger import Page, ledger, page_tallies
from decision_service.factors.quality import feed, supply
from decision_service.factors.tally import EARNED, OF_ALL, Tally, empty_buckets, joined, total

LOOK_BACK_MONTHS = 3
LOOK_BACK_DAYS = 91
"""How far every factor looks at least, to tell a quiet month from no data at all."""

CUTS = (7, 14, 28, 56, 91)
"""Trailing days at which windows of days are cut into parts."""

Period = tuple[date, date]
"""First and last civil date, both inclusive."""


class TradeBook:
    """The transactions of all counted accounts.

    `horizon` is the last settled month (Month.index), `end` the last trailing day; a period is
    added up once, whatever asks for it.
    """

    def __init__(self, case: Case) -> None:
        pages = ledger(case).pages
        self._months = _merged(case, pages)
        supplies = (supply(case, Kind.TRANSACTIONS),)
        trust = feed(case, supplies, ledger(case).taints, held=bool(self._months))
        self.unusable = trust.missing
        self.horizon = trust.horizon
        self.end = trailing_end(case.as_of, trust.feeders)
        read = case.snapshot.transactions
        self.read_from = read.first_day if read else None
        self._sources = tuple(f.id for f in trust.feeders)
        self._tallies: dict[Period, Tally] = {}
        self._evidence: dict[tuple[Period, Sequence[int]], Evidence] = {}
        self._dates: dict[Period, Period] = {}
        self._cut: dict[Period, Sequence[Period]] = {}

    def last_months(self, months: int) -> Period:
        """The last calendar months up to the horizon."""
        last = Month(self.horizon)
        return last.plus(1 - months).first_day, last.last_day

    def last_days(self, days: int, before: int = 0) -> Period:
        """The trailing days that end at the sync, or as many days `before` that."""
        last = self.end - timedelta(days=before)
        return last - timedelta(days=days - 1), last

    def tally(self, period: Period) -> Tally:
        """What a period holds."""
        found = self._tallies.get(period)
        if found is None:
            parts = self._parts(period)
            found = self._part(period) if len(parts) == 1 else total(map(self.tally, parts))
            self._tallies[period] = found
        return found

    def earning_days(self, period: Period) -> set[date]:
        """The dates of a period that have an earning."""
        first, last = period
        months = _indices(period)
        return {
            record.date
            for month in months
            if month in self._months
            for record in self._months[month].buckets[EARNED]
            if first <= record.date <= last
        }

    def missing(self, back_to: Period) -> tuple[Missing, ...]:
        """Why nothing can be computed from a period that reaches as far back as it must."""
        if self.unusable:
            return self.unusable
        if self.read_from and self.read_from > back_to[0]:
            return (Missing(Cause.NOT_FETCHED, kind=Kind.TRANSACTIONS),)
        if not any(self.tally(back_to).counts):
            return (Missing(Cause.NO_DATA, kind=Kind.TRANSACTIONS),)
        return ()

    def evidence(self, period: Period, of: Sequence[int]) -> Evidence:
        """What a figure of some buckets rests on; a period of months tells months, else days."""
        found = self._evidence.get((period, of))
        if found is None:
            found = self._evidence[period, of] = self._prove(period, of)
        return found

    def _prove(self, period: Period, of: Sequence[int]) -> Evidence:
        records = self.tally(period).records(of)
        held = self._held(period)
        parts = map(self.tally, self._parts(period))
        return Evidence(
            records=records,
            first=held[0] if held else None,
            last=held[-1] if held else None,
            horizon=str(Month(self.horizon)) if _is_months(period) else self.end.isoformat(),
            grade="platform" if records else None,
            top=heaviest([weight for part in parts for weight in part.heaviest(of)]),
            sources=self._sources,
        )

    def _held(self, period: Period) -> list[str]:
        """The months of a period that have a transaction, or the first and last such dates."""
        if _is_months(period):
            return [str(Month(index)) for index in _indices(period) if index in self._months]
        edges = [self._edges(part) for part in self._parts(period) if any(self.tally(part).counts)]
        return [edges[0][0].isoformat(), edges[-1][1].isoformat()] if edges else []

    def _edges(self, part: Period) -> Period:
        """The first and last date with a transaction in a part that has one."""
        found = self._dates.get(part)
        if found is None:
            dates = [record.date for bucket in self.tally(part).buckets for record in bucket]
            found = self._dates[part] = min(dates), max(dates)
        return found

    def _part(self, period: Period) -> Tally:
        """One month, or a few days that are not cut further."""
        if _is_months(period):
            return self._months.get(Month.of(period[0]).index) or Tally(empty_buckets())
        first, last = period
        months = [self._months[m].buckets for m in _indices(period) if m in self._months]
        return Tally([[r for r in bucket if first <= r.date <= last] for bucket in joined(months)])

    def _parts(self, period: Period) -> Sequence[Period]:
        """The parts that windows share, so that each is added up once: months, or cut days."""
        found = self._cut.get(period)
        if found is None:
            found = self._cut[period] = self._cut_up(period)
        return found

    def _cut_up(self, period: Period) -> Sequence[Period]:
        if _is_months(period):
            months = map(Month, _indices(period))
            return [(month.first_day, month.last_day) for month in months]
        starts = [self.end - timedelta(days=cut - 1) for cut in CUTS]
        inner = sorted(start for start in starts if period[0] < start <= period[1])
        ends = [start - timedelta(days=1) for start in inner]
        return list(zip([period[0], *inner], [*ends, period[1]], strict=True))


def trade_book(case: Case) -> TradeBook:
    """The applicant's transactions."""
    return case.once("trade book", TradeBook)


def on_trade(
    book: TradeBook,
    period: Period,
    back_to: Period,
    work: Callable[[Tally], Figure | Cause],
    of: Sequence[int],
) -> Answer:
    """Work on a period's figure of some buckets; `back_to` tells quiet from no data."""
    missing = book.missing(back_to)
    if missing:
        return Answer(None, missing)
    tally = book.tally(period)
    flaws = _flaws(tally, classed=of is not OF_ALL)
    if flaws:
        return Answer(None, flaws)
    return answer(work(tally), Kind.TRANSACTIONS, book.evidence(period, of))


def _flaws(tally: Tally, *, classed: bool) -> tuple[Missing, ...]:
    found = []
    if tally.foreign:
        found.append(Missing(Cause.MIXED_CURRENCY, kind=Kind.TRANSACTIONS))
    if classed and tally.unclassified:
        found.append(Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS))
    return in_order(found) if found else ()


def _indices(period: Period) -> range:
    return range(Month.of(period[0]).index, Month.of(period[1]).index + 1)


def _is_months(period: Period) -> bool:
    """Whether a period begins and ends with a month."""
    return period[0].day == 1 and period[1] == Month.of(period[1]).last_day


def _merged(case: Case, pages: Mapping[str, Page]) -> Mapping[int, Tally]:
    """The months of all accounts; a single account's as they are."""
    if len(pages) == 1:
        return page_tallies(case, *pages)
    months = _all(pages.values())
    return {m: Tally(joined(p[m] for p in pages.values() if m in p)) for m in months}


def _all(pages: Iterable[Page]) -> set[int]:
    return {month for page in pages for month in page}
