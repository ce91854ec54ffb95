"""How long after a period's end an account shows its pay, and how far apart its periods end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from math import ceil

from decision_service.domain.snapshot import Income
from decision_service.factors.answer import median
from decision_service.factors.payroll import (
    LONGEST_MONTH,
    SHORT_DAYS,
    is_pay,
    is_short,
    last_day_of,
    payroll_jobs,
)
from decision_service.factors.quality import incomes
from decision_service.factors.registry import FactorContext, once
from decision_service.factors.usage import counted

STEPS = 6
SHORT_STEP = 16
"""Days between the ends of half months, or of weeks."""
USUAL_DELAY = 11
USUAL_DELAY_OF_A_MONTH = 20
"""Days from a period's end to its pay where nothing is known of the payroll: cut-offs are often
paid ten days later, and whole months in the middle of the next one."""
LEAST_SIGHTS = 2
SHORTEST_DELAY = 2
LONGEST_DELAY = 45
HOLIDAYS = 3
"""Days that a payday may fall later by a weekend and holidays than all that were seen."""


def step_of(ends: Sequence[date]) -> int:
    """Whole days between the ends of pay periods, in order, of which there are two or more."""
    return ceil(median([(later - end).days for end, later in pairwise(ends)][-STEPS:]))


@once
def pay_delay(context: FactorContext, source: str) -> int:
    """The days from the end of an account's pay periods to its pay, from 0 to 744.

    Its own readings show it, else pay dates on record, else the line of the lag table that names
    the provider, else it is the usual one.
    """
    records = [record for record in incomes(context).records if record.source == source]
    seen = _seen(context, source)
    if seen is None:
        seen = _dated(records)
    if seen is not None:
        return min(max(seen, SHORTEST_DELAY) + HOLIDAYS, LONGEST_DELAY)
    named = context.policy.named_lag(counted(context)[source].provider_id)
    if named is not None:
        months, days = named
        return months * LONGEST_MONTH + days
    steps = _steps(context, records)
    short = bool(steps) and max(steps) <= SHORT_STEP
    return USUAL_DELAY if short else USUAL_DELAY_OF_A_MONTH


def _seen(context: FactorContext, source: str) -> int | None:
    """The longest that the account's own readings showed; None where they showed under two."""
    sights = [watch.sights for watch in context.snapshot.watches if watch.source == source]
    days = [
        (seen.astimezone(context.as_of.zone).date() - end).days
        for found in sights
        for end, seen in found
        if seen <= context.as_of.instant
    ]
    return max(days) if len(days) >= LEAST_SIGHTS else None


def _dated(records: Iterable[Income]) -> int | None:
    days = [(r.paid - last_day_of(r)).days for r in records if r.paid and is_short(r)]
    return ceil(median(days)) if days else None


def _steps(context: FactorContext, records: Iterable[Income]) -> Sequence[int]:
    """The step of each job of an account; of one that has paid once, its period's days."""
    jobs = payroll_jobs(incomes(context).records, context.policy)
    found: dict[str, list[Income]] = {}
    for record in records:
        if is_pay(record):
            found.setdefault(jobs[record.id][1], []).append(record)
    steps = []
    for paid in found.values():
        ends = sorted({last_day_of(record) for record in paid})
        if len(ends) > 1:
            steps.append(step_of(ends))
            continue
        days = max((ends[0] - record.start).days + 1 for record in paid)
        # a payslip of a pay day alone does not say how long its period was
        steps.append(days if days > SHORT_DAYS else LONGEST_MONTH)
    return steps
