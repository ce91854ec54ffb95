"""The four sandbox people's data, whatever day it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from decision_service.simulator.dates import month_number, month_of, month_text, start_of
from decision_service.simulator.people import sandbox, sandbox_data, sandbox_people
from decision_service.simulator.world import ITEM_KINDS

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
any_day = pytest.mark.parametrize("today", DAYS, ids=str)


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
def test_ids_name_one_thing_each(today: date) -> None:
    """No two items of a person share an id."""
    for name in NAMES:
        data = data_of(name, today)
        found = [item["id"] for kind in ITEM_KINDS for item in data[kind]]
        assert len(set(found)) == len(found)


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
def test_george_is_steady(today: date) -> None:
    """Three years of estimates that rise gently, contributions each month, a loan nearly repaid."""
    data = data_of("George", today)
    assert set(range(38)) <= months(data["eincomes"], today)
    assert months(data["contributions"], today) == months(data["eincomes"], today)
    amounts = [item["amount"] for item in sorted(data["eincomes"], key=lambda one: one["month"])]
    assert 1.02 < sum(amounts[-12:]) / sum(amounts[:12]) < 1.1
    assert max(amounts[-12:]) / min(amounts[-12:]) < 1.06
    assert [job["endDate"] for job in data["employments"]] == [None, None]
    (loan,) = data["liabilities"]
    assert 0 < loan["outstandingBalance"] < 0.2 * loan["loanAmount"]
    assert loan["amortizationAmount"] < 0.05 * amounts[-1]


def test_george_earns_about_35000() -> None:
    """In 2026 the latest estimate is close to 35,000 PHP."""
    newest = max(data_of("George", TODAY)["eincomes"], key=lambda one: one["month"])
    assert (newest["month"], 34_000 < newest["amount"] < 36_000) == ("2026-09", True)


@any_day
def test_ryan_has_three_months_and_little_room(today: date) -> None:
    """Three settled months; 35 % of the pay less the loan's part finances 412.20 PHP."""
    data = data_of("Ryan", today)
    assert months(data["eincomes"], today) == {0, 1, 2}
    assert months(data["contributions"], today) == {0, 1, 2}
    assert {item["amount"] for item in data["eincomes"]} == {13_000}
    (loan,) = data["liabilities"]
    room = Decimal("0.35") * 13_000 - Decimal(str(loan["amortizationAmount"]))
    affordable = room * (1 - Decimal("1.05") ** -6) / Decimal("0.05")
    assert room == Decimal("81.21")
    assert round(affordable, 2) == Decimal("412.20")
    assert loan["outstandingBalance"] > 0
    (job,) = data["employments"]
    assert month_of(today) - month_number(job["startDate"][:7]) == 5


@any_day
def test_christina_has_a_job_and_weekend_deliveries(today: date) -> None:
    """Estimates in every month at both accounts, and 30 months and more of transactions."""
    data = data_of("Christina", today)
    assert set(range(40)) <= months(data["eincomes"], today)
    assert set(range(-2, 30)) <= months(data["eincomes"], today, "grab_ph")
    moved = [month_number(item["date"][:7]) for item in data["transactions"]]
    assert month_of(today) - min(moved) >= 30
    assert all(moved.count(month) >= 15 for month in range(month_of(today) - 30, month_of(today)))


def test_christinas_platform_estimates_are_her_earnings() -> None:
    """A month's estimate is its entries without cash-outs and top-ups."""
    data = data_of("Christina", TODAY)
    month = month_text(month_of(TODAY) - 1)
    worked = sum(
        item["amount"]
        for item in data["transactions"]
        if item["date"].startswith(month) and not item["description"].startswith(("Cash", "Wallet"))
    )
    (estimate,) = [
        item["amount"]
        for item in data["eincomes"]
        if item["month"] == month and item["metadata"]["providerId"] == "grab_ph"
    ]
    assert estimate == pytest.approx(worked)
    signs = {item["description"].split()[0]: item["amount"] > 0 for item in data["transactions"]}
    assert signs["GrabFood"] is signs["Weekly"] is signs["Wallet"] is True
    assert signs["Platform"] is signs["Cash"] is False


@any_day
def test_anisha_has_gaps(today: date) -> None:
    """Of the twelve settled months eight have estimates and four contributions, around 16,000."""
    data = data_of("Anisha", today)
    last_year = set(range(12))
    assert len(months(data["eincomes"], today) & last_year) == 8
    assert len(months(data["contributions"], today) & last_year) == 4
    assert max(months(data["eincomes"], today)) >= 30
    assert all(15_500 < item["amount"] < 16_500 for item in data["eincomes"])


def test_anisha_is_paid_in_the_settled_month_of_late_2026() -> None:
    """Seen on 2026-11-24 her newest estimate and contribution are for August."""
    data = data_of("Anisha", TODAY)
    assert max(item["month"] for item in data["eincomes"]) == "2026-08"
    assert max(item["date"] for item in data["contributions"]) == "2026-08-31"


def test_an_unknown_name_has_no_data() -> None:
    """Asking for a fifth person is a KeyError."""
    with pytest.raises(KeyError):
        sandbox_data("Nobody", TODAY)


def test_a_day_is_manilas() -> None:
    """A day of the sandbox begins at 16:00 UTC of the day before."""
    assert start_of(TODAY) == datetime(2026, 11, 23, 16, tzinfo=UTC)
