"""Accounts that can tell nothing more: another one shows all of it, or their job is over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from decision_service.domain.kinds import Kind
from decision_service.domain.months import Month
from decision_service.domain.snapshot import Employment, EstimatedIncome, Income
from decision_service.factors.context import FactorContext
from decision_service.factors.employers import employer_key
from decision_service.factors.payroll import amount_of, last_day_of
from decision_service.factors.reading import reading

DATED = (
    Kind.EINCOMES,
    Kind.INCOMES,
    Kind.CONTRIBUTIONS,
    Kind.EMPLOYMENTS,
    Kind.LIABILITIES,
    Kind.TRANSACTIONS,
)
"""What an account must show that takes an old one's place; a person is no matter of dates."""
WORK = frozenset({Kind.INCOMES, Kind.EMPLOYMENTS})
WINDOW = 13
"""Of transactions the months before this one that are always read."""
PAID_WITHIN = 2
"""A payroll goes on where its newest pay is of one of the last two months or of this one."""


def covered_by(
    context: FactorContext, old: str, others: Iterable[str], *, one_employer: bool
) -> str | None:
    """The first of some accounts that shows all that an old one showed, and as new.

    They are of one provider; unless it is `one_employer`, scheme or platform, employers are
    compared by name.
    """
    found = (new for new in sorted(others) if _covers(context, new, old, one_employer=one_employer))
    return next(found, None)


def job_over(context: FactorContext, old: str, payers: Iterable[str]) -> bool:
    """Whether an account tells of payroll alone, and that job has ended or another took its place.

    It has where records of employment say so; another one where its payroll, in `payers`, shows
    every month since.
    """
    paid = _records(context, old, Kind.INCOMES)
    if not paid or any(_gave(context, old, kind) for kind in DATED if kind not in WORK):
        return False
    newest = max(Month.of(last_day_of(record)).index for record in paid)
    return _has_ended(context, old, paid) or any(
        _goes_on(context, payer, old, newest) for payer in payers
    )


def _records(context: FactorContext, source: str, kind: Kind) -> Sequence[Any]:
    return context.once(("held", kind), lambda c: _held(c, kind)).get(source, ())


def _held(context: FactorContext, kind: Kind) -> Mapping[str, Sequence[Any]]:
    found: dict[str, list[Any]] = {}
    read, since = reading(context.snapshot, kind), Month.of(context.as_of.date).plus(-WINDOW)
    for record in read.records if read else ():
        if kind is not Kind.TRANSACTIONS or record.date >= since.first_day:
            found.setdefault(record.source, []).append(record)
    return found


def _gave(context: FactorContext, source: str, kind: Kind) -> bool:
    """Whether an account gives records of a kind that was read, or gave some before."""
    if reading(context.snapshot, kind) is None:
        return False
    known = any(k.source == source and k.kind is kind and k.count for k in context.snapshot.known)
    return known or bool(_records(context, source, kind))


def _covers(context: FactorContext, new: str, old: str, *, one_employer: bool) -> bool:
    kinds = [kind for kind in DATED if _gave(context, old, kind)]
    if not kinds or any(_failed(context, kind, (old, new)) for kind in kinds):
        return False
    named = _employers(context, old, WORK)
    if not one_employer and not (named and named <= _employers(context, new, WORK)):
        return False
    return all(_covers_kind(context, kind, new, old) for kind in kinds)


def _failed(context: FactorContext, kind: Kind, sources: Collection[str]) -> bool:
    read = reading(context.snapshot, kind)
    return any(f.source is None or f.source in sources for f in (read.faults if read else ()))


def _covers_kind(context: FactorContext, kind: Kind, new: str, old: str) -> bool:
    """Whether records begin as early and end as late; of loans, whether all are found.

    Of an account whose records are gone only their number and newest month are known.
    """
    mine, theirs = _records(context, old, kind), _records(context, new, kind)
    if not theirs:
        return False
    if not mine:
        known = [k for k in context.snapshot.known if k.source == old and k.kind is kind]
        newest = max(_month(record) for record in theirs)
        return all(len(theirs) >= k.count and newest >= (k.newest or newest) for k in known)
    if kind is Kind.LIABILITIES:
        loans = {(r.type, r.start, r.currency, r.loan_amount) for r in theirs}
        return all((r.type, r.start, r.currency, r.loan_amount) in loans for r in mine)
    first, last = min(map(_first, mine)), max(map(_last, mine))
    return bool(min(map(_first, theirs)) <= first and max(map(_last, theirs)) >= last)


def _first(record: Any) -> Any:
    """The day or month that a record begins with."""
    if isinstance(record, EstimatedIncome):
        return record.month
    return record.start if isinstance(record, Income | Employment) else record.date


def _last(record: Any) -> Any:
    """The day or month that a record ends with; of an employment, that it begins with."""
    return last_day_of(record) if isinstance(record, Income) else _first(record)


def _month(record: Any) -> int:
    last = record.start if hasattr(record, "loan_amount") else _last(record)
    return last if isinstance(last, int) else Month.of(last).index


def _employers(context: FactorContext, source: str, kinds: Iterable[Kind]) -> set[str]:
    """The employers that an account's records name, as they are compared."""
    records = [record for kind in kinds for record in _records(context, source, kind)]
    return {employer_key(record.employer, context.policy) for record in records} - {""}


def _has_ended(context: FactorContext, old: str, paid: Sequence[Income]) -> bool:
    """Whether every employment at each of the employers, or where none is named its own, ended."""
    jobs: dict[str, list[Employment]] = {}
    for source, held in context.once(
        ("held", Kind.EMPLOYMENTS), lambda c: _held(c, Kind.EMPLOYMENTS)
    ).items():
        for job in held:
            jobs.setdefault(employer_key(job.employer, context.policy), []).append(job)
            jobs.setdefault(f" {source}", []).append(job)
    keys = {employer_key(record.employer, context.policy) for record in paid}
    mine = [jobs.get(key or f" {old}", []) for key in keys]
    today = context.as_of.date
    return all(found and all(j.end and j.end < today for j in found) for found in mine)


def _goes_on(context: FactorContext, payer: str, old: str, newest: int) -> bool:
    """Whether another job's payroll shows each month after an old one's newest, and goes on."""
    work = (Kind.INCOMES,)
    if payer == old or _employers(context, payer, work) & _employers(context, old, work):
        return False
    pays = [r for r in _records(context, payer, Kind.INCOMES) if (amount_of(r) or (0, ""))[0] > 0]
    months = {Month.of(last_day_of(record)).index for record in pays}
    last = max(months, default=0)
    recent = last >= Month.of(context.as_of.date).index - PAID_WITHIN
    return recent and last > newest and months.issuperset(range(newest + 1, last + 1))
