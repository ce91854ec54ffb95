"""Since when work is on record, and whether without a break; gaps in contributions beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decision_service.domain.accounts import INCOME_KINDS, Kind
from decision_service.domain.factor import Better, ValueType
from decision_service.domain.values import Cause, Missing, Month
from decision_service.factors.answer import Amount, Answer, in_order, longest_run
from decision_service.factors.contributions import (
    CONTRIBUTIONS,
    OWN_HORIZON,
    contribution_book,
    over_schemes,
)
from decision_service.factors.employment import is_open, jobs
from decision_service.factors.income_months import income_feed, income_months, platform_taints
from decision_service.factors.income_payroll import believed_jobs
from decision_service.factors.income_sources import Reporter, earned, income_sources, reported_by
from decision_service.factors.payroll import named_employer
from decision_service.factors.quality import feed, incomes, supply
from decision_service.factors.registry import FactorContext, months, once, window_length

LONGEST_BREAK = 2
"""So many months may lie between two jobs through whose pay a loan is repaid."""


@once
def paid_months(context: FactorContext) -> Mapping[Reporter, Sequence[int]]:
    """The months with income of each payroll and platform source, in order; documents have none."""
    facts = income_months(context).facts
    found: dict[Reporter, Sequence[int]] = {}
    for reporter, source in income_sources(context).items():
        if not source.prompt:
            continue
        amounts: Mapping[int, Amount]
        if source.kind is Kind.TRANSACTIONS:
            amounts = earned(context, source.feeder.id)
        else:
            amounts = {month: reported_by(told, reporter) for month, told in facts.items()}
        shown = [month for month, amount in amounts.items() if amount > 0]
        # A rider has trips in a month that has not ended: it is not settled, and shows nothing yet.
        found[reporter] = sorted([month for month in shown if month <= source.settled])
    return found


@once
def salaried_without_break(context: FactorContext, since: int) -> bool:
    """Whether payroll or named employments cover the months from one on, up to today.

    Between two of them, and before the first, at most two months are not covered; the last one is
    a live payroll or an open employment. Documents and unknown providers show neither.
    """
    today = context.as_of.date
    policy = context.policy
    now = Month.of(today).index
    covered: set[int] = set()
    goes_on = False
    for job in believed_jobs(context):
        # A record that says "voluntary" or "self-employed" is no job that anyone gave.
        if named_employer(job.employer, policy):
            goes_on = goes_on or is_open(job, today)
            last = min(job.end or today, today)
            covered.update(range(Month.of(job.start).index, Month.of(last).index + 1))
    for reporter, shown in paid_months(context).items():
        source = income_sources(context)[reporter]
        if not source.payroll:
            continue
        covered.update(shown)
        if source.live and source.newest_income is not None:
            goes_on = True
            # What is not due yet is no break: who is paid on the 5th has no pay on the 2nd.
            covered.update(range(source.newest_income, now + 1))
    breaks = [month not in covered for month in range(since, now + 1)]
    return goes_on and longest_run(breaks) <= LONGEST_BREAK


@once
def salary_doubts(context: FactorContext) -> Sequence[Missing]:
    """What went wrong with the payroll and employments that could cover further months."""
    clean = incomes(context)
    supplies = (supply(context, Kind.INCOMES),)
    paid = feed(context, supplies, clean.taints, held=bool(clean.records))
    return [one for one in (*paid.missing, *jobs(context).missing) if one.cause.tainted]


def _work_doubts(context: FactorContext) -> Sequence[Missing]:
    """What went wrong with the data that could show work, or work that began earlier."""
    found = (*income_feed(context).missing, *platform_taints(context), *jobs(context).missing)
    return [one for one in found if one.cause.tainted]


def _began(context: FactorContext) -> int | None:
    """The first month of a contribution, of a job on record, of payroll or of a platform."""
    starts = [scheme.paid[0] for scheme in contribution_book(context).paying]
    starts += [Month.of(job.start).index for job in jobs(context).records]
    starts += [shown[0] for shown in paid_months(context).values() if shown]
    return min(starts, default=None)


@CONTRIBUTIONS.factor(
    "gap_months_{w}",
    ValueType.INTEGER,
    "Months without a contribution to the best-covered scheme among the {period}.",
    formula=(
        "For each scheme the fewest months without a contribution above zero among {n} calendar"
        " months that end with a month from the one whose posting lag has just passed to the"
        " newest posted one; the smallest of these counts. Where a payroll or platform source,"
        " documents apart, has a month with income, the months before the work began do not count:"
        " before the earliest month of a contribution, of an employment on record and of such"
        " income. An estimate shows no work. Tainted by income or employments that went wrong,"
        " where the beginning changes the count." + OWN_HORIZON
    ),
    unit="months",
    windows=months(12, 24),
    upper=window_length,
    kinds=INCOME_KINDS | {Kind.EMPLOYMENTS},
    causes=frozenset({Cause.UNCLASSIFIED}),
    better=Better.DOWN,
)
def gap_months(context: FactorContext, length: int) -> Answer:
    book = contribution_book(context)
    began = _began(context)
    most = min([scheme.fewest_unpaid(length) for scheme in book.schemes], default=0)
    fewest = most
    if began is not None:
        fewest = min([s.fewest_unpaid(length, began) for s in book.schemes], default=0)
    works = any(paid_months(context).values())
    # Without work that someone shows, a first contribution may be bought for the loan: it hides
    # no gap before it.
    figure = fewest if works else most
    found = over_schemes(book, lambda s: s.windows(length), lambda: figure)
    doubts = in_order([*_work_doubts(context)])
    if not doubts or any(one.cause.tainted for one in found.missing):
        return found
    read = (context.snapshot.incomes, context.snapshot.eincomes, context.snapshot.employments)
    # A kind that was not read might show work or its beginning, whatever the count is now.
    if None not in read and (found.missing or fewest == most):
        return found
    return Answer(None, doubts, found.evidence)
