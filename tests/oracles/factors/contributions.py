"""contributions.*"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Cause, Money, Month
from tests.oracles.factors.applicant import (
    Applicant,
    Feeder,
    Unknown,
    Wait,
    feeders_of,
    records_of,
)
from tests.oracles.factors.records import mean, money
from tests.oracles.factors.sources import lag_month, settled_month
from tests.oracles.factors.taints import refuse_tainted


@dataclass(frozen=True)
class Paid:
    """One contribution up to the horizon."""

    scheme: str
    account: str
    month: int
    amount: int
    currency: str


@dataclass(frozen=True)
class Payer:
    """One account's contributions: how far it is settled, and whether it is live."""

    scheme: str
    account: str
    lag_month: int
    settled: int
    live: bool


@dataclass(frozen=True)
class Contributions:
    """The family: what was paid, but what is set aside, and who tells of it."""

    who: Applicant
    payers: list[Payer]
    paid: list[Paid]

    @property
    def first(self) -> int:
        """The first month of the observed history."""
        return min(one.month for one in self.paid)


Factor = Callable[[Contributions], Money | int]
Reach = Callable[[str], list[int]]
"""The months that are looked at of a scheme."""


def payer_of(who: Applicant, feeder: Feeder) -> Payer | None:
    sums: dict[int, int] = {}
    for one in records_of(who, Kind.CONTRIBUTIONS, feeder):
        month = Month.of(one.date).index
        sums[month] = sums.get(month, 0) + one.amount
    if not sums:
        return None
    feeder = replace(feeder, quiet=False)
    settled = settled_month(who, feeder, Kind.CONTRIBUTIONS, set(sums), set(sums))
    paid = [month for month, amount in sums.items() if amount > 0]
    live = bool(paid) and max(paid) >= settled - 3 and not feeder.document
    lag = lag_month(who, feeder, Kind.CONTRIBUTIONS)
    return Payer(feeder.provider_id, feeder.id, lag, settled, live)


def contributions_of(who: Applicant) -> Contributions:
    """The family, or Unknown when it is spoilt, not connected or empty."""
    refuse_tainted(who, [Kind.CONTRIBUTIONS])
    family = feeders_of(who, [Kind.CONTRIBUTIONS])
    if not family:
        raise Unknown(Cause.NOT_CONNECTED)
    payers, paid = [], []
    for feeder in family:
        payer = payer_of(who, feeder)
        if payer is None:
            continue
        payers.append(payer)
        for one in records_of(who, Kind.CONTRIBUTIONS, feeder):
            month = Month.of(one.date).index
            if month <= payer.settled:
                paid.append(Paid(feeder.provider_id, feeder.id, month, one.amount, one.currency))
    if not payers:
        raise Unknown(Cause.NO_DATA)
    if not paid:
        raise Unknown(Cause.SHORT_HISTORY)
    return Contributions(who, payers, paid)


def without_single(family: Contributions, reach: Reach) -> Contributions:
    """Without a record in another currency that is the only one in what is looked at of each
    scheme, where the month has contributions in ours."""
    currency = family.who.policy.currency
    foreign = [
        one for one in family.paid if one.currency != currency and one.month in reach(one.scheme)
    ]
    if len(foreign) != 1 or whole_month(family, foreign[0].month) <= 0:
        return family
    return replace(family, paid=[one for one in family.paid if one is not foreign[0]])


def telling(family: Contributions, scheme: str) -> list[Payer]:
    """The live accounts of a scheme; of none live, all."""
    mine = [one for one in family.payers if one.scheme == scheme]
    return [one for one in mine if one.live] or mine


def settled_of(family: Contributions, scheme: str) -> int:
    """The latest settled month of a scheme."""
    return max(one.settled for one in telling(family, scheme))


def lag_of(family: Contributions, scheme: str) -> int:
    """The latest month of a scheme whose lag has passed."""
    return max(one.lag_month for one in telling(family, scheme))


