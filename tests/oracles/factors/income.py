"""income.* about months with income, their amounts, jobs, and payroll alone."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from decision_service.domain.values import Cause, Money
from tests.oracles.factors.amounts import (
    INCOME,
    PAYROLL,
    as_money,
    dropped,
    either_way,
    figures,
    last_amounts,
    last_known,
    last_months,
    refuse_open,
    refuse_unknown,
    refuse_unusable,
    seen,
    seen_amounts,
    seen_figures,
    unusable,
    used_shares,
    whole,
)
from tests.oracles.factors.applicant import Unknown
from tests.oracles.factors.monthly_income import (
    Incomes,
    history,
    is_overlapped,
    observed,
    refuse_short,
    shows_income,
    taints_of_work,
    wait_for,
)
from tests.oracles.factors.parts import month_income, parts_of, payroll_parts
from tests.oracles.factors.records import deviation, mean, median, number
from tests.oracles.factors.sources import Source, live_or_all

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


def jobs(incomes: Incomes) -> dict[tuple[str, str], Fraction]:
    """The jobs that gave something in the observed months of a year."""
    refuse_unknown(incomes, last_amounts(incomes, 12))
    window = seen_amounts(incomes, 12)
    given: dict[tuple[str, str], Fraction] = {}
    for month in window:
        for part in parts_of(incomes, month):
            job = (part.form, part.name)
            given[job] = given.get(job, Fraction(0)) + part.amount
    return {job: amount for job, amount in given.items() if amount > 0}


def jobs_count(incomes: Incomes) -> int:
    """Jobs with income in a year."""
    return len(jobs(incomes))


def share_of(given: dict[tuple[str, str], Fraction], part: Fraction) -> Decimal:
    """A part of what all jobs gave."""
    whole = sum(given.values(), Fraction(0))
    if whole == 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number(part / whole)


def top_job_share_12m(incomes: Incomes) -> Decimal:
    """The largest job in all income of a year."""
    given = jobs(incomes)
    return share_of(given, max(given.values(), default=Fraction(0)))


def share_of_form(form: str) -> Factor:
    """The jobs of one form in all income of a year."""

    def factor(incomes: Incomes) -> Decimal:
        given = jobs(incomes)
        parts = [amount for job, amount in given.items() if job[0] == form]
        return share_of(given, sum(parts, Fraction(0)))

    return factor


def payroll_sources(incomes: Incomes) -> list[Source]:
    """The payroll of formal accounts; Unknown where none feeds."""
    found = [one for one in incomes.sources if one.payroll and not one.platform]
    if not found:
        raise Unknown(Cause.NO_EVIDENCE)
    return found


def first_month(sources: list[Source]) -> int:
    return min(share.month for source in sources for share in source.shares)


def months_since_last_payroll(incomes: Incomes) -> int:
    """Months from the last payroll to the latest month that live payroll has settled."""
    sources = payroll_sources(incomes)
    last = max(one.settled for one in live_or_all(sources))
    window = list(range(first_month(sources), last + 1))
    if not window:
        raise Unknown(Cause.SHORT_HISTORY)
    paid = [month for month in window if any(one.amount(month) > 0 for one in sources)]
    after = [month for month in window if not paid or month >= paid[-1]]
    causes = unusable(incomes, after, PAYROLL)
    for month in window:
        late = [one for one in live_or_all(sources) if one.settled < month]
        if late and (not paid or month > paid[-1]):
            causes.add(wait_for(incomes, month, late))
            break
    if causes:
        raise Unknown(*causes)
    if not paid:
        raise Unknown(Cause.NO_EVIDENCE)
    return last - paid[-1]


def latest_payroll_month(incomes: Incomes) -> Money:
    """The payroll of the latest month that all live payroll has settled."""
    sources = payroll_sources(incomes)
    month = min(one.settled for one in live_or_all(sources))
    if month < first_month(sources):
        raise Unknown(Cause.SHORT_HISTORY)
    if is_overlapped(incomes, month):
        raise Unknown(Cause.BAD_DATA)
    refuse_unusable(incomes, [month], PAYROLL)
    paid = sum((part.amount for part in payroll_parts(incomes, month)), Fraction(0))
    return as_money(incomes, paid)


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


def over_earned(aggregate: Callable[[list[Fraction]], Fraction], n: int) -> Factor:
    """One of the vendor's figures over the months with income."""

    def factor(incomes: Incomes) -> Money:
        window = last_amounts(incomes, n)
        refuse_unknown(incomes, window)
        earned = earned_of(incomes, window)
        if not earned and aggregate is not total:
            raise Unknown(Cause.NO_EVIDENCE)
        return as_money(incomes, aggregate(earned))

    return factor


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
    "months_total": over_history(months_total),
    "months_since_first": over_history(months_since_first),
    "months_since_last": months_since_last,
    "live_sources_count": live_sources_count,
    "jobs_count": jobs_count,
    "top_job_share_12m": top_job_share_12m,
    "payroll_share_12m": share_of_form("payroll"),
    "gig_share_12m": share_of_form("gig"),
    "months_since_last_payroll": months_since_last_payroll,
    "latest_payroll_month": latest_payroll_month,
    "latest_month": latest_month,
    "latest_share": latest_share,
}

for _n in [3, 6, 9, 12, 18, 24]:
    FACTORS[f"calendar_average_{_n}m"] = calendar_average(_n)

for _n in [3, 6, 12]:
    FACTORS[f"sum_{_n}m"] = over_earned(total, _n)
    FACTORS[f"median_{_n}m"] = over_earned(median, _n)
FACTORS["average_6m"] = over_earned(mean, 6)

for _n in [3, 6, 9, 12, 18, 24]:
    FACTORS[f"count_{_n}m"] = count(_n)
    FACTORS[f"months_{_n}m"] = months(_n)

for _n in [12, 24]:
    FACTORS[f"gap_months_{_n}m"] = gap_months(_n)
    FACTORS[f"longest_gap_{_n}m"] = longest_gap(_n)

for _n in [6, 12, 24]:
    FACTORS[f"change_{_n}m"] = change(_n)
    FACTORS[f"change_{_n}m_pct"] = change_pct(_n)
    FACTORS[f"trend_{_n}m_pct"] = trend_pct(_n)

for _n in [6, 12]:
    FACTORS[f"sum_change_{_n}m"] = sum_change(_n)
    FACTORS[f"conservative_{_n}m"] = conservative(_n)
    FACTORS[f"volatility_{_n}m"] = volatility(_n)
