"""One monthly income out of several accounts: one job counted once, gig platforms added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.needs import CombineIncome
from decision_service.factors.evidence import DOCUMENT_GRADE, PAYROLL_GRADE, PLATFORM_GRADE
from decision_service.factors.figures import Amount
from decision_service.factors.usage import Feeder

PAYROLL = "payroll"
ESTIMATE = "estimate"
GIG = "gig"

JobKey = tuple[str, str]
"""What a part of an income is (PAYROLL, ESTIMATE or GIG), and whose."""

Reporter = tuple[str, Kind]
"""An account and the kind of its records."""


class MonthFacts(msgspec.Struct, gc=False):
    """One month as told: payroll by account and employer, the rest by account.

    `grades` holds the grade of each account's estimate, `confirmed` what of the payroll in
    documents another source confirms.
    """

    payroll: dict[tuple[str, str], Amount] = msgspec.field(default_factory=dict)
    estimates: dict[str, int] = msgspec.field(default_factory=dict)
    earnings: dict[str, int] = msgspec.field(default_factory=dict)
    grades: dict[str, int] = msgspec.field(default_factory=dict)
    confirmed: dict[tuple[str, str], Amount] = msgspec.field(default_factory=dict)


class JobIncome(msgspec.Struct, gc=False):
    """One job's income of a month: the amount that counts, its grade, and its sources.

    `backed` is the part of the amount that somebody else than the applicant proves.
    """

    amount: Amount
    grade: int
    reported: dict[Reporter, Amount]
    backed: Amount


Feeders = Mapping[str, Feeder]
Parts = Mapping[JobKey, JobIncome]


def combined(mode: CombineIncome, facts: MonthFacts, feeders: Feeders) -> Parts:
    """The month's income by job; the income is the sum of the parts.

    per_job: payroll is the sum over employers of the account that proves best and then tells most,
    gig the sum over platforms of the highest account at each, estimates the highest formal account;
    payroll plus gig where the month has payroll, otherwise the larger of estimates and gig. max and
    sum: the highest account, or all of them.
    """
    if mode is CombineIncome.PER_JOB:
        return _per_job(facts, feeders)
    parts = {_account_job(s, facts, feeders): _account(s, facts, feeders) for s in reporters(facts)}
    if mode is CombineIncome.SUM or not parts:
        return parts
    job = max(sorted(parts), key=lambda j: parts[j].amount)
    return {job: parts[job]}


def reporters(facts: MonthFacts) -> Sequence[str]:
    """The accounts that tell of a month, in text order."""
    return sorted({s for s, _ in facts.payroll} | facts.estimates.keys() | facts.earnings.keys())


def has_formal_payroll(facts: MonthFacts, feeders: Feeders) -> bool:
    """Whether a month has payroll of an account that is no gig platform."""
    return any(not feeders[source].gig for source, _ in facts.payroll)


def reported_by(facts: MonthFacts, reporter: Reporter) -> Amount:
    """What an account's records of one kind tell of a month; 0 where they do not."""
    source, kind = reporter
    if kind is Kind.INCOMES:
        return sum(amount for (account, _), amount in facts.payroll.items() if account == source)
    reported = facts.estimates if kind is Kind.EINCOMES else facts.earnings
    return reported.get(source, 0)


def payroll_grade(feeder: Feeder) -> int:
    """How well an account's payroll proves income."""
    return DOCUMENT_GRADE if feeder.document else PAYROLL_GRADE


def platform_grade(feeder: Feeder) -> int:
    """How well a platform's account proves income."""
    return DOCUMENT_GRADE if feeder.document else PLATFORM_GRADE


def _per_job(facts: MonthFacts, feeders: Feeders) -> Parts:
    payroll: dict[JobKey, JobIncome] = {}
    for (source, employer), amount in facts.payroll.items():
        if not feeders[source].gig:
            paid = {(source, employer): amount}
            part = _paid(source, feeders[source], paid, facts)
            _keep_best(payroll, (PAYROLL, employer), part)
    gig: dict[JobKey, JobIncome] = {}
    estimates: dict[JobKey, JobIncome] = {}
    for source in reporters(facts):
        if feeders[source].gig:
            part = _account(source, facts, feeders)
            _keep_best(gig, (GIG, feeders[source].provider_id), part)
        elif not payroll and source in facts.estimates:
            _keep_largest(estimates, (ESTIMATE, ""), _account(source, facts, feeders))
    if payroll:
        return payroll | gig
    return _larger(estimates, gig)


def _larger(estimates: Parts, gig: Parts) -> Parts:
    """The larger of the highest estimate and gig; equal ones count as told by both."""
    if not estimates or not gig:
        return estimates or gig
    reported, worked = total(estimates), total(gig)
    if reported == worked:
        reporters = {
            reporter: amount for work in gig.values() for reporter, amount in work.reported.items()
        }
        return {job: _also_reported(part, reporters) for job, part in estimates.items()}
    return estimates if reported > worked else gig


def _also_reported(part: JobIncome, reporters: Mapping[Reporter, Amount]) -> JobIncome:
    return JobIncome(part.amount, part.grade, {**part.reported, **reporters}, part.backed)


def total(parts: Parts) -> Amount:
    """The income that the parts make up."""
    return sum([part.amount for part in parts.values()])


def _account(source: str, facts: MonthFacts, feeders: Feeders) -> JobIncome:
    """An account's month: its payroll, where there is none its estimate, else its earnings."""
    feeder = feeders[source]
    paid = {job: amount for job, amount in facts.payroll.items() if job[0] == source}
    if paid:
        return _paid(source, feeder, paid, facts)
    if source in facts.estimates:
        return _reported((source, Kind.EINCOMES), facts.estimates[source], facts.grades[source])
    return _reported((source, Kind.TRANSACTIONS), facts.earnings[source], platform_grade(feeder))


def _reported(reporter: Reporter, amount: Amount, grade: int) -> JobIncome:
    """An estimate or earnings."""
    return JobIncome(amount, grade, {reporter: amount}, amount if grade <= PLATFORM_GRADE else 0)


def _paid(
    source: str, feeder: Feeder, paid: Mapping[tuple[str, str], Amount], facts: MonthFacts
) -> JobIncome:
    """Some of an account's payroll."""
    amount, grade = sum(paid.values()), payroll_grade(feeder)
    confirmed = sum(facts.confirmed.get(job, 0) for job in paid)
    backed = amount if grade == PAYROLL_GRADE else confirmed
    return JobIncome(amount, grade, {(source, Kind.INCOMES): amount}, backed)


def _account_job(source: str, facts: MonthFacts, feeders: Feeders) -> JobKey:
    if feeders[source].gig:
        return GIG, source
    paid = any(account == source for account, _ in facts.payroll)
    return (PAYROLL if paid else ESTIMATE), source


def _keep_best(parts: dict[JobKey, JobIncome], job: JobKey, part: JobIncome) -> None:
    """The amount of better proof; of equal proof the larger amount."""
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
        parts[job] = JobIncome(held.amount, best.grade, held.reported | part.reported, best.backed)
