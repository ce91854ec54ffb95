"""The sources of the monthly income, and how several become one income."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import DataPolicy
from decision_service.domain.values import Month
from decision_service.factors.answer import DOCUMENT_GRADE, PAYROLL_GRADE, PLATFORM_GRADE, Amount
from decision_service.factors.horizons import (
    Settlement,
    SourceCoverage,
    last_seen,
    source_of,
    stand_in_from,
)
from decision_service.factors.ledger import ledger, unexplained, within_days
from decision_service.factors.paychecks import paychecks, posted_month
from decision_service.factors.paydays import pay_delay
from decision_service.factors.payroll import last_day_of
from decision_service.factors.quality import eincomes, employments, incomes, last_day
from decision_service.factors.registry import FactorContext, once
from decision_service.factors.tally import OF_NET, Page, Stretch, first_of, month_of_page
from decision_service.factors.usage import Feeder, counted, feeding

PAYROLL = "payroll"
ESTIMATE = "estimate"
GIG = "gig"

ABOVE_CEILING = (5, 4)
"""Documents count up to one and a quarter of the ceiling at which a scheme's estimate is."""

JobKey = tuple[str, str]
"""What a part of an income is (PAYROLL, ESTIMATE or GIG), and whose."""

Reporter = tuple[str, Kind]
"""An account and the kind of its records."""


Earned = Mapping[int, int]
"""An account's net earnings by month, of the months with an earning, a fee or a reversal."""


class MonthFacts(msgspec.Struct, gc=False):
    """One month as reported: payroll by account and employer, the rest by account.

    `grades` holds the grade of each account's estimate, `ceilings` the legal ceiling of those that
    reach it, `named` the accounts with an employment at a named employer in the month.
    """

    payroll: dict[tuple[str, str], Amount] = msgspec.field(default_factory=dict)
    estimates: dict[str, Amount] = msgspec.field(default_factory=dict)
    earnings: dict[str, Amount] = msgspec.field(default_factory=dict)
    grades: dict[str, int] = msgspec.field(default_factory=dict)
    ceilings: dict[str, int] = msgspec.field(default_factory=dict)
    named: set[str] = msgspec.field(default_factory=set)


class JobIncome(msgspec.Struct, gc=False):
    """`backed` is the part of `amount` that others than the applicant prove."""

    amount: Amount
    grade: int
    reported: dict[Reporter, Amount]
    backed: Amount


Feeders = Mapping[str, Feeder]
Parts = Mapping[JobKey, JobIncome]


def income_by_job(facts: MonthFacts, feeders: Feeders) -> Parts:
    """The month's income by job; the income is the sum of the parts.

    Payroll is the sum over employers of the highest account within each, gig the sum over
    platforms of the highest account at each, estimates the highest formal account; payroll plus gig
    where the month has payroll, otherwise the larger of estimates and gig. Documents add nothing
    where payroll or a scheme reports the month, but at a scheme's ceiling up to a quarter of it;
    elsewhere they count like payroll.
    """
    payroll: dict[JobKey, JobIncome] = {}
    papers: dict[JobKey, JobIncome] = {}
    for (source, employer), amount in facts.payroll.items():
        if not feeders[source].gig:
            part = _paid(source, feeders[source], {(source, employer): amount})
            kept = papers if part.grade == DOCUMENT_GRADE else payroll
            _keep_largest(kept, (PAYROLL, employer), part)
    gig = _gig(facts, feeders)
    worked = _no_paper(gig)
    if payroll:
        return payroll | worked
    estimates = highest_estimate(facts, feeders)
    if any(feeders[s].scheme and not feeders[s].document for s in facts.estimates):
        return _larger(_at_least(estimates, facts, total(papers | gig) - total(worked)), worked)
    return papers | gig if papers else _larger(estimates, gig)


def platform_work(facts: MonthFacts, feeders: Feeders) -> dict[JobKey, JobIncome]:
    """What platforms themselves report of a month, documents aside."""
    return _no_paper(_gig(facts, feeders))


def _gig(facts: MonthFacts, feeders: Feeders) -> dict[JobKey, JobIncome]:
    gig: dict[JobKey, JobIncome] = {}
    for source in reporters(facts):
        if feeders[source].gig:
            part = _account(source, facts, feeders)
            _keep_best(gig, (GIG, feeders[source].provider_id), part)
    return gig


def _no_paper(parts: Parts) -> dict[JobKey, JobIncome]:
    return {job: part for job, part in parts.items() if part.grade != DOCUMENT_GRADE}


def shown_by_work(facts: MonthFacts, feeders: Feeders) -> Amount:
    """What payroll and platforms report of a month, whatever schemes estimate; no documents."""
    jobs = formal_jobs(facts, feeders).values()
    paid = sum([grades.get(PAYROLL_GRADE, 0) for grades in jobs])
    return paid + total(platform_work(facts, feeders))


def reporters(facts: MonthFacts) -> Sequence[str]:
    return sorted({s for s, _ in facts.payroll} | facts.estimates.keys() | facts.earnings.keys())


