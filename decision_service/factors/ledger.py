"""Transactions by source, month and class, sorted in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.domain.months import Month
from decision_service.domain.snapshot import Transaction
from decision_service.factors.case import Case
from decision_service.factors.classes import CREDIT, DEBIT, ZERO, Classifier
from decision_service.factors.reading import sources_naming
from decision_service.factors.records import bad_date, last_day, transactions
from decision_service.factors.tally import FOREIGN, Buckets, Tally, empty_buckets
from decision_service.factors.usage import counted

Page = Mapping[int, Buckets]
"""One source's transactions by month (Month.index)."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """`pages` by source; `taints` are contradictions and impossible dates."""

    pages: Mapping[str, Page]
    taints: tuple[Missing, ...]


def ledger(case: Case) -> Ledger:
    """The transactions of all counted sources."""
    return case.once("ledger", _ledger)


def page_tallies(case: Case, source: str) -> Mapping[int, Tally]:
    """One source's transactions added up by month."""
    page = ledger(case).pages.get(source, {})
    return case.once(("tallies", source), lambda _: {m: Tally(b) for m, b in page.items()})


def _ledger(case: Case) -> Ledger:
    clean = transactions(case)
    pages = {}
    for source, records in _by_source(case, clean.records).items():
        provider = counted(case)[source].provider_id
        classifier = Classifier(provider, case.policy.transaction_classes)
        pages[source] = _page(records, classifier, case.currency)
    return Ledger(pages, clean.taints + _impossible(case, pages))


def _by_source(case: Case, records: Sequence[Transaction]) -> Mapping[str, Sequence[Transaction]]:
    sources = sorted(sources_naming(case, Kind.TRANSACTIONS) & counted(case).keys())
    if len(sources) == 1:
        return {sources[0]: records}
    return {source: [r for r in records if r.source == source] for source in sources}


class _Homes(dict[date, Buckets]):
    """The buckets of each date: those of its month."""

    def __init__(self) -> None:
        super().__init__()
        self.page: dict[int, Buckets] = {}

    def __missing__(self, day: date) -> Buckets:
        month = day.year * 12 + day.month - 1
        found = self.page.get(month)
        if found is None:
            found = self.page[month] = empty_buckets()
        self[day] = found
        return found


def _page(records: Sequence[Transaction], classifier: Classifier, currency: str) -> Page:
    """One source's page: the one loop over every transaction, with all look-ups in C."""
    homes = _Homes()
    places = map(homes.__getitem__, [r.date for r in records])
    classes = map(classifier.__getitem__, [r.description for r in records])
    signs = [CREDIT if r.amount > 0 else DEBIT if r.amount else ZERO for r in records]
    for place, signed, sign, record in zip(places, classes, signs, records, strict=True):
        place[signed[sign]].append(record)
    if {r.currency for r in records} != {currency}:
        _set_foreign_apart(homes.page, currency)
    return homes.page


def _set_foreign_apart(page: Page, currency: str) -> None:
    for buckets in page.values():
        for bucket in buckets[:FOREIGN]:
            buckets[FOREIGN].extend(r for r in bucket if r.currency != currency)
            bucket[:] = [r for r in bucket if r.currency == currency]


def _impossible(case: Case, pages: Mapping[str, Page]) -> tuple[Missing, ...]:
    end = last_day(case)
    late = [source for source, page in pages.items() if _reaches_past(page, end)]
    return tuple(bad_date(Kind.TRANSACTIONS, source) for source in late)


def _reaches_past(page: Page, end: date) -> bool:
    months = [buckets for month, buckets in page.items() if month >= Month.of(end).index]
    records = chain.from_iterable(chain.from_iterable(months))
    return any(record.date > end for record in records)
