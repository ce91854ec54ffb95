"""A made-up population, the same for the same seed: everyday and difficult profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from bench.people.in_motion import IN_MOTION
from bench.people.members import (
    FREELANCE,
    PLATFORMS,
    Delivered,
    Job,
    Member,
    Profile,
    delivered,
    monthly_summaries,
    overdue_loan,
    papers,
    payroll,
    platform,
    repeated_payslips,
    savings,
    scheme,
    span,
    thirteenth_month,
)
from bench.people.ordinary import ORDINARY
from decision_service.standin.formats import (
    first_day,
    month_of,
    seeded_random,
    settled_month,
    user_id,
)
from decision_service.standin.sources import Posting, incomes
from decision_service.standin.world import (
    DataSource,
    Json,
    Origin,
    Person,
    World,
    account,
    source,
    tasks_of,
    user,
)

ExtraPayslips = Callable[[Origin, Job, list[Json]], list[Json]]
"""Makes what a payroll delivers of a job in addition to its payslips."""
UNLISTED = "paydesk_ph"
"""A provider that the vendor's list of providers does not hold."""


def side_gig(member: Member) -> list[Delivered]:
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
    """Payroll that lists both halves of a month and the whole month as well."""
    return [_payslips(member, lambda origin, _, paid: monthly_summaries(origin, paid[-12:]))]


def thirteenth_month_pay(member: Member) -> list[Delivered]:
    def extra(origin: Origin, job: Job, _: list[Json]) -> list[Json]:
        years = range(first_day(job.first).year, member.today.year)
        return [thirteenth_month(origin, job.employer, job.pay, year) for year in years]

    return [_payslips(member, extra)]


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
    """Own payslips of 60,000 a month and a scheme that is paid to on 10,000."""
    job = replace(member.job(member.rng.randint(18, 36)), pay=10_000.0)
    return [scheme(member, job), papers(member, replace(job, pay=60_000.0), "UPLOAD")]


def _payslips(member: Member, extra: ExtraPayslips) -> Delivered:
    job = member.job(member.rng.randint(12, 36))
    origin = member.origin(job.provider)
    paid = incomes(origin, job.employer, lambda _: job.pay, span(member, job))
    listed = [job.employment(origin)]
    items = {"employments": listed, "incomes": [*paid, *extra(origin, job, paid)]}
    return delivered(member, origin, items)


def employed(member: Member) -> list[Delivered]:
    job = member.job(member.rng.randint(18, 60))
    shown = [scheme(member, job, links=member.rng.random() < 0.5)]
    return [*shown, *([savings(member, job)] if member.rng.random() < 0.4 else [])]


