"""Transactions by source, each source's in order of their dates and by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.domain.snapshot import Transaction
from decision_service.factors.classes import Classifier
from decision_service.factors.context import FactorContext
from decision_service.factors.pages import Page, page_of
from decision_service.factors.reading import sources_naming
from decision_service.factors.records import bad_date, last_day, transactions
from decision_service.factors.usage import counted


class Ledger(msgspec.Struct, frozen=True):
    """`pages` by source, of those that have a transaction; `taints` are contradictions and
    impossible dates.
    """

    pages: Mapping[str, Page]
    taints: tuple[Missing, ...]


def ledger(context: FactorContext) -> Ledger:
    """The transactions of all counted sources."""
    return context.once("ledger", _ledger)


def _ledger(context: FactorContext) -> Ledger:
    clean, end = transactions(context), last_day(context)
    pages = {}
    for source, records in _by_source(context, clean.records).items():
        provider = counted(context)[source].provider_id
        classifier = Classifier(provider, context.policy.transaction_classes)
        pages[source] = page_of(records, classifier, context.currency)
    late = [source for source, page in pages.items() if any(r.dates[-1] > end for _, r in page)]
    return Ledger(pages, clean.taints + tuple(bad_date(Kind.TRANSACTIONS, s) for s in late))


def _by_source(
    context: FactorContext, records: Sequence[Transaction]
) -> Mapping[str, Sequence[Transaction]]:
    known = {source for source, feeder in counted(context).items() if feeder.known}
    sources = sorted(sources_naming(context, Kind.TRANSACTIONS) & known)
    if len(sources) == 1:
        return {sources[0]: records}
    return {source: [r for r in records if r.source == source] for source in sources}
