"""Everyday lives: what most applicants look like."""

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
from decision_service.simulator.people.world import Source


def employed(me: Member) -> list[Delivered]:
    """A job of years at a scheme, sometimes with savings at a second one, a loan, other lenders."""
    job = me.job(me.luck.randint(18, 60))
    shown = [scheme(me, job, links=me.luck.random() < 0.5)]
    return [*shown, *([savings(me, job)] if me.luck.random() < 0.4 else [])]


def gig(me: Member) -> list[Delivered]:
    """Work on one to three platforms, up to 3,000 wallet entries altogether."""
    platforms = me.luck.sample(PLATFORMS, me.luck.randint(1, 3))
    return [platform(me, provider, 3_000 // len(platforms)) for provider in platforms]


def mixed(me: Member) -> list[Delivered]:
    """A job at a scheme and deliveries after hours."""
    shown = scheme(me, me.job(me.luck.randint(12, 48)))
    return [shown, platform(me, me.luck.choice(PLATFORMS), 1_200)]


def thin(me: Member) -> list[Delivered]:
    """A first job, one to five months on record."""
    return [scheme(me, me.job(me.luck.randint(1, 5)))]


def lapsed(me: Member) -> list[Delivered]:
    """A job that ended half a year to two years ago, and nothing after."""
    ended = settled_month(me.today) - me.luck.randint(6, 24)
    return [scheme(me, me.job(me.luck.randint(6, 30), ended))]


def same_job_twice(me: Member) -> list[Delivered]:
    """One job that shows at a payroll system and, as estimates, at a scheme."""
    job = me.job(me.luck.randint(12, 40))
    return [scheme(me, job), payroll(me, job, "sprout_ph")]


def payroll_only(me: Member) -> list[Delivered]:
    """A job at the employer's own provider, sometimes after another at a payroll system."""
    job = me.job(me.luck.randint(3, 24))
    shown = [payroll(me, job, job.provider)]
    if me.luck.random() < 0.5:
        before = me.job(me.luck.randint(6, 18), job.first - 1)
        shown.append(payroll(me, before, "salarium_ph"))
    return shown


def foreign_currency(me: Member) -> list[Delivered]:
    """Freelance work paid in US dollars, sometimes beside a job paid in pesos."""
    shown = [platform(me, "upwork", 250, FREELANCE)]
    if me.luck.random() < 0.5:
        shown.append(scheme(me, me.job(me.luck.randint(6, 24))))
    return shown


def handed_in(me: Member) -> list[Delivered]:
    """Payslips handed in as files, sometimes beside a scheme."""
    job = me.job(me.luck.randint(6, 18))
    files = papers(me, job, me.luck.choice(("ARCHIVE", "UPLOAD")))
    return [files, *([scheme(me, job)] if me.luck.random() < 0.5 else [])]


def quiet(me: Member) -> list[Delivered]:
    """An account that is connected and has never shown anything but a name."""
    origin = me.origin(me.luck.choice(("sss_ph", "grab_ph", "philhealth_ph")))
    return [(origin, source(origin, {"identities": [me.identity(origin)]}))]


def abandoned_attempt(me: Member) -> list[Delivered]:
    """A job at a scheme, and an account elsewhere that was never connected for good."""
    origin = me.origin(me.luck.choice(PLATFORMS))
    code = me.luck.choice(("INVALID_AUTH", "MFA_TIMEOUT", "ACCOUNT_LOCKED"))
    failed = account(origin, "ERROR", code, "UNSUPPORTED")
    shown = scheme(me, me.job(me.luck.randint(8, 30)))
    return [shown, (origin, Source(origin.id, origin.type, origin.provider_id, {}, failed))]
