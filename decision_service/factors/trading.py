"""All accounts' transactions as one book: by day and by month, with windows computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
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
from decision_service.factors.ledger import Day, ledger, unclassified
from decision_service.factors.quality import Feed, feed, supply

LOOK_BACK_MONTHS = 3
LOOK_BACK_DAYS = 91
"""How far every factor looks at least, to tell a quiet month from no data at all."""

Period = tuple[date, date]
"""First and last civil date, both inclusive."""


@dataclass(frozen=True, slots=True)
class Trade:
    """What a period holds: the sums of its days, how many had an earning, the heaviest records."""

    period: Period
    total: Day
    active: int
    first: date | None
    last: date | None
    top: tuple[Weight, ...]

    @property
    def records(self) -> int:
        """All transactions, of any class."""
        return len(self.total.earnings) + len(self.total.others)


class TradeBook:
    """The transactions of all counted accounts.

    `horizon` is the last settled month (Month.index), `end` the last trailing day; a period is
    added up once, whatever asks for it.
    """

    def __init__(self, case: Case) -> None:
        self.currency = case.currency
        self.days = _merged(ledger(case).days)
        self.read = case.snapshot.transactions
        self.feed = _feed(case, held=bool(self.days))
        self.end = trailing_end(case.as_of, self.feed.feeders)
        self._trades: dict[Period, Trade] = {}
        self._months: dict[int, Trade] = {}

    @property
    def horizon(self) -> int:
        """The last settled month."""
        return self.feed.horizon

    def last_months(self, months: int) -> Period:
        """The last calendar months up to the horizon."""
        last = Month(self.horizon)
        return last.plus(1 - months).first_day, last.last_day

    def last_days(self, days: int, before: int = 0) -> Period:
        """The trailing days that end at the sync, or as many days `before` that."""
        last = self.end - timedelta(days=before)
        return last - timedelta(days=days - 1), last

    def trade(self, period: Period) -> Trade:
        """What a period holds."""
        found = self._trades.get(period)
        if found is None:
            found = self._trades[period] = self._add_up(period)
        return found

    def missing(self, back_to: Period) -> tuple[Missing, ...]:
        """Why nothing can be computed from a period that reaches as far back as it must."""
        if self.feed.missing:
            return self.feed.missing
        if self.read and self.read.first_day and self.read.first_day > back_to[0]:
            return (Missing(Cause.NOT_FETCHED, kind=Kind.TRANSACTIONS),)
        if not self.holds(back_to):
            return (Missing(Cause.NO_DATA, kind=Kind.TRANSACTIONS),)
        return ()

    def holds(self, period: Period) -> bool:
        """Whether a period has any transaction."""
        return any(period[0] <= day <= period[1] for day in self.days)

    def evidence(self, trade: Trade) -> Evidence:
        """What a period's figures rest on."""
        return Evidence(
            records=trade.records,
            first=trade.first.isoformat() if trade.first else None,
            last=trade.last.isoformat() if trade.last else None,
            horizon=trade.period[1].isoformat(),
            grade="platform" if trade.records else None,
            top=heaviest(trade.top),
            sources=tuple(f.id for f in self.feed.feeders),
        )

    def _add_up(self, period: Period) -> Trade:
        first, last = Month.of(period[0]), Month.of(period[1])
        whole = period == (first.first_day, last.last_day)
        if whole and first != last:
            months = [Month(m) for m in range(first.index, last.index + 1)]
            return _joined(period, [self.trade((m.first_day, m.last_day)) for m in months])
        return self._from_days(period)

    def _from_days(self, period: Period) -> Trade:
        length = (period[1] - period[0]).days + 1
        span = [period[0] + timedelta(days=n) for n in range(length)]
        held = [day for day in span if day in self.days]
        days = [self.days[day] for day in held]
        total = _total(days)
        return Trade(
            period,
            total,
            sum(1 for day in days if day.earnings),
            held[0] if held else None,
            held[-1] if held else None,
            tuple(top_weights([*total.earnings, *total.others])),
        )


def trade_book(case: Case) -> TradeBook:
    """The applicant's transactions."""
    return case.once("trade book", TradeBook)


def on_trade(
    book: TradeBook,
    period: Period,
    back_to: Period,
    work: Callable[[Trade], Figure | Cause],
    *,
    classed: bool = True,
) -> Answer:
    """Work on a period; `classed` where the classes matter, `back_to` tells quiet from no data."""
    missing = book.missing(back_to)
    if missing:
        return Answer(None, missing)
    trade = book.trade(period)
    flaws = _flaws(trade.total, classed=classed)
    if flaws:
        return Answer(None, flaws)
    return answer(work(trade), Kind.TRANSACTIONS, book.evidence(trade))


def _flaws(total: Day, *, classed: bool) -> tuple[Missing, ...]:
    found = []
    if total.foreign:
        found.append(Missing(Cause.MIXED_CURRENCY, kind=Kind.TRANSACTIONS))
    if classed and unclassified(total.unmapped, total.turnover):
        found.append(Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS))
    return in_order(found)


def _feed(case: Case, *, held: bool) -> Feed:
    supplies = (supply(case, Kind.TRANSACTIONS),)
    return feed(case, supplies, ledger(case).taints, held=held)


def _merged(pages: Mapping[str, Mapping[date, Day]]) -> Mapping[date, Day]:
    """One page of all accounts; a single account's page as it is."""
    if len(pages) == 1:
        return next(iter(pages.values()))
    days: dict[date, Day] = {}
    for page in pages.values():
        for day, entries in page.items():
            days.setdefault(day, Day()).add(entries)
    return days


def _total(days: Iterable[Day]) -> Day:
    total = Day()
    for day in days:
        total.add(day)
    return total


def _joined(period: Period, trades: list[Trade]) -> Trade:
    held = [trade for trade in trades if trade.records]
    return Trade(
        period,
        _total(trade.total for trade in trades),
        sum(trade.active for trade in trades),
        held[0].first if held else None,
        held[-1].last if held else None,
        tuple(weight for trade in trades for weight in trade.top),
    )
