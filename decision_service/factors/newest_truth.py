"""The sources that carry the income and already show, in a later month, that it fell."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.factors.combine import MonthFacts, Reporter, reported_by, total
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Amount, median
from decision_service.factors.horizons import SourceCoverage
from decision_service.factors.income_months import income_months, income_parts
from decision_service.factors.income_sources import earned
from decision_service.factors.settlement import Settlement

KNOWN_MONTHS = 6
CARRIES = 3
"""A source carries the income where it gives one part in three of it or more."""
FALLEN = (5, 3)
"""A month under 60 % of the source's median has fallen: 5 times it is less than 3 medians."""


class Fallen(msgspec.Struct, frozen=True):
    """A source that carried the income and shows none, or far less, of a later month."""

    source: SourceCoverage
    month: int


def newest_truth(
    context: FactorContext, settled: Settlement, known: Sequence[int]
) -> Sequence[Fallen]:
    """The live sources that carry the last 6 known months and fell in a month after them.

    `known` are the observed months up to the latest whose amount is known. The earliest fall is
    first, then the first in text order.
    """
    horizon = known[-1]
    months = [month for month in known if month > horizon - KNOWN_MONTHS]
    found = [
        Fallen(source, fell)
        for source in settled.sources
        if source.live and source.settled > horizon and _carries(context, source, months)
        if (fell := _fell(context, settled, source, months)) is not None
    ]
    return sorted(found, key=lambda one: (one.month, one.source.feeder.id))


def _carries(context: FactorContext, source: SourceCoverage, months: Sequence[int]) -> bool:
    income = sum(total(income_parts(context).get(month, {})) for month in months)
    carried = sum(_counted(context, source, month) for month in months)
    return 0 < income <= carried * CARRIES


def _fell(
    context: FactorContext, settled: Settlement, source: SourceCoverage, months: Sequence[int]
) -> int | None:
    """The first later month in which the source shows less than it did."""
    usual = median([_reported(context, source, month) for month in months])
    later = range(months[-1] + 1, source.settled + 1)
    low = (
        m
        for m in later
        if settled.settles(source, m) and _low(_reported(context, source, m), usual)
    )
    return next(low, None)


def _low(amount: Amount, usual: Amount) -> bool:
    times, medians = FALLEN
    return amount <= 0 or amount * times < usual * medians


def _counted(context: FactorContext, source: SourceCoverage, month: int) -> Amount:
    """What a source tells of a month's income where its telling is what counts."""
    parts = income_parts(context).get(month, {})
    return sum(part.reported.get(_reporter(source), 0) for part in parts.values())


def _reported(context: FactorContext, source: SourceCoverage, month: int) -> Amount:
    """What a source tells of a month that it has settled; of earnings also beside an estimate."""
    if source.kind is Kind.TRANSACTIONS:
        return earned(context, source.feeder).get(month, 0)
    facts = income_months(context).facts.get(month, MonthFacts())
    return reported_by(facts, _reporter(source))


def _reporter(source: SourceCoverage) -> Reporter:
    return source.feeder.id, source.kind
