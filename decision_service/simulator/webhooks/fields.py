"""The checks that the vendor makes on a new webhook's fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from decision_service.simulator.formats.replies import VendorError
from decision_service.simulator.webhooks.registrations import EVENT_TYPES

_NAME_LENGTH, _URL_LENGTH, _SECRET_LENGTH = 200, 500, 64


def webhook_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new webhook's fields; VendorError 400 naming the first that is not legal."""
    legal = {
        "name": _text(body.get("name"), _NAME_LENGTH),
        "url": _text(body.get("url"), _URL_LENGTH) and body["url"].startswith("https://"),
        "eventTypes": _event_types(body.get("eventTypes")),
        "active": isinstance(body.get("active"), bool),
        "includePayload": isinstance(body.get("includePayload", False), bool),
        "secret": _text(body.get("secret"), _SECRET_LENGTH),
    }
    for name, good in legal.items():
        if not good:
            raise VendorError(400, f"{name} is missing or not legal")
    return {"includePayload": False} | {name: body[name] for name in legal if name in body}


def _text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= longest


def _event_types(value: object) -> bool:
    return isinstance(value, list) and all(one in EVENT_TYPES for one in value)
