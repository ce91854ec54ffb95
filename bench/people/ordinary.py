"""Ordinary applicants: good, thin and bad by construction, some with incomplete accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain, cycle, islice
from operator import itemgetter
from random import Random

from bench.people.members import (
    PLATFORMS,
    Delivered,
    Job,
    Member,
    Profile,
    delivered,
    papers,
    payroll,
    platform,
    savings,
    scheme,
    span,
    thirteenth_month,
)
from decision_service.standin.formats import first_day, settled_month
from decision_service.standin.sources import Period, Posting, WorkPattern, payslip
from decision_service.standin.world import account, source, transaction

SCHEMES = ("sss_ph", "pagibig_ph")
RETAILER = "Sinag Retail Inc."
OUTSOURCED = "BCO Shared Services Corporation"
"""Another name of an employer, as its agency writes it on payslips."""


def salaried(member: Member) -> list[Delivered]:
    """Payroll and scheme of a job, with what happens to good people.

    A new employer with the old one's login dead or alive, an employer that is late with the scheme
    or pays on the 10th, a 13th month, rides after hours or until four months ago.
    """
    rng = member.rng
    job = _job(member, rng.randint(8, 60))
    if changed := rng.random() < 0.25:
        job = replace(job, first=settled_month(member.today) - rng.randint(1, 7))
    shown = [_paid(member, job, shown=rng.choice((1, 1, 2, 3, 5, 10)))]
    booked = replace(job, first=job.first - rng.randint(10, 40)) if changed else job
    posting = Posting(late=rng.choice((0, 0, 0, 0, 0, 0, 1, 2)))
    shown.append(scheme(member, booked, missed=0.05, posting=posting))
    if changed:
        before = replace(booked, last=job.first - 1, employer=RETAILER)
        origin, paid = payroll(member, before, "salarium_ph", "Semimonthly")
        dead = account(origin, "ERROR", "INVALID_AUTH", "USER_ACTION_REQUIRED")
        shown.append((origin, replace(paid, account=dead) if rng.random() < 0.3 else paid))
    if (rides := rng.random()) < 0.15:
        shown.append(platform(member, rng.choice(PLATFORMS), 1_200, _evenings(rng)))
    elif rides < 0.22:
        until = replace(member, today=member.today - timedelta(days=120))
        ended, entries = platform(until, rng.choice(PLATFORMS), 1_200, _evenings(rng))
        origin = replace(ended, synced=member.origin("sss_ph").synced)
        shown.append((origin, replace(entries, account=account(origin))))
    return shown


def insured(member: Member) -> list[Delivered]:
    """A job that a scheme alone shows, paid on time, sometimes with savings at a second scheme."""
    job = _job(member, member.rng.randint(18, 72))
    shown = [scheme(member, job, links=True, missed=0.05)]
    return [*shown, *([savings(member, job)] if member.rng.random() < 0.4 else [])]


def rider(member: Member) -> list[Delivered]:
    """Five or six days a week on one or two platforms, for months."""
    platforms = member.rng.sample(PLATFORMS, member.rng.choice((1, 1, 2)))
    return [platform(member, one, 2_500, _full_time(member), begun=(120, 420)) for one in platforms]


def newcomer(member: Member) -> list[Delivered]:
    job = _job(member, 1)
    job = replace(job, first=settled_month(member.today) + 3 - member.rng.randint(1, 3))
    return [payroll(member, job, job.provider, "Semimonthly")]


def own_payslips(member: Member) -> list[Delivered]:
    """Payslips of 35,000 out of a printer, and a scheme that reports no amounts."""
    job = replace(_job(member, 18), pay=35_000.0)
    return [papers(member, job, "UPLOAD"), savings(member, job)]


def bought_estimate(member: Member) -> list[Delivered]:
    """Half a year of voluntary contributions on 35,000, and some 9,000 a month of rides."""
    job = replace(_job(member, 7), employer="Voluntary", pay=35_000.0)
    rides = WorkPattern((0, 2, 4, 5), 3, 170)
    return [scheme(member, job, missed=0), platform(member, "grab_ph", 2_500, rides, (300, 420))]


def doubled_job(member: Member) -> list[Delivered]:
    """One job of 18,000 in two payroll systems, under two names and with other cut-offs."""
    job = replace(_job(member, 24), pay=18_000.0)
    agency = replace(job, employer=OUTSOURCED)
    origin = member.origin("salarium_ph")
    paid = [
        payslip(origin, OUTSOURCED, job.pay / 2, period, "Semimonthly")
        for period in _cut_on_the_tenth(*span(member, job))
    ]
    again = {"employments": [agency.employment(origin)], "incomes": paid}
    first = payroll(member, job, "sprout_ph", "Semimonthly")
    return [first, delivered(member, origin, again), scheme(member, job, missed=0)]


def two_memberships(member: Member) -> list[Delivered]:
    """An account of a scheme with 17,000 by the employer, and one with 35,000 that is self-paid."""
    job = replace(_job(member, 30), pay=17_000.0)
    own = replace(job, employer="Self-Employed", pay=35_000.0)
    return [scheme(member, job, missed=0), scheme(member, own, missed=0, key="2")]


def own_credits(member: Member) -> list[Delivered]:
    """Rides of some 5,000 a month, and weekly adjustments of 3,000 that the rider paid herself."""
    rides = WorkPattern((1, 3, 5), 2, 210)
    origin, shown = platform(member, "lalamove_ph", 2_500, rides, (300, 420))
    days = sorted(date.fromisoformat(one["date"]) for one in shown.of("transactions"))[::7]
    credited = [transaction(origin, day, "own", 3_000, "Balance adjustment") for day in days]
    items = {"transactions": sorted([*shown.of("transactions"), *credited], key=itemgetter("date"))}
    return [delivered(member, origin, items)]


def missed_payday(member: Member) -> list[Delivered]:
    """Pay on the 15th and the last day for years, and none for the latest half month that ended."""
    job = _job(member, member.rng.randint(20, 48))
    origin, shown = payroll(member, job, job.provider, "Semimonthly")
    due = (member.today - timedelta(days=26)).isoformat()
    paid = [one for one in shown.of("incomes") if one["endDate"] <= due]
    items = {"employments": shown.of("employments"), "incomes": paid}
    return [delivered(member, origin, items), scheme(member, job, missed=0)]


def arriving(profile: Profile) -> Profile:
    """The same person, whose first account was connected today and has shown a name so far."""

    def arrive(member: Member) -> list[Delivered]:
        (origin, shown), *others = profile(member)
        young = member.arriving(origin.provider_id)
        if origin.type != "ACCOUNT":
            return others
        known = source(young, {"identities": shown.of("identities")}, account(young))
        return [(young, known), *others]

    return arrive


def stale(profile: Profile) -> Profile:
    """The same person, all of whose accounts were read 45 days ago."""
    return lambda member: profile(replace(member, today=member.today - timedelta(days=45)))


def unconnected(profile: Profile) -> Profile:
    """The same person without the scheme's account; who has none, or no other, shows a name."""

    def lack(member: Member) -> list[Delivered]:
        held = profile(member)
        others = [one for one in held if one[0].provider_id not in SCHEMES]
        if 0 < len(others) < len(held):
            return others
        return [delivered(member, member.origin("nbi_ph"), {})]

    return lack