def has_formal_payroll(facts: MonthFacts, feeders: Feeders) -> bool:
    """Whether a month has payroll of an account that is no gig platform and no document."""
    return any(not feeders[s].gig and not feeders[s].document for s, _ in facts.payroll)


def formal_jobs(facts: MonthFacts, feeders: Feeders) -> Mapping[str, Mapping[int, Amount]]:
    """The highest payroll of each formal job by grade; documents are the grade below payroll's."""
    jobs: dict[str, dict[int, Amount]] = {}
    for (source, employer), amount in facts.payroll.items():
        if not feeders[source].gig:
            grades = jobs.setdefault(employer, {})
            grade = payroll_grade(feeders[source])
            grades[grade] = max(amount, grades.get(grade, amount))
    return jobs


def platform_jobs(facts: MonthFacts, feeders: Feeders) -> Mapping[JobKey, Mapping[int, Amount]]:
    """The highest account of each platform by grade."""
    jobs: dict[JobKey, dict[int, Amount]] = {}
    for source in reporters(facts):
        if feeders[source].gig:
            part = _account(source, facts, feeders)
            grades = jobs.setdefault((GIG, feeders[source].provider_id), {})
            grades[part.grade] = max(part.amount, grades.get(part.grade, part.amount))
    return jobs


def reported_by(facts: MonthFacts, reporter: Reporter) -> Amount:
    """What an account's records of one kind report of a month; 0 where they do not."""
    source, kind = reporter
    if kind is Kind.INCOMES:
        return sum(amount for (account, _), amount in facts.payroll.items() if account == source)
    reported = facts.estimates if kind is Kind.EINCOMES else facts.earnings
    return reported.get(source, 0)


def payroll_grade(feeder: Feeder) -> int:
    return DOCUMENT_GRADE if feeder.document else PAYROLL_GRADE


def platform_grade(feeder: Feeder) -> int:
    return DOCUMENT_GRADE if feeder.document else PLATFORM_GRADE


def highest_estimate(facts: MonthFacts, feeders: Feeders) -> Parts:
    """The highest estimate of a formal account without payroll; of a document only without others.

    It is not held to what a platform reports: what no employer vouches for may be other work.
    """
    paid = {source for source, _ in facts.payroll}
    formal = [s for s in sorted(facts.estimates) if not feeders[s].gig and s not in paid]
    found: dict[JobKey, JobIncome] = {}
    for source in [s for s in formal if not feeders[s].document] or formal:
        part = _reported((source, Kind.EINCOMES), facts.estimates[source], facts.grades[source])
        _keep_largest(found, (ESTIMATE, ""), part)
    return found


def _at_least(estimates: Parts, facts: MonthFacts, papers: Amount) -> Parts:
    """The estimate; at its ceiling documents add to it, up to a quarter, which is not backed."""
    found = dict(estimates)
    for job, part in estimates.items():
        ceilings = [facts.ceilings[s] for s, _ in part.reported if s in facts.ceilings]
        reached = [ceiling for ceiling in ceilings if part.amount >= ceiling]
        if reached:
            times, of = ABOVE_CEILING
            most = min(papers, Fraction(max(reached) * times, of))
            amount = max(part.amount, most)
            found[job] = JobIncome(amount, part.grade, part.reported, backed=part.backed)
    return found


def _larger(estimates: Parts, gig: Parts) -> Parts:
    """The larger of the highest estimate and gig; equal ones count as reported by both.

    What a platform took back in a month beyond what it paid lowers the estimate.
    """
    if not estimates or not gig:
        return estimates or gig
    reported = total(estimates)
    worked = total(gig)
    if worked < 0:
        return {**estimates, **gig}
    if reported == worked:
        reporters = {
            reporter: amount for work in gig.values() for reporter, amount in work.reported.items()
        }
        return {
            job: replace(part, reported={**part.reported, **reporters})
            for job, part in estimates.items()
        }
    return estimates if reported > worked else gig


def total(parts: Parts) -> Amount:
    return sum([part.amount for part in parts.values()])


def _account(source: str, facts: MonthFacts, feeders: Feeders) -> JobIncome:
    feeder = feeders[source]
    paid = {job: amount for job, amount in facts.payroll.items() if job[0] == source}
    if paid:
        return _paid(source, feeder, paid)
    if source in facts.estimates:
        return _reported((source, Kind.EINCOMES), facts.estimates[source], facts.grades[source])
    return _reported((source, Kind.TRANSACTIONS), facts.earnings[source], platform_grade(feeder))


def _reported(reporter: Reporter, amount: Amount, grade: int) -> JobIncome:
    return JobIncome(
        amount, grade, {reporter: amount}, backed=amount if grade <= PLATFORM_GRADE else 0
    )


def _paid(source: str, feeder: Feeder, paid: Mapping[tuple[str, str], Amount]) -> JobIncome:
    amount = sum(paid.values())
    grade = payroll_grade(feeder)
    backed = amount if grade == PAYROLL_GRADE else 0
    return JobIncome(amount, grade, {(source, Kind.INCOMES): amount}, backed=backed)


def _keep_best(parts: dict[JobKey, JobIncome], job: JobKey, part: JobIncome) -> None:
    held = parts.get(job)
    if held is not None and held.grade != part.grade:
        parts[job] = min(held, part, key=lambda p: p.grade)
    else:
        _keep_largest(parts, job, part)


