"""All accounts' transactions as one book: by day and by month, with windows added up once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from decision_service.domain.factor import Evidence
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.months import Month
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.case import Case
from decision_service.factors.evidence import Weight, heaviest
from decision_service.factors.figures import Figure
from decision_service.factors.horizons import trailing_end
from decision_service.factors.ledger import Page, by_month, ledger, page_months
from decision_service.factors.quality import feed, supply
from decision_service.factors.tally import Buckets, Tally, empty_buckets, total

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
        self.days = _merged(pages)
        self.months = page_months(case, *pages) if len(pages) == 1 else by_month(self.days)
        supplies = (supply(case, Kind.TRANSACTIONS),)
        trust = feed(case, supplies, ledger(case).taints, held=bool(self.days))
        self.unusable = trust.missing
        self.horizon = trust.horizon
        self.end = trailing_end(case.as_of, trust.feeders)
        read = case.snapshot.transactions
        self.read_from = read.first_day if read else None
        self._sources = tuple(f.id for f in trust.feeders)
        self._tallies: dict[Period, Tally] = {}
        self._evidence: dict[Period, Evidence] = {}
        self._tops: dict[Period, Sequence[Weight]] = {}

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

    def missing(self, back_to: Period) -> tuple[Missing, ...]:
        """Why nothing can be computed from a period that reaches as far back as it must."""
        if self.unusable:
            return self.unusable
        if self.read_from and self.read_from > back_to[0]:
            return (Missing(Cause.NOT_FETCHED, kind=Kind.TRANSACTIONS),)
        if not self.tally(back_to).records:
            return (Missing(Cause.NO_DATA, kind=Kind.TRANSACTIONS),)
        return ()

    def evidence(self, period: Period) -> Evidence:
        """What a period's figures rest on."""
        found = self._evidence.get(period)
        if found is None:
            found = self._evidence[period] = self._prove(period)
        return found

    def _prove(self, period: Period) -> Evidence:
        tally = self.tally(period)
        return Evidence(
            records=tally.records,
            first=tally.first.isoformat() if tally.first else None,
            last=tally.last.isoformat() if tally.last else None,
            horizon=period[1].isoformat(),
            grade="platform" if tally.records else None,
            top=heaviest([w for part in self._parts(period) for w in self._top(part)]),
            sources=self._sources,
        )

    def _top(self, part: Period) -> Sequence[Weight]:
        found = self._tops.get(part)
        if found is None:
            found = self._tops[part] = self.tally(part).heaviest()
        return found

    def _part(self, period: Period) -> Tally:
        """One month, or a few days that are not cut further."""
        month = Month.of(period[0])
        if period == (month.first_day, month.last_day):
            return self.months.get(month.index) or Tally(())
        length = (period[1] - period[0]).days + 1
        days = [period[0] + timedelta(days=n) for n in range(length)]
        return Tally([(day, self.days[day]) for day in days if day in self.days])

    def _parts(self, period: Period) -> Sequence[Period]:
        """The parts that windows share, so that each is added up once: months, or cut days."""
        first, last = Month.of(period[0]), Month.of(period[1])
        if period == (first.first_day, last.last_day):
            months = [Month(index) for index in range(first.index, last.index + 1)]
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
    *,
    classed: bool = True,
) -> Answer:
    """Work on a period; `classed` where the classes matter, `back_to` tells quiet from no data."""
    missing = book.missing(back_to)
    if missing:
        return Answer(None, missing)
    tally = book.tally(period)
    flaws = _flaws(tally, classed=classed)
    if flaws:
        return Answer(None, flaws)
    return answer(work(tally), Kind.TRANSACTIONS, book.evidence(period))


def _flaws(tally: Tally, *, classed: bool) -> tuple[Missing, ...]:
    found = []
    if tally.foreign:
        found.append(Missing(Cause.MIXED_CURRENCY, kind=Kind.TRANSACTIONS))
    if classed and tally.unclassified:
        found.append(Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS))
    return in_order(found)


def _merged(pages: Mapping[str, Page]) -> Page:
    """One page of all accounts; a single account's page as it is."""
    if len(pages) == 1:
        return next(iter(pages.values()))
    days: dict[date, Buckets] = {}
    for page in pages.values():
        for day, buckets in page.items():
            for bucket, more in zip(days.setdefault(day, empty_buckets()), buckets, strict=True):
                bucket.extend(more)
    return {day: days[day] for day in sorted(days)}
