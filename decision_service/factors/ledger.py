"""Transactions by source, month and part of the trailing days, sorted in one pass."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.domain.snapshot import Transaction
from decision_service.factors.case import Case
from decision_service.factors.cells import Buckets, Cell, Stretch
from decision_service.factors.civil import month_of
from decision_service.factors.classes import Classifier
from decision_service.factors.cuts import Cuts
from decision_service.factors.horizons import trailing_end
from decision_service.factors.reading import sources_naming
from decision_service.factors.records import bad_date, last_day, transactions
from decision_service.factors.usage import counted, feeding

Place = tuple[int, int]
"""A month (Month.index) and a part of the trailing days."""

Page = Mapping[Place, Cell]
"""One source's transactions."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """`pages` by source; `taints` are contradictions and impossible dates."""

    pages: Mapping[str, Page]
    cuts: Cuts
    taints: tuple[Missing, ...]


def ledger(case: Case) -> Ledger:
    """The transactions of all counted sources."""
    return case.once("ledger", _ledger)


def months_of(case: Case, source: str) -> Mapping[int, Stretch]:
    """One source's transactions by month."""
    return case.once(("months", source), lambda _: _months(ledger(case).pages.get(source, {})))


def _ledger(case: Case) -> Ledger:
    clean = transactions(case)
    cuts = Cuts.to(trailing_end(case.as_of, feeding(case, Kind.TRANSACTIONS)))
    pages = {}
    for source, records in _by_source(case, clean.records).items():
        provider = counted(case)[source].provider_id
        classifier = Classifier(provider, case.policy.transaction_classes)
        pages[source] = _page(records, classifier, cuts, case.currency)
    return Ledger(pages, cuts, clean.taints + _impossible(case, pages, cuts))


def _by_source(case: Case, records: Sequence[Transaction]) -> Mapping[str, Sequence[Transaction]]:
    sources = sorted(sources_naming(case, Kind.TRANSACTIONS) & counted(case).keys())
    if len(sources) == 1:
        return {sources[0]: records}
    return {source: [r for r in records if r.source == source] for source in sources}


class _Homes(dict[date, Buckets]):
    """The buckets of each date: those of its cell."""

    def __init__(self, cuts: Cuts) -> None:
        super().__init__()
        self._starts = cuts.starts
        self.page: defaultdict[Place, Cell] = defaultdict(Cell)

    def __missing__(self, day: date) -> Buckets:
        cell = self.page[month_of(day), bisect_right(self._starts, day)]
        cell.dates.append(day)
        self[day] = cell.buckets
        return cell.buckets


def _page(
    records: Sequence[Transaction], classifier: Classifier, cuts: Cuts, currency: str
) -> Page:
    """One source's page: the one loop over every transaction, with all look-ups in C."""
    homes = _Homes(cuts)
    places = map(homes.__getitem__, [r.date for r in records])
    classes = map(classifier.__getitem__, [r.description for r in records])
    signs = [1 if r.amount > 0 else -1 if r.amount else 0 for r in records]
    for place, signed, sign, record in zip(places, classes, signs, records, strict=True):
        place[signed[sign]].append(record)
    if {r.currency for r in records} != {currency}:
        for cell in homes.page.values():
            cell.set_foreign_apart(currency)
    return homes.page


def _months(page: Page) -> Mapping[int, Stretch]:
    cells: dict[int, list[Cell]] = {}
    for (month, _), cell in page.items():
        cells.setdefault(month, []).append(cell)
    return {month: Stretch(several) for month, several in cells.items()}


def _impossible(case: Case, pages: Mapping[str, Page], cuts: Cuts) -> tuple[Missing, ...]:
    """Sources with a transaction later than tomorrow, which all lie after the trailing days."""
    end = last_day(case)
    late = [
        source
        for source, page in pages.items()
        for (_, part), cell in page.items()
        if part == cuts.after and max(cell.dates) > end
    ]
    return tuple(bad_date(Kind.TRANSACTIONS, source) for source in late)
