"""What calls change: users, tokens, revocations, and the day."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.stand import CHRISTINA, GEORGE, RYAN, Stand


@pytest.mark.parametrize(
    "external",
    [
        "text",
        ["a"],
        {"a": 1},
        {"a": None},
        {"a": {"b": "c"}},
        {"k" * 51: "v"},
        {"k": "v" * 501},
        {"k": "ñ"},
        {"ñ": "v"},
        {str(n): "v" for n in range(6)},
    ],
)
async def test_metadata_beyond_the_limits_is_refused(stand: Stand, external: Any) -> None:
    """More than five pairs, long, non-text or non-ASCII ones are INVALID_PARAMETERS."""
    answer = await stand.client.post("users", json={"externalMetadata": external})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETERS")
    assert len(await stand.items("/users")) == 4


async def test_a_token_lives_five_hours(stand: Stand) -> None:
    """A token is the sandbox's, says when it ends, and is another one every time."""
    path = f"tokens?userId={GEORGE.user_id}"
    one, other = [(await stand.client.post(path)).json()["data"] for _ in range(2)]
    assert (one["mode"], one["expiresAt"]) == ("SANDBOX", "2026-11-24T11:30:00Z")
    assert one["accessToken"] != other["accessToken"]


async def test_a_revoked_account_is_gone_with_its_data(stand: Stand) -> None:
    """After DELETE the account, its items and tasks are gone; other accounts stay."""
    accounts = {one["providerId"]: one["id"] for one in await stand.items(
        "/accounts", userId=GEORGE.user_id)}  # fmt: skip
    gone = accounts["sss_ph"]
    assert (await stand.client.delete(f"accounts/{gone}")).status_code == 200
    left = await stand.items("/accounts", userId=GEORGE.user_id)
    assert {one["id"] for one in left} == {accounts["pagibig_ph"], accounts["sprout_ph"]}
    for kind in ("eincomes", "contributions", "tasks"):
        items = await stand.items(f"/{kind}", userId=GEORGE.user_id)
        assert gone not in {item["metadata"]["sourceId"] for item in items}
    assert (await stand.get(f"/accounts/{gone}")).status_code == 404
    assert (await stand.client.delete(f"accounts/{gone}")).status_code == 404


async def test_a_disconnected_account_stays_without_data(stand: Stand) -> None:
    """What the widget revokes shows as DISCONNECTED from that moment and has nothing more."""
    account = await stand.account(RYAN.user_id)
    stand.app.tenant.disconnect(account["id"])
    left = await stand.account(RYAN.user_id)
    assert (left["connectionStatus"], left["connection"]["status"]) == ("DISCONNECTED",) * 2
    assert left["connection"]["updatedAt"] == "2026-11-24T06:30:00Z"
    assert await stand.items("/eincomes", userId=RYAN.user_id) == []


async def test_an_erased_user_is_unknown(stand: Stand) -> None:
    """An erased user is 404 and has empty lists."""
    stand.app.tenant.erase_user(RYAN.user_id)
    assert (await stand.get(f"/users/{RYAN.user_id}")).status_code == 404
    assert await stand.items("/accounts", userId=RYAN.user_id) == []
    assert len(await stand.items("/users")) == 3


async def test_a_new_day_brings_new_data(stand: Stand) -> None:
    """At Manila's midnight the world is made anew; what was revoked stays revoked."""
    ryans = await stand.account(RYAN.user_id)
    await stand.client.delete(f"accounts/{ryans['id']}")
    before = await stand.items("/transactions", userId=CHRISTINA.user_id)
    stand.clock.pass_by(hours=9)
    assert await stand.items("/transactions", userId=CHRISTINA.user_id) == before
    stand.clock.pass_by(days=7)
    after = await stand.items("/transactions", userId=CHRISTINA.user_id)
    assert after[0]["date"] > before[0]["date"]
    left = await stand.items("/accounts", userId=RYAN.user_id)
    assert [one["providerId"] for one in left] == ["bayancalls_ph"]