def gig(member: Member) -> list[Delivered]:
    platforms = member.rng.sample(PLATFORMS, member.rng.randint(1, 3))
    return [platform(member, provider, 3_000 // len(platforms)) for provider in platforms]


def mixed(member: Member) -> list[Delivered]:
    shown = scheme(member, member.job(member.rng.randint(12, 48)))
    return [shown, platform(member, member.rng.choice(PLATFORMS), 1_200)]


def thin(member: Member) -> list[Delivered]:
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
    shown = [platform(member, "upwork", 250, FREELANCE)]
    if member.rng.random() < 0.5:
        shown.append(scheme(member, member.job(member.rng.randint(6, 24))))
    return shown


def handed_in(member: Member) -> list[Delivered]:
    job = member.job(member.rng.randint(6, 18))
    files = papers(member, job, member.rng.choice(("ARCHIVE", "UPLOAD")))
    return [files, *([scheme(member, job)] if member.rng.random() < 0.5 else [])]


def quiet(member: Member) -> list[Delivered]:
    origin = member.origin(member.rng.choice(("sss_ph", "grab_ph", "philhealth_ph")))
    return [(origin, source(origin, {"identities": [member.identity(origin)]}))]


def abandoned_attempt(member: Member) -> list[Delivered]:
    origin = member.origin(member.rng.choice(PLATFORMS))
    code = member.rng.choice(("INVALID_AUTH", "MFA_TIMEOUT", "ACCOUNT_LOCKED"))
    failed = account(origin, "ERROR", code, "UNSUPPORTED")
    shown = scheme(member, member.job(member.rng.randint(8, 30)))
    return [shown, (origin, DataSource(origin.id, origin.type, origin.provider_id, {}, failed))]


def late_poster(member: Member) -> list[Delivered]:
    """A job whose employer is three to six months later than others with the scheme."""
    posting = Posting(late=member.rng.randint(3, 6))
    return [scheme(member, member.job(member.rng.randint(24, 48)), posting=posting)]


def quarterly_payer(member: Member) -> list[Delivered]:
    job = replace(member.job(member.rng.randint(24, 48)), employer="Self-Employed")
    return [scheme(member, job, posting=Posting(every=3))]


def yearly_payer(member: Member) -> list[Delivered]:
    job = replace(member.job(member.rng.randint(30, 60)), employer="Voluntary")
    return [scheme(member, job, posting=Posting(every=12))]


def stopped_job(member: Member) -> list[Delivered]:
    """Payroll that stopped one to five months ago and a scheme; the end is named by half."""
    ended = month_of(member.today) - 1 - member.rng.randint(1, 5)
    job = member.job(member.rng.randint(12, 36), ended)
    job = replace(job, reported=member.rng.random() < 0.5)
    return [scheme(member, job), payroll(member, job, job.provider, "Semimonthly")]


def paid_on_the_fifth(member: Member) -> list[Delivered]:
    job = member.job(member.rng.randint(12, 36))
    return [payroll(member, job, job.provider, "Monthly", shown=5)]


def half_synced(member: Member) -> list[Delivered]:
    """A scheme that was connected today and whose first sync has brought three months so far."""
    return [scheme(member, member.job(member.rng.randint(18, 48)), arrived=3)]


_EVERYDAY: dict[str, Profile] = {
    "employed": employed,
    "gig": gig,
    "mixed": mixed,
    "thin": thin,
    "lapsed": lapsed,
    "same_job_twice": same_job_twice,
    "foreign_currency": foreign_currency,
    "papers": handed_in,
    "quiet": quiet,
    "payroll": payroll_only,
    "abandoned_attempt": abandoned_attempt,
}
_DIFFICULT: dict[str, Profile] = {
    profile.__name__: profile
    for profile in (
        late_poster, quarterly_payer, yearly_payer, stopped_job, side_gig, two_spellings,
        told_twice, monthly_summary, thirteenth_month_pay, paid_on_the_fifth, half_synced,
        refused_with_loans, unlisted_provider, inflated_papers,
    )
}  # fmt: skip
_FIRST_BORN, _LAST_BORN = date(1968, 1, 1), date(2005, 12, 31)
"""Bounds of days of birth that stay: of age from 2025 on, and not old for thirty years."""
PROFILES: dict[str, Profile] = {**_EVERYDAY, **_DIFFICULT}
"""Every profile by its name, without those of ordinary applicants."""
EVERYDAY = tuple(_EVERYDAY)
DIFFICULT = tuple(_DIFFICULT)
PROFILE_CYCLE = (*EVERYDAY * 3, *DIFFICULT)
"""The profiles of people one after another, then again: three in ten are difficult ones."""


def population(seed: int, size: int, today: date, profiles: Sequence[str] = PROFILE_CYCLE) -> World:
    builders = {
        _user_id(seed, number): partial(_person, seed, number, today, profile_of(number, profiles))
        for number in range(size)
    }
    return World(today, builders)


def profile_of(number: int, profiles: Sequence[str] = PROFILE_CYCLE) -> str:
    return profiles[number % len(profiles)]


def _user_id(seed: int, number: int) -> str:
    return user_id("population", seed, number)


def _person(seed: int, number: int, today: date, profile: str) -> Person:
    rng = seeded_random("population", seed, number)
    born = _FIRST_BORN + timedelta(days=rng.randint(0, (_LAST_BORN - _FIRST_BORN).days))
    member = Member(_user_id(seed, number), rng, today, born)
    delivered = (PROFILES | ORDINARY | IN_MOTION)[profile](member)
    tasks = [task for origin, source in delivered for task in tasks_of(origin, source)]
    joined = min(origin.connected for origin, _ in delivered) - timedelta(minutes=5)
    external = {"reference": f"P-{seed}-{number:06d}"}
    sources = tuple(source for _, source in delivered)
    return Person(user(member.user_id, joined, external), sources, tuple(tasks))