def all_schemes(family: Contributions) -> list[str]:
    """The schemes that have a contribution on record."""
    return sorted({one.scheme for one in family.payers})


def earliest(family: Contributions) -> int:
    """The earliest settled month of the live schemes; of none live, of all."""
    live = [one.scheme for one in family.payers if one.live] or all_schemes(family)
    found = min(settled_of(family, scheme) for scheme in live)
    if found < family.first:
        raise Unknown(Cause.SHORT_HISTORY)
    return found


def last_months(family: Contributions, count: int) -> list[int]:
    """The calendar months that end at the earliest settled month."""
    last = earliest(family)
    return list(range(last - count + 1, last + 1))


def whole_history(family: Contributions) -> list[int]:
    """From the first record to the newest settled month of any scheme."""
    last = max(settled_of(family, scheme) for scheme in all_schemes(family))
    return list(range(family.first, last + 1))


def within(family: Contributions, months: list[int], scheme: str = "") -> list[Paid]:
    """The contributions of a window, once its currency is known to be ours alone."""
    family = family if scheme else without_single(family, lambda _: months)
    inside = [one for one in family.paid if one.month in months and scheme in ("", one.scheme)]
    causes = set()
    sums: dict[tuple[str, int], int] = {}
    for one in inside:
        if one.currency != family.who.policy.currency:
            causes.add(Cause.MIXED_CURRENCY)
        else:
            key = (one.account, one.month)
            sums[key] = sums.get(key, 0) + one.amount
    if any(amount < 0 and whole_month(family, month) < 0 for (_, month), amount in sums.items()):
        causes.add(Cause.BAD_DATA)
    if causes:
        raise Unknown(*causes)
    return inside


def whole_month(family: Contributions, month: int) -> int:
    """All that was paid in a month, to every scheme that has settled it."""
    ours = [one for one in family.paid if one.currency == family.who.policy.currency]
    return sum(
        scheme_month(ours, scheme, month)
        for scheme in all_schemes(family)
        if month <= settled_of(family, scheme)
    )


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
    inside = settled_ones(family, within(family, whole_history(family)))
    return len(covered_months(inside, schemes_of(inside)))


def settled_ones(family: Contributions, inside: list[Paid]) -> list[Paid]:
    """Those that their scheme has settled; an account that is not live may be ahead of it."""
    return [one for one in inside if one.month <= settled_of(family, one.scheme)]


def count(n: int) -> Factor:
    """Contributions in the last N months, all schemes."""

    def factor(family: Contributions) -> int:
        return len(within(family, last_months(family, n)))

    return factor


def change(n: int) -> Factor:
    """All schemes in the earliest settled month less the month N before it."""

    def factor(family: Contributions) -> Money:
        newer = earliest(family)
        older = newer - n
        inside = within(family, [older, newer])
        if older < family.first:
            raise Unknown(Cause.SHORT_HISTORY)
        return money(total_of(inside, newer) - total_of(inside, older), family.who.policy.currency)

    return factor


def window_reach(family: Contributions, scheme: str, n: int) -> list[int]:
    """The months of all windows of a scheme, which end at its lag month or later."""
    return list(range(lag_of(family, scheme) - n + 1, settled_of(family, scheme) + 1))


def months(n: int) -> Factor:
    """Three schemes in two months are two months; the window may end at any month posted early."""

    def factor(family: Contributions) -> int:
        best, causes = 0, set()
        cleaned = without_single(family, lambda scheme: window_reach(family, scheme, n))
        for scheme in all_schemes(family):
            first_end, last_end = lag_of(family, scheme), settled_of(family, scheme)
            reach = window_reach(family, scheme, n)
            try:
                paid = covered_months(within(cleaned, reach, scheme), [scheme])
            except Unknown as unknown:
                causes |= unknown.causes
                continue
            for end in range(first_end, last_end + 1):
                best = max(best, len([month for month in paid if end - n < month <= end]))
        if causes:
            raise Unknown(*causes)
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
    """Months from a scheme's last contribution to its settled month: the smallest of any scheme."""
    inside = settled_ones(family, within(family, whole_history(family)))
    found = []
    for scheme in all_schemes(family):
        covered = covered_months(inside, [scheme])
        if covered:
            found.append(settled_of(family, scheme) - covered[-1])
    if not found:
        raise Unknown(Cause.NO_EVIDENCE)
    return min(found)


