"""Deciding with the shipped rules as they are: what is on record counts, once, whoever asks."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from decision_service.decide.application import history_keys
from decision_service.decide.codec import decode_facts, factors_from_wire
from decision_service.domain.decision import Outcome
from decision_service.domain.values import Money
from decision_service.rulebook.folder import read_rules
from tests.fakes.newcomer import SECRETS
from tests.fakes.world import RULES, World, application, rulebook

FIFTY_THOUSAND = {"requested_amount": Money("PHP", 5_000_000), "requested_term_months": 12}


def world() -> World:
    """A world that decides by the rules as they ship."""
    return World(book=rulebook(read_rules(RULES)))


def asked(number: int, **changes: object):
    """An application of 50,000 over a year."""
    return application(request_id=f"r-{number}", inputs=FIFTY_THOUSAND, **changes)


def value(entry, name):
    """A factor's recorded value; None where it is missing."""
    return factors_from_wire(decode_facts(entry.facts).factors).values[name].value


async def test_two_users_of_one_account_are_decided_one_after_another():
    """Fifty at once, by turns for either user and at either replica: each sees all before it."""
    here = world()
    decide = [here.decide(), here.decide()]
    calls = [
        decide[n % 2](asked(n, user_id=f"user-{n // 2 % 2}"), here.call(seconds=60))
        for n in range(50)
    ]
    made = await asyncio.gather(*calls)
    assert [one.outcome for one in made].count(Outcome.APPROVE) <= 1
    assert sorted(value(one, "history.applications_1d") for one in made) == list(range(50))


async def test_an_account_is_entered_once_and_again_after_half_a_year():
    """Later decisions of a user add nothing under a hash that leads to the user already."""
    here = world()
    decide = here.decide()
    [[key]] = history_keys("user-1", "anonymous", "", SECRETS, ("a-1",)).accounts
    for number, days in enumerate((0, 1, 180, 1)):
        here.clock.wall += timedelta(days=days)
        await decide(asked(number, user_id="user-1"), here.call())
    assert (await here.log.past([key]))[key].last == 2


async def test_a_repeated_request_counts_once():
    """The same request twice is one application to the next."""
    here = world()
    decide = here.decide()
    for _ in range(2):
        await decide(asked(1), here.call())
    second = await decide(asked(2), here.call())
    assert value(second, "history.applications_1d") == 1


async def test_another_user_of_the_account_is_looked_at_for_what_the_first_one_owes():
    """Nobody is declined for what may be a spouse's; the same customer under both users is."""
    here = world()
    decide = here.decide()
    await decide(asked(1, user_id="user-1", customer_ref="C-1"), here.call())
    second = await decide(asked(2, user_id="user-2"), here.call())
    assert second.outcome is Outcome.REFER
    assert value(second, "history.exposure") == Money("PHP", 0)
    assert value(second, "history.linked_exposure") == Money("PHP", 5_000_000)
    assert value(second, "reuse.users_of_account") == 2
    third = await decide(asked(3, user_id="user-2", customer_ref="C-1"), here.call())
    assert third.outcome is Outcome.DECLINE
    assert value(third, "history.exposure") == Money("PHP", 5_000_000)


async def test_without_a_key_second_uses_cannot_be_ruled_out():
    """Nothing is hashed: the same account is not found, and the shipped rules refer."""
    here = world()
    here.secrets = ()
    made = await here.decide()(asked(1), here.call())
    assert made.outcome is Outcome.REFER
    assert value(made, "reuse.users_of_account") is None
