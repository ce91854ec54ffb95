"""All accounts' transactions as one book, in windows of months and of trailing days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from decision_service.domain.factor import Evidence
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.months import Month
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.case import Case
from decision_service.factors.cells import Cell, Stretch
from decision_service.factors.evidence import heaviest
from decision_service.factors.figures import Figure
from decision_service.factors.ledger import ledger
from decision_service.factors.quality import feed, supply
from decision_service.factors.tally import OF_ALL, Tally

LOOK_BACK_MONTHS = 3
LOOK_BACK_DAYS = 91
"""How far every factor looks at least, to tell a quiet month from no data at all."""


@dataclass(frozen=True, slots=True)
class Window:
    """A period of all accounts: its first day, what it holds, and how evidence names it.

    `first` and `last` are the months, or the dates, that hold a transaction; `horizon` is the month
    or the date that the window ends with.
    """

    begins: date
    stretch: Stretch
    first: str | None
    last: str | None
    horizon: str


class TradeBook:
    """The transactions of all counted accounts; a window is added up once, whoever asks for it."""

    def __init__(self, case: Case) -> None:
        book = ledger(case)
        pages = [page for page in book.pages.values() if page]
        trust = feed(
            case, (supply(case, Kind.TRANSACTIONS),), book.taints, held=any(book.pages.values())
        )
        self.unusable = trust.missing
        self.end = book.cuts.end
        self._cuts = book.cuts
        self._horizon = trust.horizon
        read = case.snapshot.transactions
        self._read_from = read.first_day if read else None
        self._sources = tuple(f.id for f in trust.feeders)
        self._months = _grouped((place[0], cell) for page in pages for place, cell in page.items())
        self._parts = _grouped((place[1], cell) for page in pages for place, cell in page.items())
        self._windows: dict[tuple[str, int, int], Window] = {}
        self._evidence: dict[tuple[date, str, Sequence[int]], Evidence] = {}

    def last_months(self, months: int) -> Window:
        """The last calendar months up to the horizon."""
        found = self._windows.get(("months", months, 0))
        if found is None:
            found = self._windows["months", months, 0] = self._calendar(months)
        return found

    def last_days(self, days: int, before: int = 0) -> Window:
        """The trailing days that end at the sync, or as many days `before` that."""
        found = self._windows.get(("days", days, before))
        if found is None:
            found = self._windows["days", days, before] = self._trailing(days, before)
        return found

    def missing(self, back_to: Window) -> tuple[Missing, ...]:
        """Why nothing can be computed from a window that reaches as far back as it must."""
        if self.unusable:
            return self.unusable
        if self._read_from and self._read_from > back_to.begins:
            return (Missing(Cause.NOT_FETCHED, kind=Kind.TRANSACTIONS),)
        if back_to.first is None:
            return (Missing(Cause.NO_DATA, kind=Kind.TRANSACTIONS),)
        return ()

    def evidence(self, window: Window, of: Sequence[int]) -> Evidence:
        """What a figure of some buckets rests on."""
        key = window.begins, window.horizon, of
        found = self._evidence.get(key)
        if found is None:
            found = self._evidence[key] = self._prove(window, of)
        return found

    def _prove(self, window: Window, of: Sequence[int]) -> Evidence:
        records = window.stretch.tally.records(of)
        return Evidence(
            records=records,
            first=window.first,
            last=window.last,
            horizon=window.horizon,
            grade="platform" if records else None,
            top=heaviest(window.stretch.heaviest(of)),
            sources=self._sources,
        )

    def _calendar(self, months: int) -> Window:
        first = self._horizon - months + 1
        held = [month for month in range(first, self._horizon + 1) if month in self._months]
        return Window(
            Month(first).first_day,
            Stretch([cell for month in held for cell in self._months[month]]),
            str(Month(held[0])) if held else None,
            str(Month(held[-1])) if held else None,
            str(Month(self._horizon)),
        )

    def _trailing(self, days: int, before: int) -> Window:
        parts = self._cuts.parts(days, before)
        stretch = Stretch([cell for part in parts for cell in self._parts.get(part, ())])
        dates = stretch.dates()
        return Window(
            self._cuts.first_day(days, before),
            stretch,
            min(dates).isoformat() if dates else None,
            max(dates).isoformat() if dates else None,
            self.end.isoformat(),
        )


def trade_book(case: Case) -> TradeBook:
    """The applicant's transactions."""
    return case.once("trade book", TradeBook)


def on_trade(
    book: TradeBook,
    window: Window,
    back_to: Window,
    work: Callable[[Tally], Figure | Cause],
    of: Sequence[int],
) -> Answer:
    """Work on a window's figure of some buckets; `back_to` tells quiet from no data."""
    missing = book.missing(back_to)
    if missing:
        return Answer(None, missing)
    tally = window.stretch.tally
    flaws = _flaws(tally, classed=of is not OF_ALL)
    if flaws:
        return Answer(None, flaws)
    return answer(work(tally), Kind.TRANSACTIONS, book.evidence(window, of))


def _flaws(tally: Tally, *, classed: bool) -> tuple[Missing, ...]:
    found = []
    if tally.foreign:
        found.append(Missing(Cause.MIXED_CURRENCY, kind=Kind.TRANSACTIONS))
    if classed and tally.unclassified:
        found.append(Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS))
    return in_order(found) if found else ()


def _grouped(cells: Iterable[tuple[int, Cell]]) -> dict[int, list[Cell]]:
    groups: dict[int, list[Cell]] = {}
    for key, cell in cells:
        groups.setdefault(key, []).append(cell)
    return groups
