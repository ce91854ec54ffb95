"""The sources of the monthly income, with the months that each has settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from math import ceil

from decision_service.domain.kinds import Kind
from decision_service.domain.months import Month
from decision_service.domain.needs import DataPolicy
from decision_service.domain.snapshot import Income
from decision_service.factors.combine import Reporter
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Amount
from decision_service.factors.horizons import SourceCoverage, last_seen, source_of, stand_in_from
from decision_service.factors.ledger import ledger
from decision_service.factors.netting import unexplained, within_days
from decision_service.factors.pages import Page
from decision_service.factors.paychecks import paychecks, posted_month
from decision_service.factors.payroll import last_day_of, pay_delay
from decision_service.factors.records import eincomes, employments, incomes, last_day
from decision_service.factors.settlement import Settlement
from decision_service.factors.stretches import Stretch, first_of, month_of_page
from decision_service.factors.tally import OF_NET
from decision_service.factors.usage import Feeder, counted, feeding

Earned = Mapping[int, int]
"""An account's net earnings by month, of the months with an earning, a fee or a reversal."""


def income_sources(context: FactorContext) -> Mapping[Reporter, SourceCoverage]:
    """Every account's kinds with income records, by account and kind."""
    return context.once("income sources", _sources)


def income_settlement(context: FactorContext) -> Settlement:
    """Which months the sources of income have settled."""
    return context.once("income settlement", _settlement)


def platforms(context: FactorContext) -> tuple[Feeder, ...]:
    """The counted gig accounts that have or may have transactions."""
    return tuple(f for f in feeding(context, Kind.TRANSACTIONS) if f.gig)


def earned(context: FactorContext, feeder: Feeder) -> Earned:
    """A gig account's net earnings by month, from the first day that stands in as income."""
    return context.once(("earned", feeder.id), lambda c: _earned(c, feeder.id))


def stand_in_months(context: FactorContext) -> range:
    """The months of which transactions may be income: 13 before as_of's, and as_of's own."""
    return context.once("stand-in months", _stand_in_months)


def _stand_in_months(context: FactorContext) -> range:
    first = Month.of(stand_in_from(context.as_of.date)).index
    return range(first, Month.of(last_day(context)).index + 1)


def months_of_earnings(context: FactorContext, source: str) -> Mapping[int, Stretch]:
    """A gig account's transactions of each month of which they may be income."""
    return context.once(("months of earnings", source), lambda c: _by_month(c, source))


def _by_month(context: FactorContext, source: str) -> Mapping[int, Stretch]:
    page: Page = ledger(context).pages.get(source, ())
    return {month: month_of_page(page, month) for month in stand_in_months(context)}


def _sources(context: FactorContext) -> Mapping[Reporter, SourceCoverage]:
    found = [*_estimates(context), *_payroll(context), *_earnings(context)]
    return {(source.feeder.id, source.kind): source for source in found}


def _settlement(context: FactorContext) -> Settlement:
    today = context.as_of.date
    ended = {Month.of(r.end).index for r in employments(context).records if r.end and r.end < today}
    sources = list(income_sources(context).values())
    return Settlement(sources, ended, Month.of(today).index - 1)


def estimates(context: FactorContext) -> Mapping[str, Mapping[int, int]]:
    """What each account estimates of each month, up to its scheme's legal ceiling.

    0 where in another currency alone.
    """
    return context.once("estimates by account", _reported_estimates)


def _reported_estimates(context: FactorContext) -> Mapping[str, Mapping[int, int]]:
    amounts: dict[str, dict[int, int]] = {}
    for record in eincomes(context).records:
        months = amounts.setdefault(record.source, {})
        ours = record.amount if record.currency == context.currency else 0
        months[record.month] = months.get(record.month, 0) + ours
    for source, months in amounts.items():
        provider = counted(context)[source].provider_id
        for month, amount in months.items():
            ceiling = ceiling_of(context.policy, provider, month)
            months[month] = amount if ceiling is None else min(amount, ceiling)
    return amounts


def ceiling_of(policy: DataPolicy, provider_id: str, month: int) -> int | None:
    """The most that a scheme can tell of a month's income, in minor units; None: no bound."""
    day = Month(month).first_day
    fitting = [
        c
        for c in policy.ceilings
        if c.since <= day and c.currency == policy.currency and fnmatchcase(provider_id, c.provider)
    ]
    return max(fitting, key=lambda c: c.since).amount if fitting else None


def _estimates(context: FactorContext) -> Iterable[SourceCoverage]:
    for source, months in estimates(context).items():
        yield _source(context, source, Kind.EINCOMES, months, months)


def _payroll(context: FactorContext) -> Iterable[SourceCoverage]:
    posted: dict[str, set[int]] = {}
    amounts: dict[str, dict[int, Amount]] = {}
    records: dict[str, list[Income]] = {}
    for record in incomes(context).records:
        records.setdefault(record.source, []).append(record)
        seen = Month.of(last_seen(context.as_of, counted(context)[record.source])).index
        posted.setdefault(record.source, set()).add(posted_month(record, seen))
        months = amounts.setdefault(record.source, {})
        months.setdefault(Month.of(last_day_of(record)).index, 0)
    for check in paychecks(context).counted:
        for month, share in check.placed.shares:
            months = amounts[check.account]
            months[month] = months.get(month, 0) + share
    for source, months in amounts.items():
        delay = ceil(pay_delay(records[source]) or 0)
        yield _source(context, source, Kind.INCOMES, posted[source], months, delay)


def _earnings(context: FactorContext) -> Iterable[SourceCoverage]:
    for feeder in platforms(context):
        months = earned(context, feeder)
        if months:
            yield _source(context, feeder.id, Kind.TRANSACTIONS, months, months)


def _source(
    context: FactorContext,
    source: str,
    kind: Kind,
    posted: Iterable[int],
    amounts: Mapping[int, Amount],
    delay: int = 0,
) -> SourceCoverage:
    paid = [month for month, amount in amounts.items() if amount > 0]
    feeder = counted(context)[source]
    newest, income = max(amounts), max(paid, default=None)
    posted = frozenset(posted)
    return source_of(
        context, feeder, kind, posted, newest=newest, newest_income=income, delay=delay
    )


def _earned(context: FactorContext, source: str) -> Earned:
    if source not in ledger(context).pages:
        return {}
    undue = unexplained(context, source)
    tallies = [(month, s.tally) for month, s in months_of_earnings(context, source).items()]
    return {
        m: t.net - within_days(undue, first_of(m), first_of(m + 1))
        for m, t in tallies
        if t.records(OF_NET)
    }
