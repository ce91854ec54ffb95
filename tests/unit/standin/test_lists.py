"""The lists: pages, cursors, filters, providers, and the counts of linked lenders."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.standin.formats import (
    PROVIDERS,
    Cursor,
    civil_day,
    object_id,
    page,
    read_cursor,
    user_id,
)
from decision_service.standin.lists import NO_DATA, features
from decision_service.standin.sandbox import person_like
from decision_service.standin.world import Origin, Person, World, link, source
from tests.fakes.examples import examples
from tests.unit.standin.kit import ANISHA, CHRISTINA, GEORGE, Stand, ids, open_stand


def test_the_sandbox_providers_support_what_their_stories_need() -> None:
    """The scheme has estimates, contributions and loans, the platform a wallet."""
    scheme, platform = PROVIDERS["sss_ph"], PROVIDERS["grab_ph"]
    assert (scheme["type"], platform["type"]) == ("GOVERNMENT", "GIG")
    assert set(scheme["supported"]) == {
        "IDENTITIES",
        "EMPLOYMENTS",
        "CONTRIBUTIONS",
        "EINCOMES",
        "LIABILITIES",
    }
    assert "TRANSACTIONS" in platform["supported"]
    assert {one["type"] for one in PROVIDERS.values()} == {
        "GIG",
        "GOVERNMENT",
        "SYSTEM",
        "EMPLOYER",
        "CREDENTIAL",
    }


async def test_a_list_of_providers_has_pages(stand: Stand) -> None:
    """Every provider comes once, ten to a page."""
    assert ids(await stand.items("/providers", size=10)) == list(PROVIDERS)


UNKNOWN = "tenantId-00000000000000000000000000000000"
HOARD = 1_200


def _hoarder(name: str, today: date) -> Person:
    """Somebody with a contribution on each of the last 1,200 days."""
    whole = person_like("George", user_id(name), today)
    first = whole.sources[0]
    pattern = first.of("contributions")
    kept = tuple(
        {
            **pattern[day % len(pattern)],
            "id": object_id("con", user_id(name), [day]),
            "date": (today - timedelta(days=day)).isoformat(),
        }
        for day in range(HOARD)
    )
    own = replace(first, items={**first.items, "contributions": kept})
    return replace(whole, sources=(own,))


def _hoarders(names: tuple[str, ...], today: date) -> World:
    return World(today, {user_id(name): partial(_hoarder, name, today) for name in names})


@settings(max_examples=examples(60), deadline=None)
@given(length=st.integers(0, 400), size=st.integers(1, 150))
def test_pages_give_everything_once(length: int, size: int) -> None:
    """Following cursors gives each item once and in order, and the last page has no cursor."""
    items, cursor, found = range(length), Cursor("transactions", {"userId": "u"}), []
    for _ in range(length // size + 1):
        data = page(items, cursor, size)
        assert len(data["items"]) <= size
        found += data["items"]
        if "nextCursor" not in data:
            break
        cursor = read_cursor(data["nextCursor"], "transactions")
    assert found == list(items)
    assert "nextCursor" not in data
    assert cursor.filters == {"userId": "u"}


@pytest.mark.parametrize("size", ["0", "151", "-1", "ten", "1.5", "٣"])
async def test_illegal_sizes_are_refused(stand: Stand, size: str) -> None:
    """A size outside 1 to 150 is INVALID_PARAMETERS."""
    answer = await stand.get("/eincomes", size=size)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETERS")


async def test_a_long_list_is_the_same_however_it_is_asked_for() -> None:
    """Two people's, from a day on or whole, page by page in turns: none is taken for another."""
    names = ("anna", "bea")
    async with open_stand(partial(_hoarders, names)) as stand:
        day = civil_day(stand.clock()) - timedelta(days=HOARD - 101)
        windows = ({}, {"startDate": day.isoformat()})
        asked = [{"userId": user_id(name), **window} for name in names for window in windows]
        first = [await stand.items("/contributions", **query) for query in asked]
        again = await asyncio.gather(
            *(stand.items("/contributions", **query) for query in asked for _ in range(2))
        )
    assert [len(items) for items in first] == [HOARD, HOARD - 100, HOARD, HOARD - 100]
    assert again == [items for items in first for _ in range(2)]
    for query, items in zip(asked, first, strict=True):
        assert {item["metadata"]["userId"] for item in items} == {query["userId"]}
        assert [item["date"] for item in items] == sorted((i["date"] for i in items), reverse=True)


