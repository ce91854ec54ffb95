"""The newest truth: what payroll and platforms show after the months whose amount is known.

Another source may still be due there, a scheme above all. Where these months are already far worse,
nothing is lent on the better ones before them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.factors.answer import Amount, median
from decision_service.factors.horizons import SourceCoverage
from decision_service.factors.income_months import income_months
from decision_service.factors.income_sources import (
    ESTIMATE,
    MonthFacts,
    Parts,
    Reporter,
    earned,
    estimates,
    income_by_job,
    income_settlement,
    income_sources,
    platform_grade,
    platforms,
    reported_by,
    total,
)
from decision_service.factors.paychecks import paychecks
from decision_service.factors.quality import eincomes
from decision_service.factors.registry import FactorContext, once
from decision_service.factors.usage import counted

KNOWN_MONTHS = 6
LAST_MONTHS = 3
YOUNG_MONTHS = 6
CARRIES = 3
"""A source carries the income where it gives one part in three of it or more."""
FALLEN = (5, 3)
"""What is under 60 % of the usual has fallen: 5 times it is less than 3 times the usual."""
LOWER = (8, 7)
"""A total is lower by an eighth or more: what two fifths of a third take away, and no short month.

A February of 24 working days is a ninth below a month of 27.
"""

T = TypeVar("T")


class Fallen(msgspec.Struct, frozen=True):
    """A month (Month.index) that fell, and the payroll that shows it where there is one."""

    month: int
    payroll: SourceCoverage | None


def newest_truth(context: FactorContext, known: Sequence[int]) -> Fallen | None:
    """The first month after the known ones of which payroll and platforms show far less.

    `known` are the observed months up to the latest whose amount is known. A rider who moves to
    another platform has not fallen: the totals are compared. A young source is compared with
    itself, too, since the months before it hide its fall.
    """
    judges = income_settlement(context).prompt
    latest = max([source.settled for source in judges], default=0)
    months = [month for month in known if month > known[-1] - KNOWN_MONTHS]
    for month in range(known[-1] + 1, latest + 1):
        settled = [source for source in judges if source.settled >= month]
        if _total_fell(context, month, months) or _young_fell(
            context, settled, month, months=months
        ):
            payroll = [
                s for s in settled if s.payroll and _own_fell(context, s, month, months=months)
            ]
            named = min(payroll, key=lambda source: source.feeder.id, default=None)
            return Fallen(month, named)
    return None


def _total_fell(context: FactorContext, month: int, months: Sequence[int]) -> bool:
    kinds = [key for key, source in income_sources(context).items() if source.prompt]
    now = _expected(context, month, months)
    usual = median([_total(context, earlier) for earlier in months])
    return _far_below(now, usual) and _carry(context, kinds, months)


def _young_fell(
    context: FactorContext, settled: Iterable[SourceCoverage], month: int, months: Sequence[int]
) -> bool:
    """Whether a source younger than six months fell, and nothing made up for it."""
    lately = [earlier for earlier in months if earlier > months[-1] - LAST_MONTHS]
    usual = median([_total(context, earlier) for earlier in lately])
    times, totals = LOWER
    if _expected(context, month, months) * times > usual * totals:
        return False
    for source in settled:
        first = _first_income(context, source)
        if first is None or first <= months[-1] - YOUNG_MONTHS:
            continue
        own = [earlier for earlier in months if earlier >= first]
        fell = own and _own_fell(context, source, month, months=own)
        if fell and _carry(context, [_reporter(source)], lately):
            return True
    return False


def _own_fell(
    context: FactorContext, source: SourceCoverage, month: int, months: Sequence[int]
) -> bool:
    shown = _shown(context)
    usual = median([_reported(shown, source, earlier) for earlier in months])
    return _far_below(_reported(shown, source, month), usual)


def _far_below(now: Amount, usual: Amount) -> bool:
    times, usuals = FALLEN
    return now <= 0 or now * times < usual * usuals


def _total(context: FactorContext, month: int) -> Amount:
    facts = _shown(context).get(month)
    return total(income_by_job(facts, counted(context))) if facts else 0


def _expected(context: FactorContext, month: int, months: Sequence[int]) -> Amount:
    """The total of a later month, in which a source that may still add to it counts as usual."""
    shown = _shown(context)
    facts = shown.get(month, MonthFacts())
    payroll = dict(facts.payroll)
    gig = dict(facts.estimates)
    trips = dict(facts.earnings)
    for source in income_settlement(context).prompt:
        if source.settled >= month:
            continue
        account = source.feeder.id
        if source.kind is Kind.INCOMES:
            jobs = {job for m in months if m in shown for job in shown[m].payroll}
            for job in sorted(job for job in jobs if job[0] == account):
                _at_least(payroll, job, [_facts(shown, m).payroll.get(job, 0) for m in months])
        elif source.kind is Kind.EINCOMES:
            _at_least(gig, account, [_facts(shown, m).estimates.get(account, 0) for m in months])
        else:
            _at_least(trips, account, [_facts(shown, m).earnings.get(account, 0) for m in months])
    grades = {account: platform_grade(counted(context)[account]) for account in gig}
    waited = MonthFacts(payroll=payroll, estimates=gig, earnings=trips, grades=grades)
    return total(income_by_job(waited, counted(context)))


def _at_least(amounts: dict[T, Amount], key: T, earlier: Sequence[Amount]) -> None:
    usual = median(earlier)
    if usual > amounts.get(key, 0):
        amounts[key] = usual


def _carry(context: FactorContext, reporters: Collection[Reporter], months: Sequence[int]) -> bool:
    """Whether some reporters gave a third or more of the income of some months."""
    every = income_months(context).parts
    income: Amount = 0
    carried: Amount = 0
    for month in months:
        parts = every.get(month, {})
        income += total(parts)
        carried += _carried(context, parts, reporters, month=month)
    return 0 < income <= carried * CARRIES


def _carried(
    context: FactorContext, parts: Parts, reporters: Collection[Reporter], month: int
) -> Amount:
    """What of a month's income some reporters gave.

    An estimate that no named employment covers tells of the same work as a platform does.
    """
    if not parts:
        return 0
    shown = _facts(_shown(context), month)
    named = income_months(context).facts[month].named
    carried: Amount = 0
    for (form, _), part in parts.items():
        own = [amount for reporter, amount in part.reported.items() if reporter in reporters]
        if own:
            carried += max(own)
        elif form == ESTIMATE and named.isdisjoint({account for account, _ in part.reported}):
            worked = sum([reported_by(shown, reporter) for reporter in reporters])
            carried += max(min(part.amount, worked), 0)
    return carried


@once
def _first_income(context: FactorContext, source: SourceCoverage) -> int | None:
    shown = _shown(context)
    paid = [month for month in shown if _reported(shown, source, month) > 0]
    return min(paid, default=None)


@once
def _shown(context: FactorContext) -> Mapping[int, MonthFacts]:
    """What payroll and platforms show of each month, settled or not; documents are left out."""
    feeders = counted(context)
    found = dict[int, MonthFacts]()
    for check in paychecks(context).counted:
        if feeders[check.account].document:
            continue
        for month, share in check.placed.shares:
            payroll = found.setdefault(month, MonthFacts()).payroll
            job = (check.account, check.employer)
            payroll[job] = payroll.get(job, 0) + share
    for record in eincomes(context).records:
        feeder = feeders[record.source]
        ours = record.currency == context.currency
        if ours and feeder.gig and not feeder.document:
            facts = found.setdefault(record.month, MonthFacts())
            facts.estimates[feeder.id] = estimates(context)[feeder.id][record.month]
            facts.grades[feeder.id] = platform_grade(feeder)
    for feeder in platforms(context):
        if not feeder.document:
            for month, net in earned(context, feeder.id).items():
                _add_trips(found.setdefault(month, MonthFacts()), feeder.id, net)
    return found


def _add_trips(facts: MonthFacts, account: str, net: int) -> None:
    """A platform's earnings, of a month without its payroll or estimate, as income counts them."""
    if any(source == account for source, _ in facts.payroll):
        return
    if net < 0:
        facts.estimates.pop(account, None)
    if account not in facts.estimates:
        facts.earnings[account] = net


def _facts(shown: Mapping[int, MonthFacts], month: int) -> MonthFacts:
    return shown.get(month) or MonthFacts()


def _reported(shown: Mapping[int, MonthFacts], source: SourceCoverage, month: int) -> Amount:
    return reported_by(_facts(shown, month), _reporter(source))


def _reporter(source: SourceCoverage) -> Reporter:
    return source.feeder.id, source.kind
