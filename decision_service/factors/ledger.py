"""Transactions by source and day, summed by class in one pass over integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.domain.snapshot import Transaction
from decision_service.factors.case import Case
from decision_service.factors.classes import CREDIT, DEBIT, ZERO, Classifier
from decision_service.factors.reading import sources_naming
from decision_service.factors.records import bad_date, last_day, transactions
from decision_service.factors.tally import FOREIGN, Buckets, Tally, empty_buckets
from decision_service.factors.usage import counted

Page = Mapping[date, Buckets]
"""One source's days, in order."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """`pages` by source; `taints` are contradictions and impossible dates."""

    pages: Mapping[str, Page]
    taints: tuple[Missing, ...]


def ledger(case: Case) -> Ledger:
    """The transactions of all counted sources."""
    return case.once("ledger", _ledger)


def by_month(page: Page) -> dict[int, Tally]:
    """A page's days added up by month (Month.index), in order."""
    months: dict[int, list[tuple[date, Buckets]]] = {}
    for day, buckets in page.items():
        months.setdefault(day.year * 12 + day.month - 1, []).append((day, buckets))
    return {index: Tally(days) for index, days in months.items()}


def page_months(case: Case, source: str) -> dict[int, Tally]:
    """One source's transactions by month."""
    page = ledger(case).pages.get(source, {})
    return case.once(("months", source), lambda _: by_month(page))


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


class _Days(dict[date, Buckets]):
    def __missing__(self, day: date) -> Buckets:
        found = self[day] = empty_buckets()
        return found


def _page(records: Sequence[Transaction], classifier: Classifier, currency: str) -> Page:
    """One source's days: the one loop over every transaction, with all look-ups in C."""
    days = _Days()
    homes = map(days.__getitem__, [r.date for r in records])
    classes = map(classifier.__getitem__, [r.description for r in records])
    signs = [CREDIT if r.amount > 0 else DEBIT if r.amount else ZERO for r in records]
    for home, signed, sign, record in zip(homes, classes, signs, records, strict=True):
        home[signed[sign]].append(record)
    if {r.currency for r in records} != {currency}:
        _set_foreign_apart(days, currency)
    return {day: days[day] for day in sorted(days)}


def _set_foreign_apart(days: Mapping[date, Buckets], currency: str) -> None:
    for buckets in days.values():
        for bucket in buckets[:FOREIGN]:
            buckets[FOREIGN].extend(r for r in bucket if r.currency != currency)
            bucket[:] = [r for r in bucket if r.currency == currency]


def _impossible(case: Case, pages: Mapping[str, Page]) -> tuple[Missing, ...]:
    end = last_day(case)
    late = [source for source, page in pages.items() if page and max(page) > end]
    return tuple(bad_date(Kind.TRANSACTIONS, source) for source in sorted(late))
