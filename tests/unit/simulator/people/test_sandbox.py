"""The four sandbox people's data, whatever day it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from decision_service.standin.formats import (
    first_day,
    last_day,
    month_number,
    month_of,
    month_text,
    start_of,
)
from decision_service.standin.sandbox import sandbox, sandbox_data, sandbox_people
from decision_service.standin.world import ITEM_KINDS
from tests.fakes.examples import some

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


def is_scheme(item: dict[str, Any]) -> bool:
    """Whether an item is of the scheme that all four have an account at."""
    return item["metadata"]["providerId"] == "sss_ph"


def net_by_month(payslips: list[dict[str, Any]]) -> dict[int, float]:
    """What was paid for each month, after deductions."""
    paid: dict[int, float] = {}
    for one in payslips:
        month = month_number(one["endDate"][:7])
        paid[month] = round(paid.get(month, 0) + one["netAmount"], 2)
    return paid


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
    """Three years of pay that rises gently, contributions each month, a loan nearly repaid."""
    data = data_of("George", today)
    assert set(range(38)) <= months(data["eincomes"], today)
    assert months(data["contributions"], today) == months(data["eincomes"], today)
    amounts = [item["amount"] for item in sorted(data["eincomes"], key=lambda one: one["month"])]
    assert 1.02 < sum(amounts[-12:]) / sum(amounts[:12]) < 1.1
    assert max(amounts[-12:]) / min(amounts[-12:]) < 1.06
    assert [job["endDate"] for job in data["employments"]] == [None] * 3
    (loan,) = data["liabilities"]
    assert 0 < loan["outstandingBalance"] < 0.2 * loan["loanAmount"]
    assert loan["amortizationAmount"] < 0.05 * amounts[-1]


@any_day
def test_georges_payroll_is_up_to_date(today: date) -> None:
    """Every complete month is paid in two halves that come to what his scheme estimates."""
    data = data_of("George", today)
    paid = net_by_month(data["incomes"])
    this = month_of(today)
    complete = {month: amount for month, amount in paid.items() if month < this}
    assert sorted(complete) == list(range(this - 40, this))
    estimated = {month_number(one["month"]): one["amount"] for one in data["eincomes"]}
    assert all(complete[m] == pytest.approx(estimated[m], abs=0.02) for m in estimated)


def test_george_earns_about_35000() -> None:
    """In 2026 the latest estimate is close to 35,000 PHP."""
    newest = max(data_of("George", TODAY)["eincomes"], key=lambda one: one["month"])
    assert (newest["month"], 34_000 < newest["amount"] < 36_000) == ("2026-09", True)


@any_day
def test_ryan_has_three_months_on_his_payroll(today: date) -> None:
    """Three complete months, no more; his scheme shows the one that is due, or one more."""
    data, this = data_of("Ryan", today), month_of(today)
    paid = net_by_month(data["incomes"])
    assert [m for m in sorted(paid) if m < this] == [this - 3, this - 2, this - 1]
    assert {amount for month, amount in paid.items() if month < this} == {13_000}
    due = {0, -1} if today.day >= 15 else {0}
    assert months(data["eincomes"], today) == months(data["contributions"], today) == due
    assert {item["amount"] for item in data["eincomes"]} == {13_000}
    assert {job["startDate"] for job in data["employments"]} == {first_day(this - 3).isoformat()}


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
    for number in some(range(2 * 366), 5):
        today = date(2026, 11, 26) + timedelta(days=number)
        data, this = sandbox_data(name, today), month_of(today)
        newest = max(month_number(one["month"]) for one in data["eincomes"] if is_scheme(one))
        assert newest in (this - 3, this - 2)
        paid_to = max((one["endDate"] for one in data["incomes"]), default="9999")
        assert paid_to >= last_day(this - 1).isoformat()


@any_day
def test_everyone_is_who_they_are_at_every_account(today: date) -> None:
    """Each account names the person and one date of birth, between 18 and 65 years ago."""
    for person in sandbox_people():
        data = data_of(person.user_name, today)
        assert len(data["identities"]) == len(data["accounts"])
        assert {one["dob"] for one in data["identities"]} == {person.born.isoformat()}
        assert {one["fullName"] for one in data["identities"]} == {person.name}
        assert 18 < (today - person.born).days / 365.25 < 65 - 3


@any_day
def test_jobs_are_named_at_schemes_and_payroll(today: date) -> None:
    """Each scheme and payroll names the one employer, whose job covers every month it pays for."""
    for name in NAMES:
        data = data_of(name, today)
        told = {job["metadata"]["providerId"]: job for job in data["employments"]}
        formal = {one["providerId"] for one in data["accounts"]} - {"grab_ph"}
        assert set(told) == formal
        assert len({job["employer"] for job in told.values()}) == 1
        first = min(one["month"] for one in data["eincomes"] if is_scheme(one))
        assert all(job["startDate"][:7] <= first for job in told.values())
        assert {job["endDate"] for job in told.values()} == {None}


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


def test_an_unknown_name_has_no_data() -> None:
    """Asking for a fifth person is a KeyError."""
    with pytest.raises(KeyError):
        sandbox_data("Nobody", TODAY)


def test_a_day_is_manilas() -> None:
    """A day of the sandbox begins at 16:00 UTC of the day before."""
    assert start_of(TODAY) == datetime(2026, 11, 23, 16, tzinfo=UTC)
