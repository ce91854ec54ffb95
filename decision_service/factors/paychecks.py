"""Payroll as it counts: each pay once, by account, employer and month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.months import Month
from decision_service.domain.snapshot import Income
from decision_service.factors.case import Case
from decision_service.factors.employers import Payment, PayrollJob, one_job, payroll_jobs
from decision_service.factors.payroll import (
    LONGEST_MONTH,
    Placed,
    amount_of,
    known_frequency,
    last_day_of,
    months_touched,
    place,
)
from decision_service.factors.payslips import Paid, Payslip, paid_once, payslip
from decision_service.factors.records import incomes

MOST_PAYSLIPS = 2000
"""Of one job; more are no payroll, and would take too long to compare."""
LAST_DAYS = 7
"""A record posts its own month where its period ends in so many last days of it."""

Flaw = tuple[int, Missing]
"""A month, and what is wrong with it."""


class Paycheck(msgspec.Struct, frozen=True):
    """A payslip that counts, with the account and the employer that stands for its job."""

    slip: Payslip
    account: str
    employer: str
    placed: Placed
    base: str


class Paychecks(msgspec.Struct, frozen=True):
    """All payroll: what counts, what is wrong with months, the records that have no amount.

    `beside` holds the pay months of records that count beside those that their period contains.
    """

    counted: tuple[Paycheck, ...]
    flaws: tuple[Flaw, ...]
    flawed: tuple[Income, ...]
    beside: frozenset[int]


def paychecks(case: Case) -> Paychecks:
    """The applicant's payroll."""
    return case.once("paychecks", _paychecks)


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


def _paychecks(case: Case) -> Paychecks:
    records = incomes(case).records
    jobs = payroll_jobs(records, case.policy)
    flaws = {r.id: flaw for r in records if (flaw := _flaw(r, case.currency)) is not None}
    slips = _by_job([r for r in records if r.id not in flaws], jobs)
    paid = {job: paid_once(found[:MOST_PAYSLIPS]) for job, found in slips.items()}
    names = one_job({job: map(_payment, one.counted) for job, one in paid.items()})
    return Paychecks(
        tuple(_paycheck(slip, job, names) for job, one in paid.items() for slip in one.counted),
        (*_flaws(records, flaws), *_clashes(paid), *_too_many(slips)),
        tuple(r for r in records if r.id in flaws),
        frozenset(pay_month(s.record) for one in paid.values() for s in one.beside),
    )


def _by_job(
    records: Sequence[Income], jobs: Mapping[str, PayrollJob]
) -> Mapping[PayrollJob, Sequence[Payslip]]:
    found: dict[PayrollJob, list[Payslip]] = {}
    for record in records:
        slip = payslip(record)
        if slip is not None:
            found.setdefault(jobs[record.id], []).append(slip)
    return {job: found[job] for job in sorted(found)}


def _paycheck(slip: Payslip, job: PayrollJob, names: Mapping[PayrollJob, str]) -> Paycheck:
    told = amount_of(slip.record)
    base = told[1] if told else ""
    return Paycheck(slip, job[0], names[job], place(slip.record, slip.amount), base)


def _payment(slip: Payslip) -> Payment:
    return slip.start.isoformat(), slip.last.isoformat(), slip.amount


def pay_told(record: Income) -> str:
    """What makes two payroll records the same pay, whatever their ids."""
    said = (record.source, record.employer, record.start, record.end, record.currency)
    return f"{said}{amount_of(record)}"


def pay_month(record: Income) -> int:
    """The month that a record counts in as one record."""
    return Month.of(record.end or record.start).index


def _flaw(record: Income, currency: str) -> Missing | None:
    """Another currency, which is judged with the month, a frequency we do not know, no amount."""
    kind, source = Kind.INCOMES, record.source
    if record.currency != currency:
        return Missing(Cause.MIXED_CURRENCY, kind=kind, source=source)
    if not known_frequency(record.frequency):
        code = DataReason.UNKNOWN_ENUM
        return Missing(Cause.BAD_DATA, code, kind, source, detail="frequency")
    if amount_of(record) is None:
        return Missing(Cause.NO_DATA, kind=kind, source=source, detail="amount")
    return None


def _flaws(records: Sequence[Income], flaws: Mapping[str, Missing]) -> Iterable[Flaw]:
    for record in records:
        flaw = flaws.get(record.id)
        if flaw is not None and flaw.cause is not Cause.MIXED_CURRENCY:
            for month in flawed_months(record):
                yield month, flaw


def flawed_months(record: Income) -> Iterable[int]:
    """Where the amount belongs; with an unknown frequency every month that its days touch."""
    if known_frequency(record.frequency):
        return [month for month, _ in place(record, 0).shares]
    return months_touched(record)


def _clashes(paid: Mapping[PayrollJob, Paid]) -> Iterable[Flaw]:
    for job, one in paid.items():
        for slip in one.clashing:
            for month in months_touched(slip.record):
                yield month, Missing(Cause.BAD_DATA, DataReason.BAD_DATE, Kind.INCOMES, job[0])


def _too_many(slips: Mapping[PayrollJob, Sequence[Payslip]]) -> Iterable[Flaw]:
    for job, found in slips.items():
        for slip in found[MOST_PAYSLIPS:]:
            code = DataReason.DATA_TOO_LARGE
            cause = Missing(Cause.BAD_DATA, code, Kind.INCOMES, job[0])
            yield pay_month(slip.record), cause
