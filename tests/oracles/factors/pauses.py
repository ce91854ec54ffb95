"""income.*: pauses between two months with income."""

from __future__ import annotations

from collections.abc import Callable

from tests.oracles.factors.income import any_earned
from tests.oracles.factors.monthly_income import Incomes

Factor = Callable[[Incomes], int]


def pauses(incomes: Incomes) -> list[int]:
    """The months without income between each month with income and the next."""
    earned = any_earned(incomes)
    found = []
    for position in range(1, len(earned)):
        months = earned[position] - earned[position - 1] - 1
        if months > 0:
            found.append(months)
    return found


def inner_gaps_all(incomes: Incomes) -> int:
    """How many pauses there were."""
    return len(pauses(incomes))


def longest_inner_gap_all(incomes: Incomes) -> int:
    """The longest of them."""
    return max(pauses(incomes), default=0)


FACTORS: dict[str, Factor] = {
    "inner_gaps_all": inner_gaps_all,
    "longest_inner_gap_all": longest_inner_gap_all,
}
