"""A made-up population of any size, the same for the same seed, each person built when asked for.

Who leads which kind of life follows from the person's number; the dice of the seed decide the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from random import Random

from decision_service.simulator.formats.ids import dice, user_id
from decision_service.simulator.people.profiles import doubtful, everyday, late
from decision_service.simulator.people.profiles.member import Life, Member
from decision_service.simulator.people.shapes import tasks_of, user
from decision_service.simulator.people.world import Person, World

_EVERYDAY: dict[str, Life] = {
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
_DIFFICULT: dict[str, Life] = {
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
LIVES: dict[str, Life] = {**_EVERYDAY, **_DIFFICULT}
"""What a person's data looks like, by name."""
EVERYDAY = tuple(_EVERYDAY)
DIFFICULT = tuple(_DIFFICULT)
LAP = (*EVERYDAY * 3, *DIFFICULT)
"""The lives of people one after another, then again: three in ten are difficult ones."""


def population(seed: int, size: int, today: date, lives: Sequence[str] = LAP) -> World:
    """Return a world of `size` people, in turn of these lives, whose data ends on this day."""
    builders = {
        _user_id(seed, number): partial(_person, seed, number, today, life_of(number, lives))
        for number in range(size)
    }
    return World(today, builders)


def life_of(number: int, lives: Sequence[str] = LAP) -> str:
    """Return the name of the life that person number so-and-so leads, counted from 0."""
    return lives[number % len(lives)]


def _user_id(seed: int, number: int) -> str:
    return user_id("population", seed, number)


def _person(seed: int, number: int, today: date, life: str) -> Person:
    luck = dice("population", seed, number)
    me = Member(_user_id(seed, number), luck, today, _born(luck))
    delivered = LIVES[life](me)
    tasks = [task for origin, source in delivered for task in tasks_of(origin, source)]
    joined = min(origin.connected for origin, _ in delivered) - timedelta(minutes=5)
    external = {"reference": f"P-{seed}-{number:06d}"}
    sources = tuple(source for _, source in delivered)
    return Person(user(me.user_id, joined, external), sources, tuple(tasks))


def _born(luck: Random) -> date:
    """Return a day of birth that stays: of age from 2025 on, and not old for thirty years."""
    return _FIRST_BORN + timedelta(days=luck.randint(0, (_LAST_BORN - _FIRST_BORN).days))
