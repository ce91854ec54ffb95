"""income.* about amounts, up to the latest month whose amount is known."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from decision_service.domain.values import Cause, Money
from tests.oracles.factors.amounts import (
    as_money,
    figures,
    last_amounts,
    last_known,
    refuse_unknown,
    refuse_unknown_history,
    seen_figures,
)
from tests.oracles.factors.applicant import Unknown
from tests.oracles.factors.arithmetic import deviation, mean, median, number
from tests.oracles.factors.monthly_income import Incomes, observed
from tests.oracles.factors.parts import month_income

Answer = Money | Decimal | int
Factor = Callable[[Incomes], Answer]


def refuse_unobserved(incomes: Incomes, months: list[int]) -> None:
    """Raise SHORT_HISTORY where a month is not observed."""
    if not all(observed(incomes, month) for month in months):
        raise Unknown(Cause.SHORT_HISTORY)


def total(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0))


def two_ends(incomes: Incomes, n: int) -> tuple[Fraction, Fraction]:
    """The month N before the latest known one, and that one."""
    last = last_known(incomes)
    older, newer = figures(incomes, [last - n, last])
    refuse_unobserved(incomes, [last - n])
    return older, newer


def change(n: int) -> Factor:
    """The latest month less the month N before it."""

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


def sum_change(n: int) -> Factor:
    """The last N months less the N before them."""

    def factor(incomes: Incomes) -> Money:
        window = last_amounts(incomes, 2 * n)
        amounts = figures(incomes, window)
        refuse_unobserved(incomes, window)
        return as_money(incomes, total(amounts[n:]) - total(amounts[:n]))

    return factor


def trend_pct(n: int) -> Factor:
    """The median of three months against that of the same three, N months earlier."""

    def factor(incomes: Incomes) -> Decimal:
        newer_months = last_amounts(incomes, 3)
        older_months = [month - n for month in newer_months]
        refuse_unknown(incomes, newer_months + older_months)
        refuse_unobserved(incomes, newer_months + older_months)
        newer = median([month_income(incomes, month) for month in newer_months])
        older = median([month_income(incomes, month) for month in older_months])
        if older <= 0:
            raise Unknown(Cause.DIVISION_BY_ZERO)
        return number((newer - older) / older * 100)

    return factor


def calendar_average(n: int) -> Factor:
    """The sum of N months over N."""

    def factor(incomes: Incomes) -> Money:
        window = last_amounts(incomes, n)
        whole = total(figures(incomes, window))
        refuse_unobserved(incomes, window)
        return as_money(incomes, whole / n)

    return factor


def conservative(n: int) -> Factor:
    """The smallest of average, median and average of the last three: for affordability."""

    def factor(incomes: Incomes) -> Money:
        seen = seen_figures(incomes, n)
        if len(seen) < 3:
            raise Unknown(Cause.SHORT_HISTORY)
        return as_money(incomes, min(mean(seen), median(seen), mean(seen[-3:])))

    return factor


def earned_of(incomes: Incomes, months: list[int]) -> list[Fraction]:
    """The incomes above zero."""
    amounts = [month_income(incomes, month) for month in months]
    return [amount for amount in amounts if amount > 0]


def over_earned(aggregate: Callable[[list[Fraction]], Fraction], n: int | None) -> Factor:
    """One of the vendor's figures over the months with income; n None is the whole history."""

    def factor(incomes: Incomes) -> Money:
        if n is None:
            window = refuse_unknown_history(incomes)
        else:
            window = last_amounts(incomes, n)
            refuse_unknown(incomes, window)
        earned = earned_of(incomes, window)
        if not earned and aggregate is not total:
            raise Unknown(Cause.NO_EVIDENCE)
        if len(earned) == 1 and aggregate is deviation:
            raise Unknown(Cause.SHORT_HISTORY)
        return as_money(incomes, aggregate(earned))

    return factor


def any_earned(incomes: Incomes) -> list[int]:
    """All months with income, of which there must be one."""
    window = refuse_unknown_history(incomes)
    earned = [month for month in window if month_income(incomes, month) > 0]
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
    refuse_unobserved(incomes, [latest - 12])
    newer, older = month_income(incomes, latest), month_income(incomes, latest - 12)
    if older <= 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number((newer - older) / older * 100)


def months_at_max_18m(incomes: Incomes) -> int:
    """How many months reach the highest of the last 18."""
    amounts = earned_of(incomes, last_amounts(incomes, 18))
    refuse_unknown(incomes, last_amounts(incomes, 18))
    if not amounts:
        raise Unknown(Cause.NO_EVIDENCE)
    return len([amount for amount in amounts if amount == max(amounts)])


def volatility(n: int) -> Factor:
    """The coefficient of variation over the calendar months."""

    def factor(incomes: Incomes) -> Decimal:
        seen = seen_figures(incomes, n)
        if len(seen) < 4:
            raise Unknown(Cause.SHORT_HISTORY)
        if mean(seen) <= 0:
            raise Unknown(Cause.DIVISION_BY_ZERO)
        return number(deviation(seen) / mean(seen))

    return factor


def latest_month(incomes: Incomes) -> Money:
    """The income of the latest month that is known."""
    return as_money(incomes, figures(incomes, last_amounts(incomes, 1))[0])


def latest_share(incomes: Incomes) -> Decimal:
    """The same over the median of the nine months before the newest three."""
    last = last_known(incomes)
    refuse_unknown(incomes, [*range(last - 11, last - 2), last])
    before = [month for month in range(last - 11, last - 2) if observed(incomes, month)]
    if len(before) < 3:
        raise Unknown(Cause.SHORT_HISTORY)
    usual = median([month_income(incomes, month) for month in before])
    if usual <= 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number(month_income(incomes, last) / usual)


FACTORS: dict[str, Factor] = {
    "current_amount": current_amount,
    "starting_amount": starting_amount,
    "growth_12m": growth_12m,
    "months_at_max_18m": months_at_max_18m,
    "latest_month": latest_month,
    "latest_share": latest_share,
}
AGGREGATES: dict[str, Callable[[list[Fraction]], Fraction]] = {
    "sum": total,
    "average": mean,
    "min": min,
    "max": max,
    "median": median,
    "std": deviation,
}
for _n in [3, 6, 9, 12, 18, 24]:
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
    FACTORS[f"sum_change_{_n}m"] = sum_change(_n)
    FACTORS[f"conservative_{_n}m"] = conservative(_n)
    FACTORS[f"volatility_{_n}m"] = volatility(_n)
