"""Since when somebody works, and what loans and contributions make of it."""

from __future__ import annotations

from collections.abc import Callable

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Liability
from decision_service.domain.values import ABSENT, Cause, Month
from tests.oracles.factors.applicant import Applicant, Unknown, Wait, feeders, read_of
from tests.oracles.factors.contributions import (
    Contributions,
    all_schemes,
    contributions_of,
    covered_months,
    lag_of,
    settled_of,
    window_reach,
    within,
    without_single,
)
from tests.oracles.factors.employers import employments, names_one
from tests.oracles.factors.income_taints import taints_of_work
from tests.oracles.factors.liabilities import (
    TIMES_A_YEAR,
    is_housing,
    is_long,
    loans_of,
    open_total,
    unpaid,
)
from tests.oracles.factors.monthly_income import incomes_of
from tests.oracles.factors.paydays import believable_jobs
from tests.oracles.factors.sources import Source, sources_of
from tests.oracles.factors.taints import taints

Causes = set[Cause | Wait]


def tainted(causes: Causes) -> Causes:
    """Those that are failures, and not merely nothing."""
    return {one for one in causes if one not in ABSENT}


def working(who: Applicant) -> list[Source]:
    """What pays by its own word: payroll and platforms, no papers."""
    return [
        one for one in sources_of(who) if (one.payroll or one.platform) and not one.feeder.document
    ]


def gap_months(n: int) -> Callable[[Applicant], int]:
    """Months without a contribution, those before all work apart, at the scheme with the fewest."""

    def factor(who: Applicant) -> int:
        doubts = doubts_of_work(who)
        unread = any(
            read_of(who, kind) is None for kind in (Kind.INCOMES, Kind.EINCOMES, Kind.EMPLOYMENTS)
        )
        try:
            family = contributions_of(who)
            whole = unpaid_months(family, n, None)
            shorter = unpaid_months(family, n, beginning(family))
        except Unknown as unknown:
            if unread and doubts and not tainted(unknown.causes):
                raise Unknown(*doubts) from unknown
            raise
        if doubts and (unread or whole != shorter):
            raise Unknown(*doubts)
        return shorter if first_worked(who) is not None else whole

    return factor


def doubts_of_work(who: Applicant) -> Causes:
    """What hides work, or an earlier beginning of it."""
    causes = set(taints_of_work(who)) | taints(who, [Kind.EMPLOYMENTS])
    try:
        incomes_of(who)
    except Unknown as unknown:
        causes |= unknown.causes
    return tainted(causes)


def unpaid_months(family: Contributions, n: int, since: int | None) -> int:
    """The fewest months without one, of every scheme and every month that its year may end with."""
    cleaned = without_single(family, lambda scheme: window_reach(family, scheme, n))
    counts, causes = [], set()
    for scheme in all_schemes(family):
        reach = window_reach(family, scheme, n)
        try:
            paid = covered_months(within(cleaned, reach, scheme), [scheme])
        except Unknown as unknown:
            causes |= unknown.causes
            continue
        for end in range(lag_of(family, scheme), settled_of(family, scheme) + 1):
            window = [month for month in reach if end - n < month <= end]
            looked_at = [month for month in window if since is None or month >= since]
            counts.append(len([month for month in looked_at if month not in paid]))
    if causes:
        raise Unknown(*causes)
    return min(counts)


def first_worked(who: Applicant) -> int | None:
    """The first month in which payroll or a platform shows income."""
    months = list[int]()
    for source in working(who):
        shown = {month for month in source.amounts if source.amount(month) > 0}
        if source.kind is Kind.EINCOMES:
            shown -= taken_back(who, source)
        months += shown
    return min(months, default=None)


