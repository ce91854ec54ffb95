"""A made-up population of any size."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import pytest

from decision_service.standin.formats import start_of
from bench.people.population import EVERYDAY, population, profile_of
from decision_service.standin.world import ITEM_KINDS, Person, World, join

TODAY = date(2026, 11, 24)
SEED = 3
SIZE = 5 * len(EVERYDAY)


@pytest.fixture(scope="module")
def people() -> dict[str, list[Person]]:
    """Five laps of everyday lives, by kind of life."""
    found: dict[str, list[Person]] = {}
    for number, person in enumerate(population(SEED, SIZE, TODAY, EVERYDAY)):
        found.setdefault(profile_of(number, EVERYDAY), []).append(person)
    return found


def everybody(people: dict[str, list[Person]]) -> list[Person]:
    """All people of all lives."""
    return [one for some in people.values() for one in some]


def has(person: Person, kind: str) -> bool:
    """Whether any source delivered items of a kind."""
    return any(source.of(kind) for source in person.sources)


def test_the_same_seed_makes_the_same_people() -> None:
    """Seed, number and day decide everything, whatever the population's size."""
    small, large = population(3, 11, TODAY), population(3, 500, TODAY)
    assert list(small) == [large.person(user_id) for user_id in small.builders]
    other = population(4, 11, TODAY)
    assert not small.builders.keys() & other.builders.keys()


def test_a_large_population_costs_nothing_until_asked() -> None:
    """Nobody is built before somebody is asked for."""
    built = []
    world = World(TODAY, {f"tenantId-{n:032x}": lambda n=n: built.append(n) for n in range(1000)})
    assert (len(world), built) == (1000, [])


def test_sizes(people: dict[str, list[Person]]) -> None:
    """One to three sources each; none to 3,000 transactions, and some near either end."""
    counts = [sum(len(s.of("transactions")) for s in one.sources) for one in everybody(people)]
    assert {len(one.sources) for one in everybody(people)} == {1, 2, 3}
    assert min(counts) == 0
    assert 1_500 < max(counts) <= 3_000


@pytest.mark.long
def test_lives_differ(people: dict[str, list[Person]]) -> None:
    """Each kind of life delivers the kinds of data that it is about."""
    assert all(has(one, "eincomes") and has(one, "contributions") for one in people["employed"])
    assert all(has(one, "transactions") for one in people["gig"] + people["mixed"])
    assert all(has(one, "contributions") for one in people["mixed"])
    assert not any(has(one, "contributions") for one in people["gig"])
    assert all(len(one.sources[0].of("eincomes")) <= 6 for one in people["thin"])
    ended = [one.sources[0].of("employments")[0]["endDate"] for one in people["lapsed"]]
    assert all(day and day < "2026-03" for day in ended)
    assert all({s.type for s in one.sources} - {"ACCOUNT"} for one in people["papers"])
    assert all(set(_kinds(one)) == {"identities"} for one in people["quiet"])


def _kinds(person: Person) -> list[str]:
    return [kind for kind in ITEM_KINDS if has(person, kind)]


def test_one_job_shows_at_two_accounts(people: dict[str, list[Person]]) -> None:
    """Payroll and scheme name the same employer and one pays about what the other estimates."""
    for one in people["same_job_twice"]:
        scheme, payroll = one.sources
        employers = {job["employer"] for s in one.sources for job in s.of("employments")}
        assert len(employers) == 1
        assert (scheme.provider_id, payroll.provider_id) == ("sss_ph", "sprout_ph")
        assert scheme.of("eincomes")
        assert payroll.of("incomes")


def test_payroll_comes_in_several_frequencies(people: dict[str, list[Person]]) -> None:
    """Several pay frequencies occur; periods run forward, gross is above net."""
    incomes = [i for one in everybody(people) for s in one.sources for i in s.of("incomes")]
    assert len(Counter(item["frequency"] for item in incomes)) >= 3
    assert all(item["startDate"] < item["endDate"] < TODAY.isoformat() for item in incomes)
    assert all(item["grossAmount"] > item["baseAmount"] > item["netAmount"] for item in incomes)


def test_some_are_paid_in_another_currency(people: dict[str, list[Person]]) -> None:
    """Freelancers abroad have wallets in US dollars."""
    for one in people["foreign_currency"]:
        assert {item["currency"] for item in one.sources[0].of("transactions")} == {"USD"}


def test_files_are_handed_in_after_what_they_show(people: dict[str, list[Person]]) -> None:
    """Every payslip was read when it was handed in, and is for a period before that day."""
    for one in people["papers"]:
        files = next(source for source in one.sources if source.type != "ACCOUNT")
        read = {item["metadata"]["createdAt"] for item in files.of("incomes")}
        assert len(read) == 1
        assert max(item["endDate"] for item in files.of("incomes")) < min(read)


def test_an_abandoned_attempt_delivered_nothing(people: dict[str, list[Person]]) -> None:
    """An account in ERROR names its error code and holds nothing."""
    for one in people["abandoned_attempt"]:
        account = one.sources[1].account
        assert account
        assert account["connection"]["errorCode"]
        assert not any(one.sources[1].of(kind) for kind in ITEM_KINDS)


def test_loans_make_sense(people: dict[str, list[Person]]) -> None:
    """What is owed is no more than all instalments; overdue only where something is owed."""
    loans = [i for one in everybody(people) for s in one.sources for i in s.of("liabilities")]
    assert loans
    for loan in loans:
        assert 0 <= loan["outstandingBalance"] <= loan["amortizationAmount"] * 24 + 0.01
        assert loan["overduePaymentAmount"] <= loan["outstandingBalance"] + 0.01
        assert loan["startDate"] < TODAY.isoformat()


def test_items_say_whose_they_are_and_when_they_came(people: dict[str, list[Person]]) -> None:
    """Metadata names the source and the user; nothing came after the last sync; ids are unique."""
    newest = start_of(TODAY) + timedelta(seconds=1)
    for person in everybody(people):
        found = [(s, i) for s in person.sources for kind in ITEM_KINDS for i in s.of(kind)]
        assert len({item["id"] for _, item in found}) == len(found)
        for source, item in found:
            metadata = item["metadata"]
            assert (metadata["sourceId"], metadata["userId"]) == (source.id, person.id)
            assert ("accountId" in metadata) == (source.type == "ACCOUNT")
            assert datetime.fromisoformat(metadata["createdAt"]) <= newest


def test_owners_are_found_by_any_id(people: dict[str, list[Person]]) -> None:
    """The world finds whose an account, item or task is; a stranger's id is nobody's."""
    world = population(SEED, SIZE, TODAY, EVERYDAY)
    for person in everybody(people):
        some = [person.sources[0].id, person.tasks[0]["id"]]
        assert all(world.owner(one) == person for one in some)
    assert world.owner("a-00000000000000000000000000000000") is None
    assert world.owner("nonsense") is None


def test_worlds_can_be_joined() -> None:
    """A joined world has the people of all."""
    one, other = population(1, 3, TODAY), population(2, 4, TODAY)
    assert [p.id for p in join(one, other)] == [*one.builders, *other.builders]