def longest_run(wanted: bool, months_seen: list[int], paid: list[int]) -> int:
    """The longest run of months that are (or are not) paid."""
    longest = 0
    running = 0
    for month in months_seen:
        running = running + 1 if (month in paid) == wanted else 0
        longest = max(longest, running)
    return longest


def latest(family: Contributions, scheme: str, n: int) -> list[int]:
    """The last months that end at a scheme's settled month."""
    last = settled_of(family, scheme)
    return list(range(last - n + 1, last + 1))


def longest_gap_12m(family: Contributions) -> int:
    """The longest run of observed months without one in a scheme's year: the smallest of any."""
    found: list[int] = []
    causes: set[Cause | Wait] = set()
    cleaned = without_single(family, lambda scheme: latest(family, scheme, 12))
    for scheme in all_schemes(family):
        window = [month for month in latest(family, scheme, 12) if month >= family.first]
        try:
            paid = covered_months(within(cleaned, window, scheme), [scheme])
        except Unknown as unknown:
            causes |= unknown.causes
            continue
        found.append(longest_run(False, window, paid))
    if causes:
        raise Unknown(*causes)
    return min(found)


def longest_streak_months(family: Contributions) -> int:
    """The longest run of months with one in any scheme."""
    window = whole_history(family)
    inside = within(family, window)
    runs = []
    for scheme in all_schemes(family):
        settled = [month for month in window if month <= settled_of(family, scheme)]
        runs.append(longest_run(True, settled, covered_months(inside, [scheme])))
    return max(runs)


def schemes_count(family: Contributions) -> int:
    """How many schemes have a contribution."""
    inside = within(family, whole_history(family))
    return len([one for one in schemes_of(inside) if covered_months(inside, [one])])


def paid_lately(family: Contributions) -> bool:
    """Whether a scheme was paid to in the three months that end at its settled month."""
    cleaned = without_single(family, lambda scheme: latest(family, scheme, 3))
    for scheme in all_schemes(family):
        window = latest(family, scheme, 3)
        if covered_months(within(cleaned, window, scheme), [scheme]):
            return True
    return False


def lately_doubtful(family: Contributions) -> set[Cause | Wait]:
    """What is wrong with the three months that end at each scheme's settled month."""
    causes: set[Cause | Wait] = set()
    cleaned = without_single(family, lambda scheme: latest(family, scheme, 3))
    for scheme in all_schemes(family):
        try:
            within(cleaned, latest(family, scheme, 3), scheme)
        except Unknown as unknown:
            causes |= unknown.causes
    return causes


def surely_paid_after(family: Contributions, month: int) -> bool:
    """Whether any scheme was paid to in a later month of which nothing is in doubt."""
    for one in whole_history(family):
        try:
            inside = within(family, [one])
        except Unknown:
            continue
        if one > month and covered_months(inside, schemes_of(inside)):
            return True
    return False


def paid_after(family: Contributions, month: int) -> bool:
    """Whether any scheme was paid to after a month."""
    window = [one for one in whole_history(family) if one > month]
    inside = within(family, window)
    return bool(covered_months(inside, schemes_of(inside)))


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
for _n in [3, 6, 12, 24]:
    FACTORS[f"sum_{_n}m"] = over_paid(sum, _n)
    FACTORS[f"average_{_n}m"] = over_paid(mean, _n)
    FACTORS[f"min_{_n}m"] = over_paid(min, _n)
    FACTORS[f"max_{_n}m"] = over_paid(max, _n)