Flaw = Callable[[Profile], Profile]
GROUPS: dict[str, tuple[int, tuple[Profile, ...]]] = {
    "payroll": (90, (salaried,)),
    "government": (30, (insured,)),
    "rider": (40, (rider,)),
    "thin": (20, (newcomer,)),
    "bad": (
        20,
        (own_payslips, bought_estimate, doubled_job, two_memberships, own_credits, missed_payday),
    ),
}
FLAWS: tuple[Flaw, ...] = (arriving, stale, unconnected)
ORDINARY: dict[str, Profile] = {
    f"ordinary_{group}_{number}" + (f"_{flaw.__name__}" if flaw else ""): (
        flaw(profile) if flaw else profile
    )
    for group, (size, profiles) in GROUPS.items()
    for number, profile, flaw in zip(
        range(size),
        cycle(profiles),
        chain(islice(cycle(FLAWS), size // 10), cycle((None,))),
        strict=False,
    )
}
"""The profiles of 200 people by group, number and, of one in ten, what its links lack."""


def _job(member: Member, months: int) -> Job:
    pay = round(member.rng.triangular(16_000, 60_000, 24_000), -2)
    job = member.job(months)
    return replace(job, pay=pay)


def _paid(member: Member, job: Job, shown: int) -> Delivered:
    often = member.rng.choices(("Semimonthly", "Monthly", "Weekly"), (7, 2, 1))[0]
    origin, held = payroll(member, job, job.provider, often, shown=shown)
    items = {"employments": held.of("employments"), "incomes": held.of("incomes")}
    if member.rng.random() < 0.3:
        years = range(first_day(job.first).year, member.today.year)
        extra = [thirteenth_month(origin, job.employer, job.pay, year) for year in years]
        items["incomes"] = (*held.of("incomes"), *extra)
    return delivered(member, origin, items)


def _evenings(rng: Random) -> WorkPattern:
    return WorkPattern(tuple(sorted(rng.sample(range(7), 3))), rng.randint(2, 4), 120)


def _full_time(member: Member) -> WorkPattern:
    weekdays = tuple(sorted(member.rng.sample(range(7), member.rng.randint(5, 6))))
    return WorkPattern(weekdays, member.rng.randint(4, 6), member.rng.randint(110, 170))


def _cut_on_the_tenth(first: date, last: date) -> list[Period]:
    """The half months from the 11th to the 25th and from the 26th to the 10th, within the span."""
    starts = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    halves = [(day, day.replace(day=25)) for day in starts if day.day == 11]
    halves += [(day, (day + timedelta(days=10)).replace(day=10)) for day in starts if day.day == 26]
    return [period for period in sorted(halves) if period[1] <= last]
