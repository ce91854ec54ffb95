"""Requests of callers: keys and JSON bodies, with the checks that the vendor makes."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from decision_service.simulator.formats.replies import VendorError

PREFIX = "/v1"
_PAIRS, _KEY_LENGTH, _VALUE_LENGTH = 5, 50, 500


def below_prefix(path: str) -> str:
    """Return a path without the version it begins with."""
    return path.removeprefix(PREFIX)


def check_keys(header: str | None, key: str, secret: str) -> None:
    """Raise VendorError 401 unless the Authorization header is HTTP Basic with the key pair."""
    scheme, _, encoded = (header or "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        given = b""
    right = hmac.compare_digest(given, f"{key}:{secret}".encode())
    if scheme.lower() != "basic" or not right:
        raise VendorError(401, "The API key and secret are missing, wrong or expired")


async def json_object(request: Request) -> dict[str, Any]:
    """Return the request's JSON object, empty where there is no body; VendorError 415 or 400."""
    body = await request.body()
    if not body:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise VendorError(415, "The content type must be application/json")
    try:
        content = json.loads(body)
    except ValueError:
        raise VendorError(400, "The body is not JSON") from None
    if not isinstance(content, dict):
        raise VendorError(400, "The body must be a JSON object")
    return content


def external_metadata(body: Mapping[str, Any]) -> dict[str, str]:
    """Return a new user's `externalMetadata`; VendorError 400 where it breaks the limits."""
    pairs = body.get("externalMetadata") or {}
    if not isinstance(pairs, dict):
        raise VendorError(400, "externalMetadata must be an object")
    if len(pairs) > _PAIRS:
        raise VendorError(400, f"externalMetadata may have at most {_PAIRS} pairs")
    for name, value in pairs.items():
        if not _ascii(name, _KEY_LENGTH) or not _ascii(value, _VALUE_LENGTH):
            raise VendorError(
                400,
                f"externalMetadata keys and values must be ASCII text of at most {_KEY_LENGTH} and "
                f"{_VALUE_LENGTH} characters",
            )
    return pairs


def _ascii(value: object, longest: int) -> bool:
    return isinstance(value, str) and value.isascii() and len(value) <= longest
