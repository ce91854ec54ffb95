"""The same pay told twice within one account and employer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from decision_service.domain.snapshot import Income
from decision_service.domain.values import Month


@dataclass(frozen=True)
class Slip:
    """One payroll record with its period and pay; a record without an end is of one day."""

    income: Income
    start: date
    last: date
    pay: int | None

    @property
    def days(self) -> int:
        """How many days the period has."""
        return (self.last - self.start).days + 1


def pay_of(income: Income) -> int | None:
    """Net, else gross, else base."""
    for amount in (income.net, income.gross, income.base):
        if amount is not None:
            return amount
    return None


def last_day_of(income: Income) -> date | None:
    """The end of a pay period; where none is told, that of two, three or twelve months."""
    if income.end is not None:
        return income.end
    lengths = {"Bimonthly": 2, "Quarterly": 3, "Annually": 12}
    if income.frequency not in lengths:
        return None
    return months_later(income.start, lengths[income.frequency])


def months_later(start: date, months: int) -> date:
    """The last day of so many months that begin on a day."""
    after = Month.of(start).plus(months)
    day = min(start.day, after.last_day.day)
    return after.first_day.replace(day=day) - timedelta(days=1)


def is_pay_period(income: Income) -> bool:
    """Whether it is pay of up to 31 days, and no 13th month or bonus of a longer time."""
    usual = ("Hourly", "Daily", "Weekly", "Semimonthly", "Monthly", "Variable", "Unspecified", None)
    return slip_of(income).days <= 31 and income.frequency in usual


def slip_of(income: Income) -> Slip:
    """A payroll record as a slip."""
    return Slip(income, income.start, last_day_of(income) or income.start, pay_of(income))


def is_told_again(slip: Slip, kept: list[Slip]) -> bool:
    """Whether the same period was told with the same or a larger amount (no amount is smallest)."""
    for other in kept:
        if (other.start, other.last) == (slip.start, slip.last) and (
            slip.days > 2 or other.pay == slip.pay
        ):
            return True
    return False


def once_each(slips: list[Slip]) -> list[Slip]:
    """Equal periods once, with the larger amount."""
    kept: list[Slip] = []
    for slip in sorted(slips, key=lambda one: (one.pay is None, -abs(one.pay or 0), one.income.id)):
        if not is_told_again(slip, kept):
            kept.append(slip)
    return kept


def holds(outer: Slip, inner: Slip) -> bool:
    """Whether a period contains another one and is longer."""
    return outer.start <= inner.start and inner.last <= outer.last and outer.days > inner.days


def without_parts(slips: list[Slip]) -> list[Slip]:
    """Summaries in place of the slips they sum up: within 5 % of their sum, shorter ones first."""
    kept = list(slips)
    for outer in sorted(slips, key=lambda one: (one.days, one.start, one.income.id)):
        inner = [one for one in kept if holds(outer, one)]
        whole = sum(one.pay or 0 for one in inner)
        if inner and abs((outer.pay or 0) - whole) <= Fraction(5, 100) * abs(whole):
            kept = [one for one in kept if one not in inner]
    return kept


def paid_once(slips: list[Slip]) -> list[Slip]:
    """Every pay once, and what is taken back beside it."""
    return pays(slips) + once_each([one for one in slips if (one.pay or 0) < 0])


def pays(slips: list[Slip]) -> list[Slip]:
    """Every pay once, without what is taken back."""
    return without_parts(once_each([one for one in slips if (one.pay or 0) >= 0]))


def common_days(one: Slip, other: Slip) -> int:
    """How many days two periods share."""
    return (min(one.last, other.last) - max(one.start, other.start)).days + 1


def cross(one: Slip, other: Slip) -> bool:
    """Whether two periods overlap by more than two days, neither holding the other."""
    apart = one is other or holds(one, other) or holds(other, one)
    return not apart and common_days(one, other) > 2


def clashes(slips: list[Slip]) -> list[Slip]:
    """Slips of up to a month that cross another such one."""
    short = [one for one in slips if one.days <= 31]
    return [one for one in short if any(cross(one, other) for other in short)]


def crossed(slips: list[Slip]) -> list[Slip]:
    """Slips of more than a month that another one crosses, the shortest first."""
    found = [one for one in slips if one.days > 31 and any(cross(one, other) for other in slips)]
    return sorted(found, key=lambda one: (one.days, one.start))


def months_of(slip: Slip) -> list[int]:
    """The months that a period touches."""
    return list(range(Month.of(slip.start).index, Month.of(slip.last).index + 1))
