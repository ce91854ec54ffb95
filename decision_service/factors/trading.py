"""All accounts' transactions as one book: by day and by month, with windows added up once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta

from decision_service.domain.factor import Evidence
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.months import Month
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.case import Case
from decision_service.factors.evidence import Weight, heaviest, top_weights
from decision_service.factors.figures import Figure
from decision_service.factors.horizons import trailing_end
from decision_service.factors.ledger import Page, by_month, ledger, page_months
from decision_service.factors.quality import feed, supply
from decision_service.factors.tally import Buckets, Tally, empty_buckets, total

LOOK_BACK_MONTHS = 3
LOOK_BACK_DAYS = 91
"""How far every factor looks at least, to tell a quiet month from no data at all."""

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
        self._month_tops: dict[int, Sequence[Weight]] = {}

    def last_months(self, months: int) -> Period:
        """The last calendar months up to the horizon."""
        last = Month(self.horizon)
        return last.plus(1 - months).first_day, last.last_day

    def last_days(self, days: int, before: int = 0) -> Period:
        """The trailing days that end at the sync, or as many days `before` that."""
        last = self.end - timedelta(days=before)
        return last - timedelta(days=days - 1), last

    def tally(self, period: Period) -> Tally:
        """What a period of whole months or of days holds."""
        found = self._tallies.get(period)
        if found is None:
            found = self._tallies[period] = self._add_up(period)
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

    def _add_up(self, period: Period) -> Tally:
        whole = _whole_months(period)
        if whole is None:
            return Tally([(day, self.days[day]) for day in _dates(period) if day in self.days])
        return total(self.months[month] for month in whole if month in self.months)

    def _prove(self, period: Period) -> Evidence:
        tally = self.tally(period)
        return Evidence(
            records=tally.records,
            first=tally.first.isoformat() if tally.first else None,
            last=tally.last.isoformat() if tally.last else None,
            horizon=period[1].isoformat(),
            grade="platform" if tally.records else None,
            top=heaviest(self._weights(period, tally)),
            sources=self._sources,
        )

    def _weights(self, period: Period, tally: Tally) -> Iterable[Weight]:
        whole = _whole_months(period)
        if whole is None:
            return top_weights(tally.everything)
        return [weight for m in whole if m in self.months for weight in self._month_top(m)]

    def _month_top(self, month: int) -> Sequence[Weight]:
        found = self._month_tops.get(month)
        if found is None:
            found = self._month_tops[month] = top_weights(self.months[month].everything)
        return found


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


def _whole_months(period: Period) -> range | None:
    first, last = Month.of(period[0]), Month.of(period[1])
    if period != (first.first_day, last.last_day):
        return None
    return range(first.index, last.index + 1)


def _dates(period: Period) -> Iterable[date]:
    length = (period[1] - period[0]).days + 1
    return [period[0] + timedelta(days=n) for n in range(length)]


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
