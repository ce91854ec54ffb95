"""Webhook registrations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.stand import Stand

GOOD = {
    "name": "decisions",
    "url": "https://decisions.example/hooks",
    "eventTypes": ["ACCOUNT_DISCONNECTED", "EINCOMES_UPDATED"],
    "active": True,
    "includePayload": True,
    "secret": "s" * 64,
}


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
    answer = await stand.client.post("webhooks", json=GOOD | {field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETERS")
    assert field in answer.json()["message"]
    assert await stand.items("/webhooks") == []