def _keep_largest(parts: dict[JobKey, JobIncome], job: JobKey, part: JobIncome) -> None:
    held = parts.get(job)
    if held is None or part.amount > held.amount:
        parts[job] = part
    elif part.amount == held.amount:
        best = min(held, part, key=lambda p: (p.grade, -p.backed))
        parts[job] = JobIncome(
            held.amount, best.grade, held.reported | part.reported, backed=best.backed
        )


@once
def income_sources(context: FactorContext) -> Mapping[Reporter, SourceCoverage]:
    reported = [
        _source(context, source, Kind.EINCOMES, posted=months, amounts=months)
        for source, months in estimates(context).items()
    ]
    found = [*reported, *_payroll(context), *_earnings(context)]
    return {(source.feeder.id, source.kind): source for source in found}


@once
def income_settlement(context: FactorContext) -> Settlement:
    today = context.as_of.date
    ended = {Month.of(r.end).index for r in employments(context).records if r.end and r.end < today}
    sources = list(income_sources(context).values())
    return Settlement(sources, ended, Month.of(today).index - 1)


def platforms(context: FactorContext) -> tuple[Feeder, ...]:
    """The counted gig accounts that have or may have transactions."""
    return tuple(f for f in feeding(context, Kind.TRANSACTIONS) if f.gig)


@once
def earned(context: FactorContext, source: str) -> Earned:
    """A gig account's net earnings by month, from the first day that is income."""
    if source not in ledger(context).pages:
        return {}
    undue = unexplained(context, source)
    tallies = [(month, s.tally) for month, s in months_of_earnings(context, source).items()]
    return {
        m: t.net - within_days(undue, first_of(m), first_of(m + 1))
        for m, t in tallies
        if t.records(OF_NET)
    }


@once
def stand_in_months(context: FactorContext) -> range:
    """The months of which transactions may be income: 13 before as_of's, and as_of's own."""
    first = Month.of(stand_in_from(context.as_of.date)).index
    return range(first, Month.of(last_day(context)).index + 1)


@once
def months_of_earnings(context: FactorContext, source: str) -> Mapping[int, Stretch]:
    """A gig account's transactions of each month of which they may be income."""
    page: Page = ledger(context).pages.get(source, ())
    return {month: month_of_page(page, month) for month in stand_in_months(context)}


@once
def estimates(context: FactorContext) -> Mapping[str, Mapping[int, int]]:
    """What each account estimates by month, up to its ceiling; 0 in another currency alone."""
    amounts: dict[str, dict[int, int]] = {}
    for record in eincomes(context).records:
        months = amounts.setdefault(record.source, {})
        ours = record.amount if record.currency == context.currency else 0
        months[record.month] = months.get(record.month, 0) + ours
    for source, months in amounts.items():
        provider = counted(context)[source].provider_id
        for month, amount in months.items():
            ceiling = ceiling_of(context.policy, provider, month)
            months[month] = amount if ceiling is None else min(amount, ceiling)
    return amounts


def ceiling_of(policy: DataPolicy, provider_id: str, month: int) -> int | None:
    """The most that a scheme can report of a month's income, in minor units; None: no bound."""
    day = Month(month).first_day
    fitting = [
        c
        for c in policy.ceilings
        if c.since <= day and c.currency == policy.currency and fnmatchcase(provider_id, c.provider)
    ]
    return max(fitting, key=lambda c: c.since).amount if fitting else None


def _payroll(context: FactorContext) -> Iterable[SourceCoverage]:
    posted: dict[str, set[int]] = {}
    amounts: dict[str, dict[int, Amount]] = {}
    for record in incomes(context).records:
        seen = Month.of(last_seen(context.as_of, counted(context)[record.source])).index
        posted.setdefault(record.source, set()).add(posted_month(record, seen))
        months = amounts.setdefault(record.source, {})
        months.setdefault(Month.of(last_day_of(record)).index, 0)
    for check in paychecks(context).counted:
        for month, share in check.placed.shares:
            months = amounts[check.account]
            months[month] = months.get(month, 0) + share
    for source, months in amounts.items():
        delay = pay_delay(context, source)
        yield _source(
            context, source, Kind.INCOMES, posted=posted[source], amounts=months, delay=delay
        )


def _earnings(context: FactorContext) -> Iterable[SourceCoverage]:
    for feeder in platforms(context):
        months = earned(context, feeder.id)
        if months:
            yield _source(context, feeder.id, Kind.TRANSACTIONS, posted=months, amounts=months)


def _source(
    context: FactorContext,
    source: str,
    kind: Kind,
    posted: Iterable[int],
    amounts: Mapping[int, Amount],
    delay: int | None = None,
) -> SourceCoverage:
    paid = [month for month, amount in amounts.items() if amount > 0]
    feeder = counted(context)[source]
    newest = max(amounts)
    income = max(paid, default=None)
    posted = frozenset(posted)
    return source_of(
        context, feeder, kind, posted=posted, newest=newest, newest_income=income, delay=delay
    )
