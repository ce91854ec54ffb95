"""The people: four of the vendor's sandbox, a made-up population, and people of another country."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from bench.people.population import DIFFICULT, EVERYDAY, population
from decision_service.standin.commands import ScenarioRefused, load_scenario
from decision_service.standin.formats import last_day, month_number, month_of, start_of
from decision_service.standin.sandbox import sandbox, sandbox_data, sandbox_people
from decision_service.standin.sources import IMMEDIATE, PROMPT, Posting
from decision_service.standin.world import ITEM_KINDS, Person, Residence, ResidenceRefused
from tests.fakes.examples import some
from tests.unit.cli.commands import command
from tests.unit.standin.kit import GEORGE, open_stand

TODAY = date(2026, 11, 24)

DAYS = [
    date(2025, 1, 1),
    date(2025, 3, 14),
    date(2025, 3, 15),
    date(2026, 2, 28),
    TODAY,
    date(2026, 11, 30),
    date(2026, 12, 1),
    date(2027, 12, 31),
    date(2028, 2, 29),
    date(2029, 5, 17),
    date(2031, 7, 16),
]

NAMES = ["George", "Ryan", "Christina", "Anisha"]
any_day = pytest.mark.parametrize("today", some(DAYS, 2), ids=str)


@cache
def data_of(name: str, today: date) -> dict[str, Any]:
    """Everything about one of the four on a day."""
    return sandbox_data(name, today)


def months(items: list[dict[str, Any]], today: date, provider: str = "sss_ph") -> set[int]:
    """How many months before the settled one each item's month lies."""
    settled = month_of(today) - 3
    return {
        settled - month_number((item.get("month") or item["date"])[:7])
        for item in items
        if item["metadata"]["providerId"] == provider
    }


def is_scheme(item: dict[str, Any]) -> bool:
    """Whether an item is of the scheme that all four have an account at."""
    return item["metadata"]["providerId"] == "sss_ph"


def test_they_are_the_documented_four() -> None:
    """Names, logins and countries are the sandbox's; user ids have the vendor's form."""
    people = sandbox_people()
    assert [one.user_name for one in people] == NAMES
    assert [one.country for one in people] == ["PH", "ID", "SG", "IN"]
    assert {one.code for one in people} == {"1234"}
    assert all(one.user_id.startswith("tenantId-") and len(one.user_id) == 41 for one in people)
    assert len({one.story for one in people}) == 4


@any_day
def test_ids_are_the_same_every_day(today: date) -> None:
    """Users and accounts keep their ids from one day to the next."""
    first, second = sandbox(today), sandbox(today + timedelta(days=1))
    for one, later in zip(first, second, strict=True):
        assert one.id == later.id
        assert [source.id for source in one.sources] == [source.id for source in later.sources]


@any_day
def test_history_reads_the_same_the_day_after(today: date) -> None:
    """What is shown for a month or a day does not change as time passes."""
    for name in NAMES:
        before, after = data_of(name, today), data_of(name, today + timedelta(days=1))
        for kind in ("eincomes", "contributions", "transactions"):
            later = {item["id"]: item for item in after[kind]}
            for item in before[kind]:
                shown = later.get(item["id"], item)
                assert shown | {"metadata": 0} == item | {"metadata": 0}


@any_day
def test_nothing_is_from_the_future(today: date) -> None:
    """No item is dated, and nothing was delivered or synced, after the day's first second."""
    newest = start_of(today) + timedelta(seconds=1)
    for name in NAMES:
        data = data_of(name, today)
        for kind in ITEM_KINDS:
            for item in data[kind]:
                assert datetime.fromisoformat(item["metadata"]["createdAt"]) <= newest
                assert item.get("date", "") < today.isoformat()
        for account in data["accounts"]:
            assert datetime.fromisoformat(account["monitor"]["updatedAt"]) == newest


@any_day
def test_government_postings_are_late(today: date) -> None:
    """The settled month is there, the one after it from the 15th on at most, nothing newer."""
    for name in NAMES:
        data = data_of(name, today)
        for kind in ("eincomes", "contributions"):
            newest = min(months(data[kind], today))
            assert newest >= (-1 if today.day >= 15 else 0)
            if name != "Anisha":
                assert 0 in months(data[kind], today)


@any_day
def test_all_accounts_are_philippine_and_in_pesos(today: date) -> None:
    """Whatever the country of residence, providers are Philippine and amounts in PHP."""
    for person in sandbox_people():
        data = data_of(person.user_name, today)
        assert all(account["providerId"].endswith("_ph") for account in data["accounts"])
        assert {account["connectionStatus"] for account in data["accounts"]} == {"CONNECTED"}
        amounts = data["eincomes"] + data["transactions"] + data["liabilities"]
        assert {item["currency"] for item in amounts} == {"PHP"}
        assert {item["countryResidence"] for item in data["identities"]} == {person.country}


@any_day
def test_ryan_has_little_room(today: date) -> None:
    """35 % of the pay less the loan's part finances 412.20 PHP."""
    (loan,) = data_of("Ryan", today)["liabilities"]
    room = Decimal("0.35") * 13_000 - Decimal(str(loan["amortizationAmount"]))
    affordable = room * (1 - Decimal("1.05") ** -6) / Decimal("0.05")
    assert room == Decimal("81.21")
    assert round(affordable, 2) == Decimal("412.20")
    assert loan["outstandingBalance"] > 0
    assert loan["endDate"] > today.isoformat()


