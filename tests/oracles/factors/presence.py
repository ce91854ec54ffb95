"""income.* about months with and without income, up to the horizon of presence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from decision_service.domain.values import Cause
from tests.oracles.factors.applicant import Unknown
from tests.oracles.factors.income_taints import taints_of_work
from tests.oracles.factors.monthly_income import (
    Incomes,
    history,
    observed,
    refuse_short,
    shows_income,
)
from tests.oracles.factors.usable import (
    INCOME,
    dropped,
    either_way,
    last_months,
    refuse_open,
    refuse_unusable,
    seen,
    used_shares,
    whole,
)

Factor = Callable[[Incomes], Any]
HasIncome = Callable[[int], bool]


def over_history(work: Callable[[Incomes, HasIncome], int]) -> Factor:
    """A factor that looks at the whole history."""

    def factor(incomes: Incomes) -> Any:
        refuse_short(incomes)
        refuse_unusable(incomes, whole(incomes))
        return either_way(incomes, history(incomes), lambda has: work(incomes, has))

    return factor


def months_total(incomes: Incomes, has: HasIncome) -> int:
    """Months with income over the whole history."""
    return len([month for month in history(incomes) if has(month)])


def with_income(incomes: Incomes, has: HasIncome) -> list[int]:
    """All months with income, of which there must be one."""
    found = [month for month in history(incomes) if has(month)]
    if not found:
        raise Unknown(Cause.NO_EVIDENCE)
    return found


def months_since_first(incomes: Incomes, has: HasIncome) -> int:
    """Months from the first income to the horizon."""
    return incomes.horizon - with_income(incomes, has)[0]


def months_since_last(incomes: Incomes) -> Any:
    """Months from the last income to the horizon; only open months after it matter."""
    refuse_short(incomes)
    refuse_unusable(incomes, whole(incomes))
    earned = [month for month in history(incomes) if shows_income(incomes, month)]
    after = [month for month in history(incomes) if not earned or month > earned[-1]]
    work = lambda has: incomes.horizon - with_income(incomes, has)[-1]  # noqa: E731
    return either_way(incomes, after, work)


def pauses(incomes: Incomes, has: HasIncome) -> list[int]:
    """The months without income between each month with income and the next."""
    earned = with_income(incomes, has)
    found = []
    for position in range(1, len(earned)):
        between = range(earned[position - 1] + 1, earned[position])
        months = len([month for month in between if observed(incomes, month)])
        if months > 0:
            found.append(months)
    return found


def inner_gaps_all(incomes: Incomes, has: HasIncome) -> int:
    """How many pauses there were."""
    return len(pauses(incomes, has))


def longest_inner_gap_all(incomes: Incomes, has: HasIncome) -> int:
    return max(pauses(incomes, has), default=0)


def count(n: int) -> Factor:
    """Income records in the last N months; an open one could bring another record."""

    def factor(incomes: Incomes) -> int:
        refuse_short(incomes)
        window = last_months(incomes, n)
        refuse_unusable(incomes, window)
        refuse_open(incomes, window)
        out = dropped(incomes, window, INCOME)
        shares = used_shares(incomes, window, INCOME)
        return len([share for share in shares if share.counted and share.record not in out])

    return factor


def months(n: int) -> Factor:
    """Months with income among the last N."""

    def factor(incomes: Incomes) -> Any:
        refuse_short(incomes)
        window = last_months(incomes, n)
        refuse_unusable(incomes, window)
        return either_way(
            incomes, window, lambda has: len([one for one in seen(incomes, n) if has(one)])
        )

    return factor


def gap_months(n: int) -> Factor:
    """Observed months without income among the last N."""

    def factor(incomes: Incomes) -> Any:
        refuse_short(incomes)
        window = seen(incomes, n)
        refuse_unusable(incomes, last_months(incomes, n))
        return either_way(incomes, window, lambda has: len([one for one in window if not has(one)]))

    return factor


def longest_run(window: list[int], has: HasIncome) -> int:
    """The longest run of following months without income."""
    longest = 0
    running = 0
    for month in window:
        follows = month - 1 in window
        running = 0 if has(month) else (running if follows else 0) + 1
        longest = max(longest, running)
    return longest


def longest_gap(n: int) -> Factor:
    """The longest run of such months."""

    def factor(incomes: Incomes) -> Any:
        refuse_short(incomes)
        window = seen(incomes, n)
        refuse_unusable(incomes, last_months(incomes, n))
        return either_way(incomes, window, lambda has: longest_run(window, has))

    return factor


def live_sources_count(incomes: Incomes) -> int:
    """How many live payroll and platform sources there are."""
    causes = taints_of_work(incomes.who)
    if causes:
        raise Unknown(*causes)
    return len([one for one in incomes.sources if one.live and (one.payroll or one.platform)])


FACTORS: dict[str, Factor] = {
    "months_total": over_history(months_total),
    "months_since_first": over_history(months_since_first),
    "months_since_last": months_since_last,
    "inner_gaps_all": over_history(inner_gaps_all),
    "longest_inner_gap_all": over_history(longest_inner_gap_all),
    "live_sources_count": live_sources_count,
}
for _n in [3, 6, 9, 12, 18, 24]:
    FACTORS[f"count_{_n}m"] = count(_n)
    FACTORS[f"months_{_n}m"] = months(_n)
for _n in [12, 24]:
    FACTORS[f"gap_months_{_n}m"] = gap_months(_n)
    FACTORS[f"longest_gap_{_n}m"] = longest_gap(_n)
