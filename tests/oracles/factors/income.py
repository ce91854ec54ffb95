"""income.*"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from decision_service.domain.missing import Cause
from decision_service.domain.money import Money
from tests.oracles.factors.applicant import Unknown
from tests.oracles.factors.arithmetic import deviation, mean, median, money, number
from tests.oracles.factors.monthly_income import (
    Incomes,
    month_income,
    refuse_unusable,
)

Answer = Money | Decimal | int
Factor = Callable[[Incomes], Answer]


def last_months(incomes: Incomes, count: int) -> list[int]:
    """The calendar months that end at the horizon."""
    return list(range(incomes.horizon - count + 1, incomes.horizon + 1))


def observed_months(incomes: Incomes, count: int) -> list[int]:
    """Those of the last months that lie in the observed history."""
    return [month for month in last_months(incomes, count) if month >= incomes.first]


def whole_history(incomes: Incomes) -> list[int]:
    """From the first record to the horizon."""
    return list(range(incomes.first, incomes.horizon + 1))


def figures(incomes: Incomes, months: list[int]) -> list[Fraction]:
    """Each month's income, once the window is known to be usable."""
    refuse_unusable(incomes, months)
    return [month_income(incomes, month) for month in months]


def earned_months(incomes: Incomes, months: list[int]) -> list[int]:
    """The months with income above zero."""
    refuse_unusable(incomes, months)
    return [month for month in months if month_income(incomes, month) > 0]


def as_money(incomes: Incomes, exact: Fraction) -> Money:
    """In the ruleset's currency."""
    return money(exact, incomes.who.policy.currency)


def months_total(incomes: Incomes) -> int:
    """Months with income over the whole history."""
    return len(earned_months(incomes, whole_history(incomes)))


def count(n: int) -> Factor:
    """Income records in the last N months."""

    def factor(incomes: Incomes) -> int:
        window = last_months(incomes, n)
        refuse_unusable(incomes, window)
        return len([share for share in incomes.shares if share.counted and share.month in window])

    return factor


def months(n: int) -> Factor:
    """Months with income among the last N."""

    def factor(incomes: Incomes) -> int:
        return len(earned_months(incomes, last_months(incomes, n)))

    return factor


def two_ends(incomes: Incomes, n: int) -> tuple[Fraction, Fraction]:
    """The month N before the horizon, and the horizon."""
    older, newer = figures(incomes, [incomes.horizon - n, incomes.horizon])
    if incomes.observed < n + 1:
        raise Unknown(Cause.SHORT_HISTORY)
    return older, newer


def change(n: int) -> Factor:
    """The horizon month less the month N before it."""

    def factor(incomes: Incomes) -> Money:
        older, newer = two_ends(incomes, n)
        return as_money(incomes, newer - older)

    return factor


def change_pct(n: int) -> Factor:
    """The same in percent of the older month."""

    def factor(incomes: Incomes) -> Decimal:
        older, newer = two_ends(incomes, n)
        if older <= 0:
            raise Unknown(Cause.DIVISION_BY_ZERO)
        return number((newer - older) / older * 100)

    return factor


def trend_pct(n: int) -> Factor:
    """The median of three months against that of the same three, N months earlier."""

    def factor(incomes: Incomes) -> Decimal:
        newer_months = last_months(incomes, 3)
        older_months = [month - n for month in newer_months]
        refuse_unusable(incomes, newer_months + older_months)
        if incomes.observed < n + 3:
            raise Unknown(Cause.SHORT_HISTORY)
        newer = median([month_income(incomes, month) for month in newer_months])
        older = median([month_income(incomes, month) for month in older_months])
        if older <= 0:
            raise Unknown(Cause.DIVISION_BY_ZERO)
        return number((newer - older) / older * 100)

    return factor


def calendar_average(n: int) -> Factor:
    """The sum of N months over N."""

    def factor(incomes: Incomes) -> Money:
        whole = sum(figures(incomes, last_months(incomes, n)), Fraction(0))
        if incomes.observed < n:
            raise Unknown(Cause.SHORT_HISTORY)
        return as_money(incomes, whole / n)

    return factor


def conservative_exact(incomes: Incomes, n: int) -> Fraction:
    """The smallest of average, median and average of the last three."""
    seen = figures(incomes, observed_months(incomes, n))
    if incomes.observed < 3:
        raise Unknown(Cause.SHORT_HISTORY)
    return min(mean(seen), median(seen), mean(seen[-3:]))


def conservative(n: int) -> Factor:
    """The income for affordability and limits."""

    def factor(incomes: Incomes) -> Money:
        return as_money(incomes, conservative_exact(incomes, n))

    return factor


