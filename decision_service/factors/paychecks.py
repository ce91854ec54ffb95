"""Payroll as it counts: each pay once, by account, employer and month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.months import Month
from decision_service.domain.snapshot import Income
from decision_service.factors.context import FactorContext
from decision_service.factors.employers import Payment, PayrollJob, one_job, payroll_jobs
from decision_service.factors.figures import Amount
from decision_service.factors.payroll import (
    LONGEST_MONTH,
    PlacedAmount,
    amount_of,
    known_frequency,
    last_day_of,
    months_touched,
    place,
)
from decision_service.factors.payslips import Paid, Payslip, paid_once, payslip
from decision_service.factors.records import incomes
from decision_service.factors.usage import counted

MOST_PAYSLIPS = 2000
"""Of one job; more are no payroll, and would take too long to compare."""
LAST_DAYS = 7
"""A record posts its own month where its period ends in so many last days of it."""

SHOWN_OVERLAPS = 3
"""So many of a month are named; more would not help."""

Flaw = tuple[int, Missing]
"""A month, and what is wrong with it."""


class Paycheck(msgspec.Struct, frozen=True):
    """A payslip that counts, with the account and the employer that stands for its job."""

    slip: Payslip
    account: str
    employer: str
    placed: PlacedAmount
    base: str


class Paychecks(msgspec.Struct, frozen=True):
    """All payroll: what counts, what is wrong with months, the records that cannot be added up.

    A payslip that tells no amount counts with 0: no estimate takes its place.
    `overlaps` are months of an account whose amount two overlapping payslips leave unknown,
    `parallel` the pay months of records that count beside those that their period contains,
    `crossing` of those whose period others cross.
    `employers` are the ones that stand for each account's jobs.
    """

    counted: tuple[Paycheck, ...]
    flaws: tuple[Flaw, ...]
    flawed: tuple[Income, ...]
    parallel: frozenset[int]
    crossing: frozenset[int]
    overlaps: tuple[Flaw, ...]
    employers: Mapping[PayrollJob, str]


def paychecks(context: FactorContext) -> Paychecks:
    """The applicant's payroll."""
    return context.once("paychecks", _paychecks)


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


def _paychecks(context: FactorContext) -> Paychecks:
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
        frozenset(pay_month(s.record) for one in paid.values() for s in one.parallel),
        frozenset(pay_month(s.record) for one in paid.values() for s in one.crossing),
        tuple(_overlaps(paid)),
        names,
    )


def _by_job(
    records: Sequence[Income], jobs: Mapping[str, PayrollJob]
) -> Mapping[PayrollJob, Sequence[Payslip]]:
    """The payslips of each job; a record whose frequency nobody knows is none."""
    found: dict[PayrollJob, list[Payslip]] = {}
    for record in records:
        if known_frequency(record.frequency):
            found.setdefault(jobs[record.id], []).append(payslip(record))
    return {job: found[job] for job in sorted(found)}


def _foreign(
    context: FactorContext, records: Sequence[Income], jobs: Mapping[str, PayrollJob]
) -> Iterable[Income]:
    """Pay in other currencies, each once."""
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
        yield Paycheck(slip, job[0], names[job], placed, base)


def _payments(context: FactorContext, slips: Sequence[Payslip]) -> Iterable[Payment]:
    """All that is told of a job's pay, summaries and what they sum up alike; no platform's."""
    if counted(context)[slips[0].record.source].gig:
        return ()
    return ((s.start.isoformat(), s.last.isoformat(), s.amount) for s in slips if s.reported)


def pay_month(record: Income) -> int:
    """The month that a record counts in as one record."""
    return Month.of(record.end or record.start).index


def _flaw(record: Income) -> Missing:
    """A frequency we do not know, else no amount."""
    kind, source = Kind.INCOMES, record.source
    if not known_frequency(record.frequency):
        code = DataReason.UNKNOWN_ENUM
        return Missing(Cause.BAD_DATA, code, kind, source, detail="frequency")
    return Missing(Cause.NO_DATA, kind=kind, source=source, detail="amount")


def _flaws(context: FactorContext, records: Iterable[Income]) -> Iterable[Flaw]:
    for record in records:
        if record.currency == context.currency:
            for month in flawed_months(record):
                yield month, _flaw(record)


def flawed_months(record: Income) -> Iterable[int]:
    """Where the amount belongs; with an unknown frequency every month that its days touch."""
    if known_frequency(record.frequency):
        return [month for month, _ in place(record, 0).shares]
    return months_touched(record)


def _overlaps(paid: Mapping[PayrollJob, Paid]) -> Iterable[Flaw]:
    """The months that overlapping payslips touch, with the periods of the first of them."""
    for (account, _), one in paid.items():
        found: dict[int, list[str]] = {}
        for slip, other in one.overlaps:
            months = {*months_touched(slip.record), *months_touched(other.record)}
            for month in months:
                found.setdefault(month, []).append(f"{_period(slip)} and {_period(other)}")
        for month, periods in found.items():
            detail, code = "; ".join(periods[:SHOWN_OVERLAPS]), DataReason.PAYSLIPS_OVERLAP
            yield month, Missing(Cause.BAD_DATA, code, Kind.INCOMES, account, None, detail, month)


def _period(slip: Payslip) -> str:
    return f"{slip.start.isoformat()} to {slip.last.isoformat()}"


def _too_many(slips: Mapping[PayrollJob, Sequence[Payslip]]) -> Iterable[Flaw]:
    for job, found in slips.items():
        for slip in found[MOST_PAYSLIPS:]:
            code = DataReason.DATA_TOO_LARGE
            cause = Missing(Cause.BAD_DATA, code, Kind.INCOMES, job[0])
            yield pay_month(slip.record), cause