def taken_back(who: Applicant, estimated: Source) -> set[int]:
    """The months of which an account's trips say that nothing was left, and no payroll does."""
    found, paid = set[int](), set[int]()
    for source in sources_of(who):
        if source.feeder.id == estimated.feeder.id:
            if source.kind is Kind.TRANSACTIONS:
                found |= {month for month in source.amounts if source.amount(month) < 0}
            elif source.payroll:
                paid |= {month for month in source.amounts if month <= source.settled}
    return found - paid


def beginning(family: Contributions) -> int | None:
    """The first month of work, of a job on record or of a contribution."""
    who, months = family.who, []
    for scheme in all_schemes(family):
        history = [one for one in family.paid if one.currency == who.policy.currency]
        paid = covered_months([one for one in history if one.scheme == scheme], [scheme])
        months += [month for month in paid if month <= settled_of(family, scheme)][:1]
    months += [Month.of(one.start).index for one in employments(who)]
    worked = first_worked(who)
    return min(months + ([] if worked is None else [worked]), default=None)


def outstanding_short_term(who: Applicant) -> object:
    """What is left to pay on short loans, those apart that are kept back from a salary."""
    doubts = tainted(taints(who, [Kind.INCOMES]) | taints(who, [Kind.EMPLOYMENTS]))
    unread = read_of(who, Kind.INCOMES) is None or read_of(who, Kind.EMPLOYMENTS) is None
    waiting = False
    try:
        loans = [one for one in loans_of(who) if not is_housing(one) and not is_long(one)]
        kept_back = [one for one in loans if may_be_kept_back(who, one)]
        salaried = [one for one in kept_back if works_since(who, one)]
        waiting = len(salaried) < len(kept_back)
        total = sum_of(who, [one for one in loans if one not in salaried], salaried)
    except Unknown as unknown:
        if doubts and (unread or waiting) and not tainted(unknown.causes):
            raise Unknown(*doubts) from unknown
        raise
    if doubts and (unread or waiting):
        raise Unknown(*doubts)
    return total


def sum_of(who: Applicant, counted: list[Liability], salaried: list[Liability]) -> object:
    """What is open on some loans; those that a salary repays have to say what is overdue."""
    total = open_total(who, counted)
    if any(one.overdue is None for one in salaried):
        raise Unknown(Cause.NO_DATA)
    return total


def may_be_kept_back(who: Applicant, loan: Liability) -> bool:
    """Whether an employer would keep its instalments back: a scheme's loan in good order."""
    schemes = {one.id for one in feeders(who) if one.scheme}
    late = (loan.overdue or 0) > 0 or (loan.end is not None and loan.end < who.as_of.date)
    told = loan.amortization_frequency in TIMES_A_YEAR and (loan.amortization or 0) > 0
    return loan.source in schemes and unpaid(loan) and told and not late


def works_since(who: Applicant, loan: Liability) -> bool:
    """Whether jobs and pay follow each other from a loan's first month to today."""
    today = Month.of(who.as_of.date).index
    spells = list[tuple[int, int]]()
    lasting = False
    for job in believable_jobs(who):
        if names_one(who, job.employer):
            over = job.end is not None and job.end < who.as_of.date
            end = Month.of(job.end).index if over and job.end else today
            spells.append((Month.of(job.start).index, end))
            lasting = lasting or not over
    for source in working(who):
        if not source.payroll or source.platform:
            continue
        months = [month for month in source.amounts if source.amount(month) > 0]
        spells += [(month, month) for month in months]
        if source.live:
            lasting = True
            newest = max(month for month, amount in source.amounts.items() if amount > 0)
            spells.append((newest, today))
    reached = Month.of(loan.start).index - 1
    for first, last in sorted(spells):
        if first - reached - 1 > 2:
            return False
        reached = max(reached, last)
    return lasting and today - reached <= 2


ALONE: dict[str, Callable[[Applicant], object]] = {
    "liabilities.outstanding_short_term": outstanding_short_term,
    "contributions.gap_months_12m": gap_months(12),
    "contributions.gap_months_24m": gap_months(24),
}
