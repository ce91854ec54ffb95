"""Where the vendor's events arrive: signed, bounded, recorded before they are acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
from prometheus_client import CollectorRegistry
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from decision_service.decide.events import KIND_OF, KNOWN_TYPES, Event, Receipt
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import StoreError
from decision_service.runtime.telemetry import Alarm, counter, raised
from decision_service.server.http import read_body

log = structlog.get_logger("decision_service.events")

PATH = "/webhooks/smile"
SIGNATURE = "smile-signature"
LARGEST_BODY = 1 << 20
MOST_AT_ONCE = 32
SECONDS = 5.0
MOST_ADDED = 1_000_000

_SIGNATURE = re.compile(r"[0-9a-f]{128}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_TYPE = re.compile(r"[A-Z_]{1,100}", re.ASCII)
_KINDS = {kind.value.upper(): kind for kind in Kind} | {"LINK": Kind.LINKS, "INSIGHTS": Kind.LINKS}

Receive = Callable[[Event], Awaitable[Receipt]]


class EventData(msgspec.Struct, rename="camel"):
    """What an event says of the user and the data that it concerns.

    `accountId` is the older `sourceId`, `archiveId` that of uploaded archives.
    """

    user_id: str | None = None
    source_id: str | None = None
    account_id: str | None = None
    archive_id: str | None = None
    count: int | float | None = None
    datapoints: list[str] | None = None


class EventBody(msgspec.Struct):
    """`{"id", "version", "type", "createdAt", "data"}`; what is not read here is ignored."""

    id: str
    type: str
    data: EventData | None = None


class WebhookReceiver:
    """Takes events, and counts them.

    `secrets` are newest first: while two are configured, events signed by either are taken, so
    that a secret can be replaced without refusing any.
    """

    def __init__(
        self,
        receive: Receive,
        secrets: Sequence[bytes],
        seconds: float = SECONDS,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._receive = receive
        self._secrets = tuple(secrets)
        self._seconds = seconds
        self._running = 0
        self.received = counter(
            registry, "events_received", "Events of the vendor by what was answered", "outcome"
        )
        self.signed = counter(
            registry,
            "events_signed",
            "Events by the place of the secret that signed them, 0 being the newest",
            "secret",
        )
        self.types = counter(
            registry,
            "events_by_type",
            "Signed events by type; unknown are those that the vendor did not document so far",
            "type",
        )

    def routes(self) -> list[BaseRoute]:
        return [Route(PATH, self._endpoint, methods=["POST"])]

    async def _endpoint(self, request: Request) -> Response:
        if not _SIGNATURE.fullmatch(request.headers.get(SIGNATURE, "")):
            return self._answer(401, "unsigned")
        try:
            async with asyncio.timeout(self._seconds):
                body = await read_body(request, LARGEST_BODY)
                return (
                    self._answer(413, "too_large")
                    if body is None
                    else await self._taken(request.headers[SIGNATURE], body)
                )
        except TimeoutError:
            return self._answer(408, "slow")
        except ClientDisconnect:
            return self._answer(400, "broken_off")

    async def _taken(self, header: str, body: bytes) -> Response:
        if self._running >= MOST_AT_ONCE:
            return self._answer(503, "busy")
        self._running += 1
        try:
            return await self._handled(header, body)
        finally:
            self._running -= 1

    async def _handled(self, header: str, body: bytes) -> Response:
        key = signing_key(header, body, self._secrets)
        if key is None:
            return self._answer(401, "unsigned")
        self.signed.labels(str(key)).inc()
        event = read_event(body)
        if event is None:
            return self._answer(400, "malformed")
        self.types.labels(event.type if event.type in KNOWN_TYPES else "unknown").inc()
        try:
            receipt = await self._receive(event)
        except StoreError:
            return self._answer(503, "store_down")
        if receipt is Receipt.CONFLICT:
            log.error("events.conflict", alarm=raised(Alarm.EVENT_CONFLICT), type=event.type)
            return self._answer(409, receipt.value)
        return self._answer(200, receipt.value)

    def _answer(self, status: int, outcome: str) -> Response:
        """Nothing but the status: whoever sends what is not the vendor's learns nothing."""
        self.received.labels(outcome).inc()
        return PlainTextResponse("", status)


def signing_key(header: str, body: bytes, secrets: Sequence[bytes]) -> int | None:
    """The place of the secret that signed exactly these bytes; None where none did.

    Every secret is tried, each compared in constant time, as bytes: a header need not be ASCII.
    """
    given = header.encode("latin-1", "replace")
    found = [
        place
        for place, secret in enumerate(secrets)
        if hmac.compare_digest(given, signature(body, secret).encode())
    ]
    return found[0] if found else None


def signature(body: bytes, secret: bytes) -> str:
    """The vendor's signature of a body: HMAC-SHA512 in lower-case hex."""
    return hmac.new(secret, body, hashlib.sha512).hexdigest()


def read_event(body: bytes) -> Event | None:
    """The event in a body; None where it is not one. What is new to us in it is left out."""
    try:
        content = msgspec.json.decode(body, type=EventBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not _ID.fullmatch(content.id) or not _TYPE.fullmatch(content.type):
        return None
    data = content.data or EventData()
    return Event(
        id=content.id,
        digest=hashlib.sha256(body).hexdigest(),
        type=content.type,
        user_id=_id_or_none(data.user_id),
        source=_id_or_none(data.source_id or data.account_id or data.archive_id),
        kinds=_kinds(content.type, data.datapoints or ()),
        added=_added(content.type, data.count),
    )


def _kinds(event_type: str, datapoints: Sequence[str]) -> tuple[Kind, ...]:
    named = {_KINDS[word] for word in datapoints if word in _KINDS}
    if event_type in KIND_OF:
        named.add(KIND_OF[event_type])
    return tuple(sorted(named))


def _added(event_type: str, count: float | None) -> int:
    """How many transactions are new; of other kinds everything is read."""
    if KIND_OF.get(event_type) is not Kind.TRANSACTIONS or count is None:
        return 0
    return int(min(max(count, 0), MOST_ADDED))


def _id_or_none(text: str | None) -> str:
    return text if text is not None and _ID.fullmatch(text) else ""
