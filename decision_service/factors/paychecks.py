"""Payroll as it counts: each pay once, by account, employer and month."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from operator import attrgetter

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Income
from decision_service.domain.values import Cause, DataReason, Missing, Month
from decision_service.factors.answer import Amount
from decision_service.factors.payroll import (
    LONGEST_MONTH,
    SHORT_DAYS,
    Payment,
    PayrollJob,
    PlacedAmount,
    amount_of,
    known_frequency,
    last_day_of,
    months_touched,
    one_job,
    payroll_jobs,
    place,
)
from decision_service.factors.quality import incomes
from decision_service.factors.registry import FactorContext, once
from decision_service.factors.usage import counted

CLOSE = 20
"""A summary replaces its parts where it is within one part in twenty (5 %) of their sum."""


MOST_PAYSLIPS = 2000
"""Of one job, the newest; more are no payroll, and would take too long to compare."""
LAST_DAYS = 7
"""A record posts its own month where its period ends in so many last days of it."""

SHOWN_OVERLAPS = 3
"""So many of a month are named; more would not help."""

Flaw = tuple[int, Missing]
"""A month, and what is wrong with it."""


class Payslip(msgspec.Struct, frozen=True):
    """Both days count; `reported` is False, and `amount` 0, where the record has no amount."""

    record: Income
    start: date
    last: date
    amount: int
    reported: bool

    @property
    def days(self) -> int:
        return (self.last - self.start).days + 1

    def contains(self, other: Payslip) -> bool:
        return self.start <= other.start and other.last <= self.last and self.days > other.days


def newest_first(slips: Iterable[Payslip]) -> Sequence[Payslip]:
    return sorted(slips, key=lambda s: (s.start, s.last, s.record.id), reverse=True)


class Paid(msgspec.Struct, frozen=True):
    """One job's payslips that count, those that overlap each other, and those parallel to others.

    `parallel` are records whose period contains others that they do not sum up: both count.
    `crossing` are those of more than a month whose period others cross: the larger counts.
    `again` are those of which another amount was reported, too: of an overtime run, or corrected.
    """

    counted: tuple[Payslip, ...]
    overlaps: tuple[tuple[Payslip, Payslip], ...]
    parallel: tuple[Payslip, ...]
    crossing: frozenset[Payslip]
    again: tuple[Payslip, ...]


def payslip(record: Income) -> Payslip:
    found = amount_of(record)
    amount = found[0] if found else 0
    return Payslip(
        record, record.start, last_day_of(record), amount=amount, reported=found is not None
    )


def paid_once(slips: Iterable[Payslip]) -> Paid:
    """The payslips of one account's job with each pay once.

    Equal periods are the same pay, with the larger amount, where they are longer than two days or
    the amounts are equal. A period that contains others replaces them where its amount is within
    5 % of their sum. Any other overlap of more than two days is a contradiction, unless a period of
    more than a month is in it (a 13th month). Amounts below zero are corrections: each counts once,
    besides the pay of whatever period.
    """
    kept: list[Payslip] = []
    parallel: list[Payslip] = []
    given = list(slips)
    corrections = _distinct(s for s in given if s.amount < 0)
    paid = _distinct(s for s in given if s.amount >= 0)
    for slip in sorted(paid, key=lambda s: (s.days, s.start, s.record.id)):
        first = bisect_left(kept, slip.start, key=attrgetter("start"))
        end = bisect_right(kept, slip.last, key=attrgetter("start"))
        parts = [other for other in kept[first:end] if slip.contains(other)]
        whole = sum(part.amount for part in parts)
        if parts and abs(slip.amount - whole) * CLOSE <= abs(whole):
            kept[first:end] = [other for other in kept[first:end] if not slip.contains(other)]
        elif parts:
            parallel.append(slip)
        insort(kept, slip, key=attrgetter("start"))
    found = list(_overlaps(kept))
    crossing = frozenset(s for pair in found for s in pair if s.days > LONGEST_MONTH)
    overlaps = tuple(pair for pair in found if crossing.isdisjoint(pair))
    extra = tuple(s for s in parallel if s in kept and s not in crossing)
    last = sorted(crossing, key=lambda s: (s.days, s.start))
    counted = (*(s for s in kept if s not in crossing), *last, *corrections)
    amounts = {(s.start, s.last, s.amount) for s in given if s.reported and s.amount >= 0}
    periods = Counter((start, last) for start, last, _ in amounts)
    again = tuple(s for s in kept if s.days > SHORT_DAYS and periods[s.start, s.last] > 1)
    return Paid(counted, overlaps, extra, crossing=crossing, again=again)


def _distinct(slips: Iterable[Payslip]) -> Sequence[Payslip]:
    found: dict[tuple[date, date, object], Payslip] = {}
    for slip in sorted(slips, key=lambda s: (not s.reported, -abs(s.amount), s.record.id)):
        told_apart = (slip.reported, slip.amount) if slip.days <= SHORT_DAYS else None
        found.setdefault((slip.start, slip.last, told_apart), slip)
    return list(found.values())


def _overlaps(ordered: Sequence[Payslip]) -> Iterable[tuple[Payslip, Payslip]]:
    """Those that have more than two days in common, neither containing the other."""
    for index, slip in enumerate(ordered):
        for other in ordered[index + 1 :]:
            if other.start > slip.last - timedelta(days=SHORT_DAYS):
                break
            apart = slip.contains(other) or other.contains(slip)
            shared = min(slip.last, other.last) - max(slip.start, other.start)
            if not apart and shared.days + 1 > SHORT_DAYS:
                yield slip, other


class Paycheck(msgspec.Struct, frozen=True):
    """A payslip that counts, with the account and the employer of its job."""

    slip: Payslip
    account: str
    employer: str
    placed: PlacedAmount
    base: str


class Paychecks(msgspec.Struct, frozen=True):
    """All payroll: what counts, what is wrong with months, the records that cannot be added up.

    A payslip without an amount counts with 0: no estimate takes its place.
    `overlaps` are months of an account whose amount two overlapping payslips leave unknown,
    `parallel` the pay months of records that count besides those that their period contains,
    `crossing` of those whose period others cross, `again` of those with another amount, too.
    `employers` are those of each account's jobs.
    """

    counted: tuple[Paycheck, ...]
    flaws: tuple[Flaw, ...]
    flawed: tuple[Income, ...]
    parallel: frozenset[int]
    crossing: frozenset[int]
    again: frozenset[int]
    overlaps: tuple[Flaw, ...]
    employers: Mapping[PayrollJob, str]


@once
def paychecks(context: FactorContext) -> Paychecks:
    records = incomes(context).records
    jobs = payroll_jobs(records, context.policy)
    unread = [record for record in records if not known_frequency(record.frequency)]
    ours = _by_job([r for r in records if r.currency == context.currency], jobs)
    paid = {job: paid_once(found[:MOST_PAYSLIPS]) for job, found in ours.items()}
    names = one_job({job: _payments(context, found) for job, found in ours.items()})
    unreported = [s.record for one in paid.values() for s in one.counted if not s.reported]
    return Paychecks(
        tuple(check for job, one in paid.items() for check in _counted(one, job, names)),
        (*_flaws(context, [*unread, *unreported]), *_too_many(ours)),
        (*unread, *_foreign(context, records, jobs)),
        parallel=frozenset(pay_month(s.record) for one in paid.values() for s in one.parallel),
        crossing=frozenset(pay_month(s.record) for one in paid.values() for s in one.crossing),
        again=frozenset(pay_month(s.record) for one in paid.values() for s in one.again),
        overlaps=tuple(_overlap_flaws(paid)),
        employers=names,
    )


def posted_month(record: Income, seen_month: int) -> int:
    """The last month that a payroll record posts.

    Its own, the one in which its period ends, where that is in the month's last 7 days; else the
    month before. A period of over a month posts nothing after its start before it has ended.
    """
    last = last_day_of(record)
    month = Month.of(last)
    if (last - record.start).days + 1 > LONGEST_MONTH and month.index >= seen_month:
        return Month.of(record.start).index - 1
    ends = (month.last_day - last).days < LAST_DAYS
    return month.index if ends else month.index - 1


def _by_job(
    records: Sequence[Income], jobs: Mapping[str, PayrollJob]
) -> Mapping[PayrollJob, Sequence[Payslip]]:
    found: dict[PayrollJob, list[Payslip]] = {}
    for record in records:
        if known_frequency(record.frequency):
            found.setdefault(jobs[record.id], []).append(payslip(record))
    return {job: newest_first(found[job]) for job in sorted(found)}


def _foreign(
    context: FactorContext, records: Sequence[Income], jobs: Mapping[str, PayrollJob]
) -> Iterable[Income]:
    for currency in {record.currency for record in records} - {context.currency}:
        slips = _by_job([r for r in records if r.currency == currency], jobs)
        for found in slips.values():
            yield from (slip.record for slip in paid_once(found[:MOST_PAYSLIPS]).counted)


def _counted(paid: Paid, job: PayrollJob, names: Mapping[PayrollJob, str]) -> Iterable[Paycheck]:
    """Each payslip by month; one that others cross adds what it reports beyond them."""
    months: dict[int, Amount] = {}
    for slip in paid.counted:
        reported = amount_of(slip.record)
        base = reported[1] if reported else ""
        placed = place(slip.record, slip.amount)
        if slip in paid.crossing:
            more = [(m, max(amount - months.get(m, 0), 0)) for m, amount in placed.shares]
            placed = PlacedAmount(placed.pay_month, tuple(more))
        for month, amount in placed.shares:
            months[month] = months.get(month, 0) + amount
        yield Paycheck(slip, job[0], names[job], placed=placed, base=base)


def _payments(context: FactorContext, slips: Sequence[Payslip]) -> Iterable[Payment]:
    """All that is reported of a job's pay, summaries and what they sum up alike; no platform's."""
    if counted(context)[slips[0].record.source].gig:
        return ()
    return ((s.start.isoformat(), s.last.isoformat(), s.amount) for s in slips if s.reported)


def pay_month(record: Income) -> int:
    """The month that a record counts in as one record."""
    return Month.of(record.end or record.start).index


def _flaws(context: FactorContext, records: Iterable[Income]) -> Iterable[Flaw]:
    for record in records:
        if record.currency == context.currency:
            kind = Kind.INCOMES
            source = record.source
            flaw = Missing(Cause.NO_DATA, kind=kind, source=source, detail="amount")
            if not known_frequency(record.frequency):
                code = DataReason.UNKNOWN_ENUM
                flaw = Missing(Cause.BAD_DATA, code, kind, source=source, detail="frequency")
            for month in flawed_months(record):
                yield month, flaw


def flawed_months(record: Income) -> Iterable[int]:
    """Where the amount belongs; with an unknown frequency every month that its days touch."""
    if known_frequency(record.frequency):
        return [month for month, _ in place(record, 0).shares]
    return months_touched(record)


def _overlap_flaws(paid: Mapping[PayrollJob, Paid]) -> Iterable[Flaw]:
    for (account, _), one in paid.items():
        found: dict[int, list[str]] = {}
        for slip, other in one.overlaps:
            months = {*months_touched(slip.record), *months_touched(other.record)}
            for month in months:
                found.setdefault(month, []).append(f"{_period(slip)} and {_period(other)}")
        for month, periods in found.items():
            detail = "; ".join(periods[:SHOWN_OVERLAPS])
            code = DataReason.PAYSLIPS_OVERLAP
            yield (
                month,
                Missing(
                    Cause.BAD_DATA,
                    code,
                    Kind.INCOMES,
                    source=account,
                    account_error=None,
                    detail=detail,
                    month=month,
                ),
            )


def _period(slip: Payslip) -> str:
    return f"{slip.start.isoformat()} to {slip.last.isoformat()}"


def _too_many(slips: Mapping[PayrollJob, Sequence[Payslip]]) -> Iterable[Flaw]:
    for job, found in slips.items():
        for slip in found[MOST_PAYSLIPS:]:
            code = DataReason.DATA_TOO_LARGE
            yield pay_month(slip.record), Missing(Cause.BAD_DATA, code, Kind.INCOMES, source=job[0])
