"""The made-up population of benches and tests."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from bench.people.population import DIFFICULT, EVERYDAY, population
from decision_service.standin.formats import month_number, start_of
from decision_service.standin.sources import IMMEDIATE, PROMPT, Posting
from decision_service.standin.world import Person
from tests.fakes.examples import some

DAYS = [date(2026, 11, 24), date(2026, 12, 1), date(2027, 2, 28), date(2027, 4, 15)]
any_day = pytest.mark.parametrize("today", some(DAYS, 2), ids=str)


def items(person: Person, kind: str) -> list[dict[str, Any]]:
    """Everything of a kind that a person's sources hold."""
    return [one for source in person.sources for one in source.of(kind)]


def test_the_same_seed_makes_the_same_people_and_any_id_finds_its_owner() -> None:
    """Seed, number and day decide everything, whatever the size; nobody is built unasked."""
    small, large = population(3, 11, DAYS[0]), population(3, 5_000, DAYS[0])
    assert list(small) == [large.person(user_id) for user_id in small.builders]
    assert not small.builders.keys() & population(4, 11, DAYS[0]).builders.keys()
    for person in small:
        found = [person.sources[0].id, person.tasks[0]["id"]]
        assert [large.owner(one) for one in found] == [person, person]
    assert large.owner("a-00000000000000000000000000000000") is large.owner("nonsense") is None


@pytest.mark.parametrize(
    ("posting", "today", "newest"),
    [
        (PROMPT, date(2026, 11, 14), "2026-08"),
        (PROMPT, date(2026, 11, 15), "2026-09"),
        (IMMEDIATE, date(2026, 11, 1), "2026-10"),
        (Posting(late=3), date(2026, 11, 15), "2026-06"),
        (Posting(every=3), date(2026, 11, 14), "2026-06"),
        (Posting(every=3), date(2026, 11, 15), "2026-09"),
        (Posting(every=12), date(2027, 2, 14), "2025-12"),
        (Posting(every=12), date(2027, 2, 15), "2026-12"),
    ],
)
def test_postings_come_when_they_come(posting: Posting, today: date, newest: str) -> None:
    """The newest month is shown on the day that the habit names, and not a day before."""
    month = month_number(newest)
    assert posting.newest(today) == month
    assert posting.day(month) <= today < posting.day(month + posting.every)


@any_day
@pytest.mark.parametrize("life", [*EVERYDAY, *DIFFICULT])
def test_nothing_of_them_is_from_the_future(life: str, today: date) -> None:
    """Nothing came after the day's first second, no period ends later, and no id names two."""
    newest = (start_of(today) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for person in population(5, 2, today, (life,)):
        kinds = ("identities", "employments", "incomes", "eincomes", "contributions")
        told = [one for kind in kinds for one in items(person, kind)]
        assert len({one["id"] for one in told}) == len(told)
        assert all(one["metadata"]["createdAt"] <= newest for one in told)
        assert all((one.get("endDate") or "") < today.isoformat() for one in told)