def over_earned(aggregate: Callable[[list[Fraction]], Fraction], n: int | None) -> Factor:
    """One of the vendor's figures over the months with income; n None is the whole history."""

    def factor(incomes: Incomes) -> Money:
        window = whole_history(incomes) if n is None else last_months(incomes, n)
        earned = earned_months(incomes, window)
        if not earned and aggregate is not total:
            raise Unknown(Cause.NO_EVIDENCE)
        if len(earned) == 1 and aggregate is deviation:
            raise Unknown(Cause.SHORT_HISTORY)
        return as_money(incomes, aggregate([month_income(incomes, month) for month in earned]))

    return factor


def total(values: list[Fraction]) -> Fraction:
    """The sum."""
    return sum(values, Fraction(0))


def any_earned(incomes: Incomes) -> list[int]:
    """All months with income, of which there must be one."""
    earned = earned_months(incomes, whole_history(incomes))
    if not earned:
        raise Unknown(Cause.NO_EVIDENCE)
    return earned


def current_amount(incomes: Incomes) -> Money:
    """The latest month with income."""
    return as_money(incomes, month_income(incomes, any_earned(incomes)[-1]))


def starting_amount(incomes: Incomes) -> Money:
    """The first month with income."""
    return as_money(incomes, month_income(incomes, any_earned(incomes)[0]))


def growth_12m(incomes: Incomes) -> Decimal:
    """The latest month with income against the same month a year before."""
    latest = any_earned(incomes)[-1]
    if latest - 12 < incomes.first:
        raise Unknown(Cause.SHORT_HISTORY)
    newer, older = month_income(incomes, latest), month_income(incomes, latest - 12)
    if older <= 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number((newer - older) / older * 100)


def months_at_max_18m(incomes: Incomes) -> int:
    """How many months reach the highest of the last 18."""
    earned = earned_months(incomes, last_months(incomes, 18))
    if not earned:
        raise Unknown(Cause.NO_EVIDENCE)
    amounts = [month_income(incomes, month) for month in earned]
    return len([amount for amount in amounts if amount == max(amounts)])


def months_since_first(incomes: Incomes) -> int:
    """Months from the first income to the horizon."""
    return incomes.horizon - any_earned(incomes)[0]


def months_since_last(incomes: Incomes) -> int:
    """Months from the last income to the horizon."""
    return incomes.horizon - any_earned(incomes)[-1]


def gap_months(n: int) -> Factor:
    """Observed months without income among the last N."""

    def factor(incomes: Incomes) -> int:
        window = observed_months(incomes, n)
        return len(window) - len(earned_months(incomes, window))

    return factor


def longest_gap(n: int) -> Factor:
    """The longest run of such months."""

    def factor(incomes: Incomes) -> int:
        longest = 0
        running = 0
        for amount in figures(incomes, observed_months(incomes, n)):
            running = 0 if amount > 0 else running + 1
            longest = max(longest, running)
        return longest

    return factor


def volatility(n: int) -> Factor:
    """The coefficient of variation over the calendar months."""

    def factor(incomes: Incomes) -> Decimal:
        seen = figures(incomes, observed_months(incomes, n))
        if incomes.observed < 4:
            raise Unknown(Cause.SHORT_HISTORY)
        if mean(seen) <= 0:
            raise Unknown(Cause.DIVISION_BY_ZERO)
        return number(deviation(seen) / mean(seen))

    return factor


WINDOWS = [3, 6, 9, 12, 18, 24]
FACTORS: dict[str, Factor] = {
    "months_total": months_total,
    "current_amount": current_amount,
    "starting_amount": starting_amount,
    "growth_12m": growth_12m,
    "months_at_max_18m": months_at_max_18m,
    "months_since_first": months_since_first,
    "months_since_last": months_since_last,
}
AGGREGATES: dict[str, Callable[[list[Fraction]], Fraction]] = {
    "sum": total,
    "average": mean,
    "min": min,
    "max": max,
    "median": median,
    "std": deviation,
}
for _n in WINDOWS:
    FACTORS[f"count_{_n}m"] = count(_n)
    FACTORS[f"months_{_n}m"] = months(_n)
    FACTORS[f"calendar_average_{_n}m"] = calendar_average(_n)
    for _name, _aggregate in AGGREGATES.items():
        FACTORS[f"{_name}_{_n}m"] = over_earned(_aggregate, _n)
for _name, _aggregate in AGGREGATES.items():
    FACTORS[f"{_name}_all"] = over_earned(_aggregate, None)
for _n in [6, 12, 24]:
    FACTORS[f"change_{_n}m"] = change(_n)
    FACTORS[f"change_{_n}m_pct"] = change_pct(_n)
    FACTORS[f"trend_{_n}m_pct"] = trend_pct(_n)
for _n in [6, 12]:
    FACTORS[f"conservative_{_n}m"] = conservative(_n)
    FACTORS[f"volatility_{_n}m"] = volatility(_n)
for _n in [12, 24]:
    FACTORS[f"gap_months_{_n}m"] = gap_months(_n)
    FACTORS[f"longest_gap_{_n}m"] = longest_gap(_n)
