"""Faults of the transport: statuses, delays, and broken bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from decision_service.simulator.faults.effect import NUMBER, TEXT, WHOLE, Effect, FaultRefused
from decision_service.simulator.formats.replies import CODES, Reply, VendorError, encode, failure

Settings = Mapping[str, Any]
_PAGE = b"<!doctype html><title>Maintenance</title><h1>We will be back shortly</h1>"


def _status(reply: Reply, settings: Settings) -> None:
    status = settings["status"]
    message = settings.get("message", "The stand-in was told to answer so")
    reply.document = failure(VendorError(status, message, settings.get("code"))).document
    reply.status = status
    if "retry_after" in settings:
        reply.headers["retry-after"] = str(settings["retry_after"])


def _slow(reply: Reply, settings: Settings) -> None:
    reply.delay = float(settings["seconds"])


def _malformed(reply: Reply, settings: Settings) -> None:
    """Cut the body after `bytes` bytes, by default in its middle; the connection closes cleanly."""
    body = _body(reply)
    reply.body = body[: settings.get("bytes", len(body) // 2)]


def _content_type(reply: Reply, settings: Settings) -> None:
    reply.content_type = settings["value"]


def _html(reply: Reply, _: Settings) -> None:
    reply.body, reply.content_type = _PAGE, "text/html; charset=utf-8"


def _redirect(reply: Reply, settings: Settings) -> None:
    reply.status, reply.body = 302, b""
    reply.headers["location"] = settings["location"]


def _encoding(reply: Reply, settings: Settings) -> None:
    """Write the body in another encoding, such as `utf-16` or `utf-8-sig` (a byte order mark)."""
    reply.body = _body(reply).decode().encode(settings["name"])


def _huge(reply: Reply, settings: Settings) -> None:
    """Add a field of that many bytes, by default more than 4 MB."""
    padding = "x" * settings.get("bytes", 5_000_000)
    reply.document = {**_envelope(reply), "padding": padding}


def _deep(reply: Reply, settings: Settings) -> None:
    """Nest arrays that deep in a field."""
    depth = settings.get("depth", 100_000)
    text = encode({**_envelope(reply), "deep": 0})
    reply.body = text.replace(b'"deep":0', b'"deep":' + b"[" * depth + b"]" * depth)


def _envelope_code(reply: Reply, settings: Settings) -> None:
    """Keep the status and change the envelope's code."""
    reply.document = {**_envelope(reply), "code": settings["code"]}


def _data_null(reply: Reply, _: Settings) -> None:
    reply.document = {**_envelope(reply), "data": None}


def _envelope(reply: Reply) -> dict[str, Any]:
    return reply.document if isinstance(reply.document, dict) else {"data": reply.document}


def _body(reply: Reply) -> bytes:
    return encode(reply.document) if reply.body is None else reply.body


def _known_status(settings: Settings) -> None:
    status = settings["status"]
    if not 200 <= status <= 599:
        raise FaultRefused(f"status is {status}: give an HTTP status from 200 to 599")
    if "code" in settings and settings["code"] not in (*CODES.values(), "INVALID_CREDENTIALS"):
        known = ", ".join(sorted({*CODES.values(), "INVALID_CREDENTIALS"}))
        raise FaultRefused(f"code is {settings['code']!r}: the vendor has {known}")


TRANSPORT_FAULTS = {
    "status": Effect(
        _status,
        {"status": WHOLE, "code": TEXT, "message": TEXT, "retry_after": (int, float, str)},
        ("status",),
        replaces=True,
        also=_known_status,
    ),
    "html": Effect(_html, replaces=True),
    "redirect": Effect(_redirect, {"location": TEXT}, ("location",), replaces=True),
    "slow": Effect(_slow, {"seconds": NUMBER}, ("seconds",)),
    "malformed": Effect(_malformed, {"bytes": WHOLE}),
    "content_type": Effect(_content_type, {"value": TEXT}, ("value",)),
    "encoding": Effect(_encoding, {"name": TEXT}, ("name",)),
    "huge": Effect(_huge, {"bytes": WHOLE}),
    "deep": Effect(_deep, {"depth": WHOLE}),
    "envelope_code": Effect(_envelope_code, {"code": TEXT}, ("code",)),
    "data_null": Effect(_data_null),
}
