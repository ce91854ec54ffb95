"""Everyday profiles: the data of most applicants."""

from __future__ import annotations

from decision_service.simulator.formats.dates import settled_month
from decision_service.simulator.people.platforms import FREELANCE
from decision_service.simulator.people.profiles.deliveries import (
    PLATFORMS,
    papers,
    payroll,
    platform,
    savings,
    scheme,
)
from decision_service.simulator.people.profiles.member import Delivered, Member
from decision_service.simulator.people.shapes import account, source
from decision_service.simulator.people.world import DataSource


def employed(member: Member) -> list[Delivered]:
    """A job of years at a scheme, sometimes with savings at a second one, a loan, other lenders."""
    job = member.job(member.rng.randint(18, 60))
    shown = [scheme(member, job, links=member.rng.random() < 0.5)]
    return [*shown, *([savings(member, job)] if member.rng.random() < 0.4 else [])]


def gig(member: Member) -> list[Delivered]:
    """Work on one to three platforms, up to 3,000 wallet entries altogether."""
    platforms = member.rng.sample(PLATFORMS, member.rng.randint(1, 3))
    return [platform(member, provider, 3_000 // len(platforms)) for provider in platforms]


def mixed(member: Member) -> list[Delivered]:
    """A job at a scheme and deliveries after hours."""
    shown = scheme(member, member.job(member.rng.randint(12, 48)))
    return [shown, platform(member, member.rng.choice(PLATFORMS), 1_200)]


def thin(member: Member) -> list[Delivered]:
    """A first job, one to five months on record."""
    return [scheme(member, member.job(member.rng.randint(1, 5)))]


def lapsed(member: Member) -> list[Delivered]:
    """A job that ended half a year to two years ago, and nothing after."""
    ended = settled_month(member.today) - member.rng.randint(6, 24)
    return [scheme(member, member.job(member.rng.randint(6, 30), ended))]


def same_job_twice(member: Member) -> list[Delivered]:
    """One job that shows at a payroll system and, as estimates, at a scheme."""
    job = member.job(member.rng.randint(12, 40))
    return [scheme(member, job), payroll(member, job, "sprout_ph")]


def payroll_only(member: Member) -> list[Delivered]:
    """A job at the employer's own provider, sometimes after another at a payroll system."""
    job = member.job(member.rng.randint(3, 24))
    shown = [payroll(member, job, job.provider)]
    if member.rng.random() < 0.5:
        before = member.job(member.rng.randint(6, 18), job.first - 1)
        shown.append(payroll(member, before, "salarium_ph"))
    return shown


def foreign_currency(member: Member) -> list[Delivered]:
    """Freelance work paid in US dollars, sometimes beside a job paid in pesos."""
    shown = [platform(member, "upwork", 250, FREELANCE)]
    if member.rng.random() < 0.5:
        shown.append(scheme(member, member.job(member.rng.randint(6, 24))))
    return shown


def handed_in(member: Member) -> list[Delivered]:
    """Payslips handed in as files, sometimes beside a scheme."""
    job = member.job(member.rng.randint(6, 18))
    files = papers(member, job, member.rng.choice(("ARCHIVE", "UPLOAD")))
    return [files, *([scheme(member, job)] if member.rng.random() < 0.5 else [])]


def quiet(member: Member) -> list[Delivered]:
    """An account that is connected and has never shown anything but a name."""
    origin = member.origin(member.rng.choice(("sss_ph", "grab_ph", "philhealth_ph")))
    return [(origin, source(origin, {"identities": [member.identity(origin)]}))]


def abandoned_attempt(member: Member) -> list[Delivered]:
    """A job at a scheme, and an account elsewhere that was never connected for good."""
    origin = member.origin(member.rng.choice(PLATFORMS))
    code = member.rng.choice(("INVALID_AUTH", "MFA_TIMEOUT", "ACCOUNT_LOCKED"))
    failed = account(origin, "ERROR", code, "UNSUPPORTED")
    shown = scheme(member, member.job(member.rng.randint(8, 30)))
    return [shown, (origin, DataSource(origin.id, origin.type, origin.provider_id, {}, failed))]
