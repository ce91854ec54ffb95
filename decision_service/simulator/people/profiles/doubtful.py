"""Difficult profiles: data twice, under two names, after a refusal, or of an unknown provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from decision_service.simulator.formats.dates import first_day, month_of
from decision_service.simulator.people.payroll import (
    incomes,
    monthly_summaries,
    repeated_payslips,
    thirteenth_month,
)
from decision_service.simulator.people.profiles.deliveries import (
    PLATFORMS,
    delivered,
    papers,
    payroll,
    platform,
    scheme,
    span,
)
from decision_service.simulator.people.profiles.loans import overdue_loan
from decision_service.simulator.people.profiles.member import Delivered, Job, Member
from decision_service.simulator.people.shapes import Origin, account
from decision_service.simulator.people.world import Json

ExtraPayslips = Callable[[Origin, Job, list[Json]], list[Json]]
"""Makes what a payroll delivers of a job beside its payslips."""
UNLISTED = "paydesk_ph"
"""A provider that the vendor's list of providers does not hold."""


def side_gig(member: Member) -> list[Delivered]:
    """A job that payroll shows, and deliveries after hours."""
    job = member.job(member.rng.randint(12, 36))
    return [
        payroll(member, job, job.provider),
        platform(member, member.rng.choice(PLATFORMS), 1_200),
    ]


def two_spellings(member: Member) -> list[Delivered]:
    """One job under two spellings of its employer, at a scheme and at a payroll system."""
    job = member.job(member.rng.randint(12, 36))
    shouted = replace(job, employer=job.employer.upper().replace(",", "").replace(".", ""))
    return [scheme(member, shouted), payroll(member, job, "sprout_ph", "Semimonthly")]


def told_twice(member: Member) -> list[Delivered]:
    """Payroll that repeats its latest payslips under new ids."""
    return [_payslips(member, lambda origin, _, paid: repeated_payslips(origin, paid[-6:]))]


def monthly_summary(member: Member) -> list[Delivered]:
    """Payroll that lists both halves of a month and the whole month beside them."""
    return [_payslips(member, lambda origin, _, paid: monthly_summaries(origin, paid[-12:]))]


def thirteenth_month_pay(member: Member) -> list[Delivered]:
    """Payroll with an extra month's pay for each whole year, dated January to December."""
    return [_payslips(member, lambda origin, job, _: _extra(member, origin, job))]


def refused_with_loans(member: Member) -> list[Delivered]:
    """A job at a payroll system, and a scheme that now refuses and holds an overdue loan."""
    job = member.job(member.rng.randint(18, 48))
    origin, shown = scheme(member, job)
    owed = overdue_loan(origin, job, month_of(member.today) - 8)
    failed = account(origin, "ERROR", "EXPIRED_CREDENTIALS", "USER_ACTION_REQUIRED")
    items = {**shown.items, "liabilities": (owed,)}
    refused = replace(shown, account=failed, items=items)
    return [payroll(member, job, "sprout_ph", "Semimonthly"), (origin, refused)]


def unlisted_provider(member: Member) -> list[Delivered]:
    """A modest job at a scheme, and an unlisted provider with 90,000."""
    job = replace(member.job(member.rng.randint(18, 36)), pay=12_000.0)
    claimed = replace(job, employer="Global Trade Partners", pay=90_000.0)
    return [scheme(member, job), payroll(member, claimed, UNLISTED, "Monthly")]


def inflated_papers(member: Member) -> list[Delivered]:
    """Own payslips of 60,000 a month beside a scheme that is paid to on 10,000."""
    job = replace(member.job(member.rng.randint(18, 36)), pay=10_000.0)
    return [scheme(member, job), papers(member, replace(job, pay=60_000.0), "UPLOAD")]


def _payslips(member: Member, extra: ExtraPayslips) -> Delivered:
    """Return semimonthly payroll with extra payslips."""
    job = member.job(member.rng.randint(12, 36))
    origin = member.origin(job.provider)
    paid = incomes(origin, job.employer, lambda _: job.pay, span(member, job))
    listed = [job.employment(origin)]
    items = {"employments": listed, "incomes": [*paid, *extra(origin, job, paid)]}
    return delivered(member, origin, items)


def _extra(member: Member, origin: Origin, job: Job) -> list[Json]:
    years = range(first_day(job.first).year, member.today.year)
    return [thirteenth_month(origin, job.employer, job.pay, year) for year in years]