@any_day
def test_anisha_has_gaps(today: date) -> None:
    """Of any twelve months to the settled one eight have estimates, four contributions."""
    data = data_of("Anisha", today)
    last_year = set(range(12))
    assert 0 in months(data["eincomes"], today) & months(data["contributions"], today)
    assert len(months(data["eincomes"], today) & last_year) == 8
    assert len(months(data["contributions"], today) & last_year) == 4
    assert max(months(data["eincomes"], today)) >= 30
    assert all(15_500 < item["amount"] < 16_500 for item in data["eincomes"])


@pytest.mark.parametrize("name", ["George", "Ryan", "Anisha"])
def test_nothing_is_waited_for_on_any_day(name: str) -> None:
    """On each day of two years a scheme's due month is there, and payroll is there to its end."""
    for number in some(range(2 * 366), 13):
        today = date(2026, 11, 26) + timedelta(days=number)
        data, this = sandbox_data(name, today), month_of(today)
        newest = max(month_number(one["month"]) for one in data["eincomes"] if is_scheme(one))
        assert newest in (this - 3, this - 2)
        paid_to = max((one["endDate"] for one in data["incomes"]), default="9999")
        assert paid_to >= last_day(this - 1).isoformat()


@any_day
def test_tasks_agree_with_the_accounts(today: date) -> None:
    """Linking began when the account was made; the last update ended when the account says so."""
    for name in NAMES:
        data = data_of(name, today)
        for account in data["accounts"]:
            own = [t for t in data["tasks"] if t["metadata"]["sourceId"] == account["id"]]
            linked, updated = own
            assert (linked["type"], updated["type"]) == ("LINK_ACCOUNT", "UPDATE_ACCOUNT")
            assert linked["startedAt"] == account["createdAt"]
            assert updated["finishedAt"] == account["monitor"]["updatedAt"]
            assert linked["startedAt"] < linked["finishedAt"] < updated["startedAt"]
            assert {one["status"] for one in own} == {"Finished"}


MADE_UP_ON = [TODAY, date(2026, 12, 1), date(2027, 2, 28), date(2027, 4, 15)]


def items(person: Person, kind: str) -> list[dict[str, Any]]:
    """Everything of a kind that a person's sources hold."""
    return [one for source in person.sources for one in source.of(kind)]


def test_the_same_seed_makes_the_same_people_and_any_id_finds_its_owner() -> None:
    """Seed, number and day decide everything, whatever the size; nobody is built unasked."""
    small, large = population(3, 11, TODAY), population(3, 5_000, TODAY)
    assert list(small) == [large.person(user_id) for user_id in small.builders]
    assert not small.builders.keys() & population(4, 11, TODAY).builders.keys()
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


@pytest.mark.parametrize("today", some(MADE_UP_ON, 2), ids=str)
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


@pytest.mark.parametrize("name", [person.user_name for person in sandbox_people()])
def test_country_and_currency_change_and_nothing_else(name: str) -> None:
    """Written back to pesos and their own country the data is what it was, to the figure."""
    person = {one.user_name: one for one in sandbox_people()}[name]
    there = json.dumps(sandbox_data(name, TODAY, Residence("ID", "IDR")))
    assert '"currency": "PHP"' not in there
    back = there.replace('"currency": "IDR"', '"currency": "PHP"').replace(
        '"countryResidence": "ID"', f'"countryResidence": "{person.country}"'
    )
    assert json.loads(back) == sandbox_data(name, TODAY)


@pytest.mark.parametrize(("country", "currency"), [("id", "PHP"), ("IDN", "PHP"), ("ID", "rupiah")])
def test_what_is_no_code_is_refused(country: str, currency: str) -> None:
    """Codes are two and three capital letters, as the vendor writes them."""
    with pytest.raises(ResidenceRefused, match="capital letters"):
        Residence(country, currency)


async def test_a_scenario_moves_everybody() -> None:
    """The people of the sandbox, in every list of the stand-in."""
    scenario = load_scenario({"residence": {"country": "SG", "currency": "SGD"}})
    async with open_stand(scenario.world, residence=scenario.residence) as stand:
        assert {one["countryResidence"] for one in await stand.items("/identities")} == {"SG"}
        paid = await stand.items("/incomes", userId=GEORGE.user_id)
        assert {one["currency"] for one in paid} == {"SGD"}
        assert "PHP" not in json.dumps(paid)


@pytest.mark.parametrize("wrong", [{"country": "id"}, {"currency": 5}, {"town": "Jakarta"}, "ID"])
def test_a_scenario_with_a_wrong_residence_says_where(wrong: object) -> None:
    """One sentence that begins with the place."""
    with pytest.raises(ScenarioRefused, match=r"^residence"):
        load_scenario({"residence": wrong})


def test_people_are_shown_where_they_are_asked_to_live(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In another country, paid in its currency."""
    words = ("people", "--country", "ID", "--currency", "IDR", "--data", "--format", "json")
    shown = json.loads(command(capsys, "sandbox", *words).out)
    assert {one["country"] for one in shown} == {"ID"}
    assert {one["currency"] for one in shown[0]["data"]["incomes"]} == {"IDR"}
    assert command(capsys, "sandbox", "people", "--country", "id").code == 2
