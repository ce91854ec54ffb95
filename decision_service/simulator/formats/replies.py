"""The vendor's answers: envelopes, error bodies and their codes."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.responses import Response

CODES = {
    400: "INVALID_PARAMETERS",
    401: "INVALID_TOKEN",
    403: "UNAUTHORIZED_ACCESS",
    404: "MISSING_RESOURCE",
    415: "INVALID_PARAMETERS",  # the document's list of codes has none of its own for 415
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "SERVER_ERROR",
    501: "UNSUPPORTED_METHOD",
    503: "SERVER_UNAVAILABLE",
    504: "TIME_LIMIT_EXCEEDED",
}
_RAW = "\ue000"


class VendorError(Exception):
    """An answer that is an error: HTTP status, the vendor's code, a message."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or CODES.get(status, "SERVER_ERROR")


@dataclass(slots=True)
class Reply:
    """An answer before it is written: a JSON document, or a body of bytes in place of one.

    `whole` is the list behind a page and `restart` the cursor of the list's beginning, which some
    faults need; `delay` is in seconds.
    """

    document: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    body: bytes | None = None
    delay: float = 0.0
    whole: Sequence[Any] | None = None
    restart: str | None = None
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class RawNumber:
    """A number written into the JSON exactly as its text says, legal or not."""

    text: str


def ok(data: Any = None, status: int = 200) -> Reply:
    """Return a successful answer; without data it is the bare envelope."""
    envelope = _envelope("OK", "Success")
    return Reply(envelope if data is None else {**envelope, "data": data}, status)


def failure(error: VendorError) -> Reply:
    """Return an error's answer."""
    return Reply(_envelope(error.code, str(error)), error.status)


def encode(document: Any) -> bytes:
    """Write a document as JSON."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_raw_text)
    if _RAW in text:
        text = re.sub(f'"{_RAW}(.*?){_RAW}"', r"\1", text)
    return text.encode()


def response(reply: Reply) -> Response:
    """Return the HTTP response of an answer."""
    body = encode(reply.document) if reply.body is None else reply.body
    headers = {"content-type": reply.content_type, **reply.headers}
    return Response(body, reply.status, headers)


def _envelope(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "requestId": str(uuid.uuid4())}


def _raw_text(value: object) -> str:
    if isinstance(value, RawNumber):
        return f"{_RAW}{value.text}{_RAW}"
    raise TypeError(f"{type(value).__name__} has no JSON form")
