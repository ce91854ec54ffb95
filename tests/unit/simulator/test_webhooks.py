"""Webhook registrations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.stand import Stand, ids

GOOD = {
    "name": "decisions",
    "url": "https://decisions.example/hooks",
    "eventTypes": ["ACCOUNT_DISCONNECTED", "EINCOMES_UPDATED"],
    "active": True,
    "includePayload": True,
    "secret": "s" * 64,
}


async def register(stand: Stand, **changes: Any) -> Any:
    """The answer to a good registration, changed."""
    return await stand.client.post("webhooks", json=GOOD | changes)


async def test_a_registration_is_kept_as_sent(stand: Stand) -> None:
    """A webhook reads back as registered, newest first in the list, until it is deleted."""
    first = (await register(stand)).json()["data"]
    second = (await register(stand, name="other")).json()["data"]
    assert GOOD.items() <= first.items()
    assert ids(await stand.items("/webhooks", size=1)) == [second["id"], first["id"]]
    assert await stand.data(f"/webhooks/{first['id']}") == first
    assert (await stand.client.delete(f"webhooks/{first['id']}")).status_code == 200
    assert (await stand.get(f"/webhooks/{first['id']}")).status_code == 404
    assert (await stand.client.delete(f"webhooks/{first['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "n" * 201),
        ("url", "http://decisions.example"),
        ("url", "https://" + "u" * 493),
        ("eventTypes", "ALL_EVENTS"),
        ("eventTypes", ["EVERYTHING"]),
        ("active", "yes"),
        ("includePayload", 1),
        ("secret", ""),
        ("secret", "s" * 65),
        ("secret", None),
    ],
)
async def test_illegal_fields_are_named(stand: Stand, field: str, value: Any) -> None:
    """A field that breaks the document's limits is INVALID_PARAMETERS and is named."""
    answer = await register(stand, **{field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETERS")
    assert field in answer.json()["message"]
    assert await stand.items("/webhooks") == []
