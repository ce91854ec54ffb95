"""contributions.*"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.domain.money import Money
from decision_service.domain.months import Month
from tests.oracles.factors.applicant import (
    Applicant,
    Unknown,
    earliest_horizon,
    feeders_of,
    records_of,
    refuse_tainted,
)
from tests.oracles.factors.arithmetic import mean, money


@dataclass(frozen=True)
class Paid:
    """One contribution up to the horizon."""

    scheme: str
    month: int
    amount: int
    currency: str


@dataclass(frozen=True)
class Contributions:
    who: Applicant
    horizon: int
    paid: list[Paid]

    @property
    def first(self) -> int:
        """The first month of the observed history."""
        return min(one.month for one in self.paid)


Factor = Callable[[Contributions], Money | int]


def contributions_of(who: Applicant) -> Contributions:
    """The family, or Unknown when it is spoilt, not connected or empty."""
    refuse_tainted(who, [Kind.CONTRIBUTIONS])
    family = feeders_of(who, [Kind.CONTRIBUTIONS])
    if not family:
        raise Unknown(Cause.NOT_CONNECTED)
    horizon = earliest_horizon(who, family)
    paid = []
    for feeder in family:
        for record in records_of(who, Kind.CONTRIBUTIONS, feeder):
            month = Month.of(record.date).index
            if month <= horizon:
                paid.append(Paid(feeder.provider_id, month, record.amount, record.currency))
    if not paid:
        raise Unknown(Cause.NO_DATA)
    return Contributions(who, horizon, paid)


def last_months(family: Contributions, count: int) -> list[int]:
    """The calendar months that end at the horizon."""
    return list(range(family.horizon - count + 1, family.horizon + 1))


def whole_history(family: Contributions) -> list[int]:
    """From the first record to the horizon."""
    return list(range(family.first, family.horizon + 1))


def within(family: Contributions, months: list[int]) -> list[Paid]:
    """The contributions of a window, once its currency is known to be ours alone."""
    inside = [one for one in family.paid if one.month in months]
    for one in inside:
        if one.currency != family.who.policy.currency:
            raise Unknown(Cause.MIXED_CURRENCY)
    return inside


def total_of(inside: list[Paid], month: int) -> int:
    """All schemes together in one month."""
    return sum(one.amount for one in inside if one.month == month)


def paid_months(inside: list[Paid]) -> list[int]:
    """The months whose contributions come to more than nothing, oldest first."""
    months = sorted({one.month for one in inside})
    return [month for month in months if total_of(inside, month) > 0]


def months_total(family: Contributions) -> int:
    """Months with a contribution to any scheme."""
    return len(paid_months(within(family, whole_history(family))))


def count(n: int) -> Factor:
    """Contributions in the last N months, all schemes."""

    def factor(family: Contributions) -> int:
        return len(within(family, last_months(family, n)))

    return factor


def change(n: int) -> Factor:
    """All schemes in the horizon month less the month N before it."""

    def factor(family: Contributions) -> Money:
        older, newer = family.horizon - n, family.horizon
        if older < family.first:
            raise Unknown(Cause.SHORT_HISTORY)
        inside = within(family, [older, newer])
        return money(total_of(inside, newer) - total_of(inside, older), family.who.policy.currency)

    return factor


def months(n: int) -> Factor:
    """Three schemes in two months are two months."""

    def factor(family: Contributions) -> int:
        inside = within(family, last_months(family, n))
        best = 0
        for scheme in {one.scheme for one in family.paid}:
            best = max(best, len(paid_months([one for one in inside if one.scheme == scheme])))
        return best

    return factor


def over_paid(aggregate: Callable[[list[int]], int | Fraction], n: int) -> Factor:
    """An aggregate over the months with contributions."""

    def factor(family: Contributions) -> Money:
        inside = within(family, last_months(family, n))
        months_paid = paid_months(inside)
        if not months_paid:
            raise Unknown(Cause.NO_DATA)
        exact = aggregate([total_of(inside, month) for month in months_paid])
        return money(exact, family.who.policy.currency)

    return factor


def months_since_last(family: Contributions) -> int:
    """Months from the last contribution to the horizon."""
    paid = paid_months(within(family, whole_history(family)))
    if not paid:
        raise Unknown(Cause.NO_DATA)
    return family.horizon - paid[-1]


def longest_run(wanted: bool, months_seen: list[int], paid: list[int]) -> int:
    """The longest run of months that are (or are not) paid."""
    longest = 0
    running = 0
    for month in months_seen:
        running = running + 1 if (month in paid) == wanted else 0
        longest = max(longest, running)
    return longest


def longest_gap_12m(family: Contributions) -> int:
    """The longest run of observed months without one in a year."""
    window = [month for month in last_months(family, 12) if month >= family.first]
    return longest_run(False, window, paid_months(within(family, window)))


def longest_streak_months(family: Contributions) -> int:
    """The longest run of months with one."""
    window = whole_history(family)
    return longest_run(True, window, paid_months(within(family, window)))


def schemes_count(family: Contributions) -> int:
    """How many schemes have a contribution."""
    inside = within(family, whole_history(family))
    return len({one.scheme for one in inside})


FACTORS: dict[str, Factor] = {
    "months_total": months_total,
    "months_since_last": months_since_last,
    "longest_gap_12m": longest_gap_12m,
    "longest_streak_months": longest_streak_months,
    "schemes_count": schemes_count,
}
for _n in [3, 6, 9, 12]:
    FACTORS[f"count_{_n}m"] = count(_n)
for _n in [6, 12, 24]:
    FACTORS[f"change_{_n}m"] = change(_n)
for _n in [3, 6, 9, 12, 18, 24]:
    FACTORS[f"months_{_n}m"] = months(_n)
    FACTORS[f"sum_{_n}m"] = over_paid(sum, _n)
    FACTORS[f"average_{_n}m"] = over_paid(mean, _n)
    FACTORS[f"min_{_n}m"] = over_paid(min, _n)
    FACTORS[f"max_{_n}m"] = over_paid(max, _n)