async def test_a_cursor_carries_the_filters(stand: Stand) -> None:
    """A cursor alone continues the filtered list."""
    query = {"userId": GEORGE.user_id, "startMonth": "2025-01", "endMonth": "2025-12"}
    first = await stand.data("/eincomes", **query)
    rest = await stand.data("/eincomes", cursor=first["nextCursor"])
    months = [item["month"] for item in first["items"] + rest["items"]]
    assert months == [f"2025-{month:02d}" for month in range(12, 0, -1)]
    assert "nextCursor" not in rest


async def test_a_cursor_is_for_its_own_list(stand: Stand) -> None:
    """A cursor of another list is INVALID_PARAMETERS."""
    first = await stand.data("/eincomes", userId=GEORGE.user_id)
    answer = await stand.get("/contributions", cursor=first["nextCursor"])
    assert answer.status_code == 400


async def test_a_user_filter_brings_all_accounts_together(stand: Stand) -> None:
    """Items of all of a user's accounts come in one list, newest first, and nobody else's."""
    items = await stand.items("/contributions", userId=GEORGE.user_id)
    assert {item["metadata"]["providerId"] for item in items} == {"sss_ph", "pagibig_ph"}
    assert {item["metadata"]["userId"] for item in items} == {GEORGE.user_id}
    days = [item["date"] for item in items]
    assert days == sorted(days, reverse=True)


async def test_a_source_filter_picks_one_account(stand: Stand) -> None:
    """`sourceId` and the deprecated `accountId` pick an account's items; another's are none."""
    providers = ("sss_ph", "pagibig_ph")
    accounts = [await stand.account(GEORGE.user_id, provider) for provider in providers]
    for account in accounts:
        by_source = await stand.items("/contributions", sourceId=account["id"])
        by_account = await stand.items("/contributions", accountId=account["id"])
        assert {item["metadata"]["sourceId"] for item in by_source} == {account["id"]}
        assert by_source == by_account
    stranger = await stand.items(
        "/contributions", userId=ANISHA.user_id, sourceId=accounts[0]["id"]
    )
    assert stranger == []


async def test_an_unknown_user_has_empty_lists(stand: Stand) -> None:
    """A filter by an unknown user is an empty list, not an error."""
    for path in ("/accounts", "/eincomes", "/transactions", "/tasks", "/insights"):
        assert (await stand.data(path, userId=UNKNOWN))["items"] == []


async def test_date_filters_include_both_ends(stand: Stand) -> None:
    """`startDate` and `endDate` are the first and the last day that count."""
    whole = await stand.items("/transactions", userId=CHRISTINA.user_id)
    days = sorted({item["date"] for item in whole})
    first, last = days[100], days[110]
    some = await stand.items(
        "/transactions", userId=CHRISTINA.user_id, startDate=first, endDate=last
    )
    assert ids(some) == ids(item for item in whole if first <= item["date"] <= last)
    assert {some[-1]["date"], some[0]["date"]} == {first, last}


CUTOFF = datetime(2026, 11, 24, 6, tzinfo=UTC)
ORIGIN = Origin("tenantId-" + "1" * 32, "sss_ph", CUTOFF - timedelta(days=90), CUTOFF)


def computed(provider: str = "sss_ph", **items: Any) -> dict[str, Any]:
    """The features of a source with these items."""
    origin = Origin(ORIGIN.user_id, provider, ORIGIN.connected, ORIGIN.synced)
    return features(source(origin, items), CUTOFF)


def test_links_are_counted_by_days() -> None:
    """Links within so many days count; first and last are days ago."""
    times = [CUTOFF - timedelta(days=days) for days in (200, 40, 5)]
    found = computed(links=[link(ORIGIN, times)])
    assert (found["link_days_since_first"], found["link_days_since_last"]) == (200, 5)
    assert computed()["link_day30_count"] == NO_DATA
    counts = [found[f"link_day{days}_count"] for days in (3, 7, 30, 90, 180, 365)]
    assert counts == [0, 1, 1, 2, 2, 3]


async def test_insights_are_served_for_each_account(stand: Stand) -> None:
    """The list has one insight for each account."""
    insights = await stand.items("/insights", userId=GEORGE.user_id)
    assert len({one["metadata"]["sourceId"] for one in insights}) == len(insights) == 3
