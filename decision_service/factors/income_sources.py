"""The sources of the monthly income, with the months that each has settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from decision_service.domain.kinds import Kind
from decision_service.domain.months import Month
from decision_service.factors.case import Case
from decision_service.factors.combine import Teller
from decision_service.factors.figures import Amount
from decision_service.factors.horizons import Source, last_seen, source_of, stand_in_from
from decision_service.factors.ledger import ledger
from decision_service.factors.netting import undue
from decision_service.factors.pages import Page
from decision_service.factors.paychecks import paychecks, posted_month
from decision_service.factors.payroll import last_day_of
from decision_service.factors.records import eincomes, employments, incomes, last_day
from decision_service.factors.settlement import Settlement
from decision_service.factors.stretches import Stretch, month_of_page
from decision_service.factors.tally import OF_NET
from decision_service.factors.usage import Feeder, counted, feeding

Earned = Mapping[int, int]
"""An account's net earnings by month, of the months with an earning, a fee or a reversal."""


def income_sources(case: Case) -> Mapping[Teller, Source]:
    """Every account's kinds with income records, by account and kind."""
    return case.once("income sources", _sources)


def income_settlement(case: Case) -> Settlement:
    """Which months the sources of income have settled."""
    return case.once("income settlement", _settlement)


def platforms(case: Case) -> tuple[Feeder, ...]:
    """The counted gig accounts that have or may have transactions."""
    return tuple(f for f in feeding(case, Kind.TRANSACTIONS) if f.gig)


def earned(case: Case, feeder: Feeder) -> Earned:
    """A gig account's net earnings by month, from the first day that stands in as income."""
    return case.once(("earned", feeder.id), lambda c: _earned(c, feeder.id))


def stand_in_months(case: Case) -> range:
    """The months of which transactions may be income: 13 before as_of's, and as_of's own."""
    return case.once("stand-in months", _stand_in_months)


def _stand_in_months(case: Case) -> range:
    first = Month.of(stand_in_from(case.as_of.date)).index
    return range(first, Month.of(last_day(case)).index + 1)


def months_of_earnings(case: Case, source: str) -> Mapping[int, Stretch]:
    """A gig account's transactions of each month of which they may be income."""
    return case.once(("months of earnings", source), lambda c: _by_month(c, source))


def _by_month(case: Case, source: str) -> Mapping[int, Stretch]:
    page: Page = ledger(case).pages.get(source, ())
    return {month: month_of_page(page, month) for month in stand_in_months(case)}


def _sources(case: Case) -> Mapping[Teller, Source]:
    found = [*_estimates(case), *_payroll(case), *_earnings(case)]
    return {(source.feeder.id, source.kind): source for source in found}


def _settlement(case: Case) -> Settlement:
    today = case.as_of.date
    ended = {Month.of(r.end).index for r in employments(case).records if r.end and r.end < today}
    sources = list(income_sources(case).values())
    return Settlement(sources, ended, Month.of(today).index - 1)


def estimates(case: Case) -> Mapping[str, Mapping[int, int]]:
    """What each account estimates of each month; 0 where in another currency alone."""
    return case.once("estimates by account", _told_estimates)


def _told_estimates(case: Case) -> Mapping[str, Mapping[int, int]]:
    amounts: dict[str, dict[int, int]] = {}
    for record in eincomes(case).records:
        months = amounts.setdefault(record.source, {})
        ours = record.amount if record.currency == case.currency else 0
        months[record.month] = months.get(record.month, 0) + ours
    return amounts


def _estimates(case: Case) -> Iterable[Source]:
    for source, months in estimates(case).items():
        yield _source(case, source, Kind.EINCOMES, months, months)


def _payroll(case: Case) -> Iterable[Source]:
    posted: dict[str, set[int]] = {}
    amounts: dict[str, dict[int, Amount]] = {}
    for record in incomes(case).records:
        seen = Month.of(last_seen(case.as_of, counted(case)[record.source])).index
        posted.setdefault(record.source, set()).add(posted_month(record, seen))
        months = amounts.setdefault(record.source, {})
        months.setdefault(Month.of(last_day_of(record)).index, 0)
    for check in paychecks(case).counted:
        for month, share in check.placed.shares:
            months = amounts[check.account]
            months[month] = months.get(month, 0) + share
    for source, months in amounts.items():
        yield _source(case, source, Kind.INCOMES, posted[source], months)


def _earnings(case: Case) -> Iterable[Source]:
    for feeder in platforms(case):
        months = earned(case, feeder)
        if months:
            yield _source(case, feeder.id, Kind.TRANSACTIONS, months, months)


def _source(
    case: Case, source: str, kind: Kind, posted: Iterable[int], amounts: Mapping[int, Amount]
) -> Source:
    paid = [month for month, amount in amounts.items() if amount > 0]
    feeder = counted(case)[source]
    newest, income = max(amounts), max(paid, default=None)
    return source_of(case, feeder, kind, frozenset(posted), newest=newest, newest_income=income)


def _earned(case: Case, source: str) -> Earned:
    if source not in ledger(case).pages:
        return {}
    page, since = ledger(case).pages[source], stand_in_months(case).start
    tallies = [(month, s.tally) for month, s in months_of_earnings(case, source).items()]
    return {m: t.net - undue(page, m, since) for m, t in tallies if t.records(OF_NET)}
