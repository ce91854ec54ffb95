"""Difficult lives: what shows twice, under two names, after a refusal, or from nobody known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from decision_service.simulator.formats.dates import first_day, month_of
from decision_service.simulator.people.payroll import (
    incomes,
    monthly_summaries,
    thirteenth_month,
    told_again,
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

Told = Callable[[Origin, Job, list[Json]], list[Json]]
"""What is told of a job beside its payslips."""
UNLISTED = "paydesk_ph"
"""A provider that the vendor's list of providers does not hold."""


def side_gig(me: Member) -> list[Delivered]:
    """A job that payroll shows, and deliveries after hours."""
    job = me.job(me.luck.randint(12, 36))
    return [payroll(me, job, job.provider), platform(me, me.luck.choice(PLATFORMS), 1_200)]


def two_spellings(me: Member) -> list[Delivered]:
    """One job under two spellings of its employer, at a scheme and at a payroll system."""
    job = me.job(me.luck.randint(12, 36))
    shouted = replace(job, employer=job.employer.upper().replace(",", "").replace(".", ""))
    return [scheme(me, shouted), payroll(me, job, "sprout_ph", "Semimonthly")]


def told_twice(me: Member) -> list[Delivered]:
    """Payroll that tells its latest payslips again under new ids."""
    return [_payslips(me, lambda origin, _, paid: told_again(origin, paid[-6:]))]


def monthly_summary(me: Member) -> list[Delivered]:
    """Payroll that lists both halves of a month and the whole month beside them."""
    return [_payslips(me, lambda origin, _, paid: monthly_summaries(origin, paid[-12:]))]


def thirteenth_month_pay(me: Member) -> list[Delivered]:
    """Payroll with an extra month's pay for each whole year, told as from January to December."""
    return [_payslips(me, lambda origin, job, _: _extra(me, origin, job))]


def refused_with_loans(me: Member) -> list[Delivered]:
    """A job at a payroll system, and a scheme that now refuses and holds an overdue loan."""
    job = me.job(me.luck.randint(18, 48))
    origin, shown = scheme(me, job)
    owed = overdue_loan(origin, job, month_of(me.today) - 8)
    failed = account(origin, "ERROR", "EXPIRED_CREDENTIALS", "USER_ACTION_REQUIRED")
    items = {**shown.items, "liabilities": (owed,)}
    refused = replace(shown, account=failed, items=items)
    return [payroll(me, job, "sprout_ph", "Semimonthly"), (origin, refused)]


def unlisted_provider(me: Member) -> list[Delivered]:
    """A modest job at a scheme, and a provider that nobody lists and that tells of 90,000."""
    job = replace(me.job(me.luck.randint(18, 36)), pay=12_000.0)
    claimed = replace(job, employer="Global Trade Partners", pay=90_000.0)
    return [scheme(me, job), payroll(me, claimed, UNLISTED, "Monthly")]


def inflated_papers(me: Member) -> list[Delivered]:
    """Own payslips of 60,000 a month beside a scheme that is paid to on 10,000."""
    job = replace(me.job(me.luck.randint(18, 36)), pay=10_000.0)
    return [scheme(me, job), papers(me, replace(job, pay=60_000.0), "UPLOAD")]


def _payslips(me: Member, told: Told) -> Delivered:
    """Return semimonthly payroll with what else is told of it."""
    job = me.job(me.luck.randint(12, 36))
    origin = me.origin(job.provider)
    paid = incomes(origin, job.employer, lambda _: job.pay, span(me, job))
    listed = [job.employment(origin)]
    items = {"employments": listed, "incomes": [*paid, *told(origin, job, paid)]}
    return delivered(me, origin, items)


def _extra(me: Member, origin: Origin, job: Job) -> list[Json]:
    years = range(first_day(job.first).year, me.today.year)
    return [thirteenth_month(origin, job.employer, job.pay, year) for year in years]
