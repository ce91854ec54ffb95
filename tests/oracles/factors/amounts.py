"""The months that amounts rest on: known ones, up to the latest, unless newer truth is bad."""

from __future__ import annotations

from fractions import Fraction

from decision_service.domain.values import Cause, Money
from tests.oracles.factors.applicant import Unknown, Wait
from tests.oracles.factors.arithmetic import money
from tests.oracles.factors.monthly_income import (
    Incomes,
    amount_horizon,
    history,
    is_known,
    observed,
    outstanding,
    refuse_short,
    wait_for,
)
from tests.oracles.factors.newest_truth import fallen_month
from tests.oracles.factors.parts import month_income
from tests.oracles.factors.usable import unusable, whole


def wait_in(incomes: Incomes, month: int) -> Cause | Wait:
    """What is waited for in a month whose amount is not known; nothing mends an overlap."""
    late = outstanding(incomes, month)
    return wait_for(incomes, month, late) if late else Cause.BAD_DATA


def last_known(incomes: Incomes) -> int:
    """The latest month whose amount is known; Unknown where there is none."""
    refuse_short(incomes)
    last = amount_horizon(incomes)
    if last is None:
        if not history(incomes):
            raise Unknown(Cause.SHORT_HISTORY)
        raise Unknown(wait_in(incomes, history(incomes)[0]))
    return last


def newest_truth(incomes: Incomes) -> Cause | Wait | None:
    """What is missing where a later month already shows far less.

    A payroll is named with its month before what is waited for.
    """
    last = last_known(incomes)
    found = fallen_month(incomes, last)
    if found is None:
        return None
    month, payroll = found
    late = wait_in(incomes, next_unknown(incomes, last))
    if payroll is None:
        return late
    return Wait(month, payroll, late.due if isinstance(late, Wait) else None)


def next_unknown(incomes: Incomes, last: int) -> int:
    """The first observed month after the last known one."""
    return min(month for month in history(incomes) if month > last)


def refuse_unknown(incomes: Incomes, months: list[int]) -> None:
    """Raise Unknown for months that cannot be used, or whose amount is not known."""
    last = last_known(incomes)
    causes = unusable(incomes, months)
    fallen = incomes.once("newest truth", lambda: newest_truth(incomes))
    late = [month for month in months if observed(incomes, month) and not is_known(incomes, month)]
    if fallen is not None:
        causes.add(fallen)
    elif late and min(late) <= last:
        causes.add(wait_in(incomes, min(late)))
    if causes:
        raise Unknown(*causes)


def last_amounts(incomes: Incomes, count: int) -> list[int]:
    """The calendar months that end at the latest known one."""
    last = last_known(incomes)
    return list(range(last - count + 1, last + 1))


def seen_amounts(incomes: Incomes, count: int) -> list[int]:
    """The observed ones of them."""
    return [month for month in last_amounts(incomes, count) if observed(incomes, month)]


def seen_figures(incomes: Incomes, count: int) -> list[Fraction]:
    """Their incomes, once all the calendar months can be used."""
    refuse_unknown(incomes, last_amounts(incomes, count))
    return [month_income(incomes, month) for month in seen_amounts(incomes, count)]


def all_amounts(incomes: Incomes) -> list[int]:
    """The observed months up to the latest known one."""
    return [month for month in history(incomes) if month <= last_known(incomes)]


def refuse_unknown_history(incomes: Incomes) -> list[int]:
    """The observed months up to the latest known one, once all can be used."""
    last = last_known(incomes)
    refuse_unknown(incomes, [month for month in whole(incomes) if month <= last])
    return all_amounts(incomes)


def figures(incomes: Incomes, months: list[int]) -> list[Fraction]:
    """Each month's income, once the months can be used."""
    refuse_unknown(incomes, months)
    return [month_income(incomes, month) for month in months]


def as_money(incomes: Incomes, exact: Fraction) -> Money:
    """In the ruleset's currency."""
    return money(exact, incomes.who.policy.currency)
