"""The two payload answers."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from decision_service.simulator.faults.plan import Fault
from decision_service.simulator.people.population import EVERYDAY, PROFILES, population
from tests.unit.simulator.stand import ANISHA, GEORGE, Stand, open_stand

TODAY = date(2026, 11, 24)
KINDS = ("incomes", "transactions", "employments", "contributions", "liabilities", "eincomes")


def bare(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items without their metadata."""
    return [{k: v for k, v in item.items() if k != "metadata"} for item in items]


async def test_an_accounts_payload_is_its_lists_without_metadata() -> None:
    """Each supported kind is one plain array with what the list endpoint gives, in its order."""
    async with open_stand(population(5, len(PROFILES), TODAY, tuple(PROFILES))) as stand:
        for account in await stand.items("/accounts"):
            payload = await stand.data(f"/accounts/{account['id']}/payload")
            assert payload["metadata"]["userId"] == account["userId"]
            for kind in KINDS:
                items = await stand.items(f"/{kind}", sourceId=account["id"])
                assert payload.get(kind, []) == bare(items)


async def test_kinds_that_a_provider_does_not_support_are_left_out(stand: Stand) -> None:
    """Pag-IBIG shows an empty array of loans and no estimates at all."""
    accounts = await stand.items("/accounts", userId=GEORGE.user_id)
    (pagibig,) = [one for one in accounts if one["providerId"] == "pagibig_ph"]
    payload = await stand.data(f"/accounts/{pagibig['id']}/payload")
    assert payload["liabilities"] == []
    assert "eincomes" not in payload
    assert payload["identity"]["fullName"] == GEORGE.name


async def test_a_users_payload_is_cut_and_goes_on_at_the_lists() -> None:
    """A list longer than the cut has a cursor, and following it gives the rest."""
    async with open_stand(payload_cut=5) as stand:
        payload = await stand.data(f"/users/{ANISHA.user_id}/payload")
        (account,) = payload["accounts"]
        cut = account["payload"]["eincomes"]
        rest = await stand.items("/eincomes", cursor=cut["nextCursor"])
        whole = await stand.items("/eincomes", userId=ANISHA.user_id)
    assert len(cut["items"]) == 5
    assert cut["items"] + bare(rest) == bare(whole)
    assert "nextCursor" not in account["payload"]["employments"]


async def test_a_users_payload_names_archives_apart() -> None:
    """Files that were handed in are archives with their file type, not accounts."""
    async with open_stand(population(5, 11, TODAY, EVERYDAY)) as stand:
        users = await stand.items("/users")
        payloads = [await stand.data(f"/users/{one['id']}/payload") for one in users]
    archives = [one for payload in payloads for one in payload["archives"]]
    assert [one["fileType"] for one in archives] == ["payslip"]
    assert archives[0]["payload"]["incomes"]["items"]


@pytest.mark.parametrize("status", ["ERROR", "PENDING", "AWAITING_MFA"])
async def test_a_payload_says_what_the_lists_say_in_any_state(status: str) -> None:
    """What an account delivered stays readable both ways when its provider refuses later."""
    world = population(5, 4, TODAY, ("refused_with_loans", "abandoned_attempt"))
    async with open_stand(world) as stand:
        stand.app.faults.add(Fault("account_state", "/accounts", settings={"status": status}))
        owed = 0
        for account in await stand.items("/accounts"):
            payload = await stand.data(f"/accounts/{account['id']}/payload")
            whole = await stand.data(f"/users/{account['userId']}/payload")
            (listed,) = [one for one in whole["accounts"] if one["id"] == account["id"]]
            for kind in KINDS:
                items = bare(await stand.items(f"/{kind}", sourceId=account["id"]))
                assert payload.get(kind, []) == items
                assert listed["payload"].get(kind, {"items": []})["items"] == items[:300]
            owed += len(payload.get("liabilities", []))
    assert owed >= 2


async def test_payloads_of_nobody_are_missing(stand: Stand) -> None:
    """An unknown user's or account's payload is MISSING_RESOURCE."""
    for path in ("/users/tenantId-0/payload", "/accounts/a-0/payload"):
        assert (await stand.get(path)).status_code == 404
