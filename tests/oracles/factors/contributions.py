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
    account: str
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
        for one in records_of(who, Kind.CONTRIBUTIONS, feeder):
            month = Month.of(one.date).index
            paid.append(Paid(feeder.provider_id, feeder.id, month, one.amount, one.currency))
    if not paid:
        raise Unknown(Cause.NO_DATA)
    settled = [one for one in paid if one.month <= horizon]
    if not settled:
        raise Unknown(Cause.SHORT_HISTORY)
    return Contributions(who, horizon, settled)


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


def scheme_month(inside: list[Paid], scheme: str, month: int) -> int:
    """The highest account at one scheme in one month."""
    sums: dict[str, int] = {}
    for one in inside:
        if one.scheme == scheme and one.month == month:
            sums[one.account] = sums.get(one.account, 0) + one.amount
    return max(sums.values(), default=0)


def total_of(inside: list[Paid], month: int) -> int:
    """All schemes together in one month."""
    return sum(scheme_month(inside, scheme, month) for scheme in schemes_of(inside))


def schemes_of(inside: list[Paid]) -> list[str]:
    """The schemes of some contributions."""
    return sorted({one.scheme for one in inside})


def covered_months(inside: list[Paid], schemes: list[str]) -> list[int]:
    """The months in which one of the schemes has a contribution above zero, oldest first."""
    return [
        month
        for month in sorted({one.month for one in inside})
        if any(scheme_month(inside, scheme, month) > 0 for scheme in schemes)
    ]


def months_total(family: Contributions) -> int:
    """Months with a contribution to any scheme."""
    inside = within(family, whole_history(family))
    return len(covered_months(inside, schemes_of(inside)))


def count(n: int) -> Factor:
    """Contributions in the last N months, all schemes."""

    def factor(family: Contributions) -> int:
        return len(within(family, last_months(family, n)))

    return factor


def change(n: int) -> Factor:
    """All schemes in the horizon month less the month N before it."""

    def factor(family: Contributions) -> Money:
        older, newer = family.horizon - n, family.horizon
        inside = within(family, [older, newer])
        if older < family.first:
            raise Unknown(Cause.SHORT_HISTORY)
        return money(total_of(inside, newer) - total_of(inside, older), family.who.policy.currency)

    return factor


def months(n: int) -> Factor:
    """Three schemes in two months are two months."""

    def factor(family: Contributions) -> int:
        inside = within(family, last_months(family, n))
        best = 0
        for scheme in schemes_of(inside):
            best = max(best, len(covered_months(inside, [scheme])))
        return best

    return factor


def over_paid(aggregate: Callable[[list[int]], int | Fraction], n: int) -> Factor:
    """An aggregate over the months with contributions."""

    def factor(family: Contributions) -> Money:
        inside = within(family, last_months(family, n))
        totals = [total_of(inside, month) for month in last_months(family, n)]
        paid = [total for total in totals if total > 0]
        if not paid and aggregate is not sum:
            raise Unknown(Cause.NO_EVIDENCE)
        exact = aggregate(paid)
        return money(exact, family.who.policy.currency)

    return factor


def months_since_last(family: Contributions) -> int:
    """Months from the last contribution to the horizon."""
    inside = within(family, whole_history(family))
    covered = covered_months(inside, schemes_of(inside))
    if not covered:
        raise Unknown(Cause.NO_EVIDENCE)
    return family.horizon - covered[-1]


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
    inside = within(family, window)
    return longest_run(False, window, covered_months(inside, schemes_of(inside)))


def longest_streak_months(family: Contributions) -> int:
    """The longest run of months with one."""
    window = whole_history(family)
    inside = within(family, window)
    return longest_run(True, window, covered_months(inside, schemes_of(inside)))


def schemes_count(family: Contributions) -> int:
    """How many schemes have a contribution."""
    inside = within(family, whole_history(family))
    return len([one for one in schemes_of(inside) if covered_months(inside, [one])])


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
