"""A made-up population of any size, the same for the same seed, each person built when asked for.

A person's number determines the profile, and a generator seeded by both the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from random import Random

from decision_service.simulator.formats.ids import seeded_random, user_id
from decision_service.simulator.people.profiles import doubtful, everyday, late
from decision_service.simulator.people.profiles.member import Member, Profile
from decision_service.simulator.people.profiles.ordinary import ORDINARY
from decision_service.simulator.people.shapes import tasks_of, user
from decision_service.simulator.people.world import Person, World

_EVERYDAY: dict[str, Profile] = {
    "employed": everyday.employed,
    "gig": everyday.gig,
    "mixed": everyday.mixed,
    "thin": everyday.thin,
    "lapsed": everyday.lapsed,
    "same_job_twice": everyday.same_job_twice,
    "foreign_currency": everyday.foreign_currency,
    "papers": everyday.handed_in,
    "quiet": everyday.quiet,
    "payroll": everyday.payroll_only,
    "abandoned_attempt": everyday.abandoned_attempt,
}
_DIFFICULT: dict[str, Profile] = {
    "late_poster": late.late_poster,
    "quarterly_payer": late.quarterly_payer,
    "yearly_payer": late.yearly_payer,
    "stopped_job": late.stopped_job,
    "side_gig": doubtful.side_gig,
    "two_spellings": doubtful.two_spellings,
    "told_twice": doubtful.told_twice,
    "monthly_summary": doubtful.monthly_summary,
    "thirteenth_month_pay": doubtful.thirteenth_month_pay,
    "paid_on_the_fifth": late.paid_on_the_fifth,
    "half_synced": late.half_synced,
    "refused_with_loans": doubtful.refused_with_loans,
    "unlisted_provider": doubtful.unlisted_provider,
    "inflated_papers": doubtful.inflated_papers,
}
_FIRST_BORN, _LAST_BORN = date(1968, 1, 1), date(2005, 12, 31)
PROFILES: dict[str, Profile] = {**_EVERYDAY, **_DIFFICULT}
"""Every profile by its name, without those of ordinary applicants."""
EVERYDAY = tuple(_EVERYDAY)
DIFFICULT = tuple(_DIFFICULT)
PROFILE_CYCLE = (*EVERYDAY * 3, *DIFFICULT)
"""The profiles of people one after another, then again: three in ten are difficult ones."""


def population(seed: int, size: int, today: date, profiles: Sequence[str] = PROFILE_CYCLE) -> World:
    """Return a world of `size` people with these profiles in turn, whose data ends on this day."""
    builders = {
        _user_id(seed, number): partial(_person, seed, number, today, profile_of(number, profiles))
        for number in range(size)
    }
    return World(today, builders)


def profile_of(number: int, profiles: Sequence[str] = PROFILE_CYCLE) -> str:
    """Return the name of the profile of the person with this number, counted from 0."""
    return profiles[number % len(profiles)]


def _user_id(seed: int, number: int) -> str:
    return user_id("population", seed, number)


def _person(seed: int, number: int, today: date, profile: str) -> Person:
    rng = seeded_random("population", seed, number)
    member = Member(_user_id(seed, number), rng, today, _born(rng))
    delivered = (PROFILES | ORDINARY)[profile](member)
    tasks = [task for origin, source in delivered for task in tasks_of(origin, source)]
    joined = min(origin.connected for origin, _ in delivered) - timedelta(minutes=5)
    external = {"reference": f"P-{seed}-{number:06d}"}
    sources = tuple(source for _, source in delivered)
    return Person(user(member.user_id, joined, external), sources, tuple(tasks))


def _born(rng: Random) -> date:
    """Return a day of birth that stays: of age from 2025 on, and not old for thirty years."""
    return _FIRST_BORN + timedelta(days=rng.randint(0, (_LAST_BORN - _FIRST_BORN).days))
