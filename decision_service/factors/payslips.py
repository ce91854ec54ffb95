"""Payslips of one job, each pay once: told twice, summed up, or beside a summary."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from operator import attrgetter

import msgspec

from decision_service.domain.snapshot import Income
from decision_service.factors.payroll import LONGEST_MONTH, amount_of, last_day_of

SHORT_DAYS = 2
"""Periods may share so many days and still be different pay: a pay day belongs to two periods."""
CLOSE = 20
"""A summary replaces its parts where it is within one part in twenty (5 %) of their sum."""


class Payslip(msgspec.Struct, frozen=True):
    """A payroll record with its period (both days counted) and its amount in minor units.

    `reported` is False, and the amount 0, where the record has no amount.
    """

    record: Income
    start: date
    last: date
    amount: int
    reported: bool

    @property
    def days(self) -> int:
        """The length of the period."""
        return (self.last - self.start).days + 1

    def contains(self, other: Payslip) -> bool:
        """Whether the other period lies within this longer one."""
        return self.start <= other.start and other.last <= self.last and self.days > other.days

    def shared_days(self, other: Payslip) -> int:
        """How many days both periods have, at least 0."""
        shared = min(self.last, other.last) - max(self.start, other.start)
        return max(shared.days + 1, 0)


class Paid(msgspec.Struct, frozen=True):
    """One job's payslips that count, those that overlap each other, and those beside others.

    `parallel` are records whose period contains others that they do not sum up: both count.
    `crossing` are those of more than a month whose period others cross: the larger counts.
    """

    counted: tuple[Payslip, ...]
    overlaps: tuple[tuple[Payslip, Payslip], ...]
    parallel: tuple[Payslip, ...]
    crossing: frozenset[Payslip]


def payslip(record: Income) -> Payslip:
    """A record as a payslip."""
    found = amount_of(record)
    amount = found[0] if found else 0
    return Payslip(record, record.start, last_day_of(record), amount, found is not None)


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
        if parts and _sums_up(slip, parts):
            kept[first:end] = [other for other in kept[first:end] if not slip.contains(other)]
        elif parts:
            parallel.append(slip)
        insort(kept, slip, key=attrgetter("start"))
    found = list(_overlaps(kept))
    crossing = frozenset(s for pair in found for s in pair if s.days > LONGEST_MONTH)
    overlaps = tuple(pair for pair in found if crossing.isdisjoint(pair))
    beside = tuple(s for s in parallel if s in kept and s not in crossing)
    last = sorted(crossing, key=lambda s: (s.days, s.start))
    counted = (*(s for s in kept if s not in crossing), *last, *corrections)
    return Paid(counted, overlaps, beside, crossing)


def _distinct(slips: Iterable[Payslip]) -> Sequence[Payslip]:
    found: dict[tuple[date, date, object], Payslip] = {}
    for slip in sorted(slips, key=lambda s: (not s.reported, -abs(s.amount), s.record.id)):
        told_apart = (slip.reported, slip.amount) if slip.days <= SHORT_DAYS else None
        found.setdefault((slip.start, slip.last, told_apart), slip)
    return list(found.values())


def _sums_up(slip: Payslip, parts: Sequence[Payslip]) -> bool:
    total = sum(part.amount for part in parts)
    return abs(slip.amount - total) * CLOSE <= abs(total)


def _overlaps(ordered: Sequence[Payslip]) -> Iterable[tuple[Payslip, Payslip]]:
    """Those that have more than two days in common, neither containing the other."""
    for place, slip in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if other.start > slip.last - timedelta(days=SHORT_DAYS):
                break
            apart = slip.contains(other) or other.contains(slip)
            if not apart and slip.shared_days(other) > SHORT_DAYS:
                yield slip, other
