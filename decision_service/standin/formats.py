"""The vendor's formats: answers, pages, ids, days, providers."""

from __future__ import annotations

import base64
import binascii
import json
import random
import re
import uuid
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from decision_service.build import packaged

MANILA = ZoneInfo("Asia/Manila")
GOVERNMENT_LAG_MONTHS = 2
"""Complete months after which social security postings are certain to have arrived."""


def civil_day(instant: datetime) -> date:
    return instant.astimezone(MANILA).date()


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), MANILA).astimezone(UTC)


def stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def month_of(day: date) -> int:
    """A day's month as a count of months, so that months can be added and subtracted."""
    return day.year * 12 + day.month - 1


def month_text(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def month_number(text: str) -> int:
    year, month = text.split("-")
    return int(year) * 12 + int(month) - 1


def first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    year, index = divmod(month, 12)
    return date(year, index + 1, monthrange(year, index + 1)[1])


def settled_month(today: date, lag: int = GOVERNMENT_LAG_MONTHS) -> int:
    """Return the newest month that is certain to be posted: the last complete one minus the lag."""
    return month_of(today) - 1 - lag


def days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


_FORM = re.compile(r"[A-Za-z]+-([0-9a-f]{16})[0-9a-f]{16}")


def digits(*parts: object, length: int = 32) -> str:
    text = "\x1f".join(map(str, parts)).encode()
    return blake2b(text, digest_size=length // 2).hexdigest()


def user_id(*parts: object) -> str:
    return f"tenantId-{digits('user', *parts)}"


def created_user_id(*parts: object) -> str:
    """Return the id of a user that a call creates: its last digits follow from the others."""
    first = digits("created", *parts, length=16)
    return f"tenantId-{first}{digits('created user', first, length=16)}"


def is_created(any_id: str) -> bool:
    first = owner_digits(any_id)
    return any_id == f"tenantId-{first}{digits('created user', first, length=16)}"


def object_id(prefix: str, owner: str, parts: Iterable[object]) -> str:
    return f"{prefix}-{owner_digits(owner)}{digits(prefix, owner, *parts, length=16)}"


def owner_digits(any_id: str) -> str | None:
    """The digits that name the owner in an id of the vendor's form, else None."""
    match = _FORM.fullmatch(any_id)
    return match.group(1) if match else None


def seeded_random(*parts: object) -> random.Random:
    return random.Random(digits("dice", *parts))  # noqa: S311 - made-up data, nothing secret


def noise(*parts: object) -> float:
    """Return a number from -1 to 1 that depends on the parts alone."""
    return int(digits("wobble", *parts, length=8), 16) / 0x7FFFFFFF - 1.0


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
    envelope = _envelope("OK", "Success")
    return Reply(envelope if data is None else {**envelope, "data": data}, status)


def failure(error: VendorError) -> Reply:
    return Reply(_envelope(error.code, str(error)), error.status)


def encode(document: Any) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_raw_text)
    if _RAW in text:
        text = re.sub(f'"{_RAW}(.*?){_RAW}"', r"\1", text)
    return text.encode()


def response(reply: Reply) -> Response:
    body = encode(reply.document) if reply.body is None else reply.body
    headers = {"content-type": reply.content_type, **reply.headers}
    return Response(body, reply.status, headers)


def _envelope(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "requestId": str(uuid.uuid4())}


def _raw_text(value: object) -> str:
    if isinstance(value, RawNumber):
        return f"{_RAW}{value.text}{_RAW}"
    raise TypeError(f"{type(value).__name__} has no JSON form")


DEFAULT_SIZE = 10
LARGEST_SIZE = 150
Filters = dict[str, str]


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: the list's name, its filters, how many items come before."""

    listing: str
    filters: Filters
    offset: int = 0

    def text(self) -> str:
        content = json.dumps([self.listing, self.filters, self.offset])
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read_cursor(text: str, listing: str) -> Cursor:
    """Return the place a cursor names; raises VendorError 400 for one not given for this list."""
    found = _decoded(text)
    if found is None:
        raise VendorError(400, "cursor is not one that this API has given")
    if found.listing != listing:
        raise VendorError(400, f"cursor was given for {found.listing}, not for {listing}")
    return found


def filters_in(cursor: str | None) -> Filters:
    found = _decoded(cursor) if cursor else None
    return found.filters if found else {}


def _decoded(text: str) -> Cursor | None:
    try:
        content = base64.urlsafe_b64decode(text.partition(".")[0] + "===")
        name, filters, offset = json.loads(content)
    except (binascii.Error, ValueError, TypeError):
        return None
    legal = isinstance(filters, dict) and isinstance(offset, int) and offset >= 0
    return Cursor(name, filters, offset) if legal else None


def salted(cursor: str, salt: str) -> str:
    return f"{cursor}.{salt}"


def size_of(query: Mapping[str, str]) -> int:
    """Return the page size asked for, 1 to 150; raises VendorError 400."""
    text = query.get("size", str(DEFAULT_SIZE))
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= LARGEST_SIZE:
        raise VendorError(400, f"size must be a whole number from 1 to {LARGEST_SIZE}")
    return int(text)


def page(items: Iterable[Any], cursor: Cursor, size: int) -> dict[str, Any]:
    """Return a list answer's `data`; on the last page `nextCursor`, never null, is left out."""
    found = list(islice(items, cursor.offset, cursor.offset + size + 1))
    if len(found) <= size:
        return {"items": found}
    following = Cursor(cursor.listing, cursor.filters, cursor.offset + size)
    return {"nextCursor": following.text(), "items": found[:size]}


_KINDS = {
    "I": "IDENTITIES",
    "T": "TRANSACTIONS",
    "E": "EMPLOYMENTS",
    "P": "INCOMES",
    "C": "CONTRIBUTIONS",
    "M": "EINCOMES",
    "L": "LIABILITIES",
    "D": "DOCUMENTS",
    "R": "RATINGS",
}


class _Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    long: str
    type: str
    sub_type: str
    supported: str


class _Providers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type_labels: dict[str, str]
    sub_type_labels: dict[str, str]
    providers: dict[str, _Provider]


def _read_providers() -> dict[str, dict[str, Any]]:
    found = packaged(__package__, "providers.yaml", _Providers)
    providers: dict[str, dict[str, Any]] = {}
    for name_id, one in found.providers.items():
        providers[name_id] = {
            "id": name_id,
            "name": one.name,
            "longName": one.long,
            "logoUrl": f"https://cdn.smileapi.io/image/provider-logo/v1/{name_id}.png",
            "type": one.type,
            "typeLabel": found.type_labels[one.type],
            "subType": one.sub_type,
            "subTypeLabel": found.sub_type_labels[one.sub_type],
            "active": True,
            "enabled": True,
            "mfa": one.type in ("GIG", "GOVERNMENT"),
            "accountConnection": True,
            "supported": [_KINDS[letter] for letter in one.supported],
            "monitorSupported": one.type != "CREDENTIAL",
        }
    return providers


PROVIDERS = _read_providers()
"""Every provider by id, in the vendor's Provider shape."""


def supported_kinds(provider_id: str) -> tuple[str, ...]:
    listed = PROVIDERS.get(provider_id, {"supported": ()})
    return tuple(kind.lower() for kind in listed["supported"])
