"""A made-up population of any size, the same for the same seed, each person built when asked for.

Every eleventh person has the same kind of life; the dice of the seed decide the rest.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from random import Random

from . import lives
from .ids import dice, user_id
from .lives import Life
from .shapes import tasks_of, user
from .world import Person, World

LIVES: dict[str, Life] = {
    "employed": lives.employed,
    "gig": lives.gig,
    "mixed": lives.mixed,
    "thin": lives.thin,
    "lapsed": lives.lapsed,
    "same_job_twice": lives.same_job_twice,
    "foreign_currency": lives.foreign_currency,
    "papers": lives.papers,
    "quiet": lives.quiet,
    "payroll": lives.payroll_only,
    "abandoned_attempt": lives.abandoned_attempt,
}
"""What a person's data looks like, by name; person number n leads life n modulo their number."""


def population(seed: int, size: int, today: date) -> World:
    """Return a world of `size` people whose data ends on this day."""
    builders = {
        _user_id(seed, number): partial(_person, seed, number, today) for number in range(size)
    }
    return World(today, builders)


def life_of(number: int) -> str:
    """Return the name of the life that person number so-and-so leads, counted from 0."""
    return list(LIVES)[number % len(LIVES)]


def _user_id(seed: int, number: int) -> str:
    return user_id("population", seed, number)


def _person(seed: int, number: int, today: date) -> Person:
    luck = dice("population", seed, number)
    me = lives.Member(_user_id(seed, number), luck, today, _born(luck, today))
    delivered = LIVES[life_of(number)](me)
    tasks = [task for origin, source in delivered for task in tasks_of(origin, source)]
    joined = min(origin.connected for origin, _ in delivered) - timedelta(minutes=5)
    external = {"reference": f"P-{seed}-{number:06d}"}
    sources = tuple(source for _, source in delivered)
    return Person(user(me.user_id, joined, external), sources, tuple(tasks))


def _born(luck: Random, today: date) -> date:
    age_days = luck.randint(19 * 365, 62 * 365)
    return today - timedelta(days=age_days)
