"""Where the vendor's events arrive: signed, bounded, recorded before they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from prometheus_client import CollectorRegistry
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from decision_service.decide.events import Event, EventReader, Receipt
from decision_service.domain.errors import StoreError
from decision_service.runtime.telemetry import Alarm, counter, raised
from decision_service.server.transport.http import read_body

log = structlog.get_logger("decision_service.events")

LARGEST_BODY = 1 << 20
MOST_AT_ONCE = 32
SECONDS = 5.0

Receive = Callable[[Event], Awaitable[Receipt]]


class WebhookReceiver:
    """Takes events, and counts them.

    `reader` knows the vendor's. `secrets` are newest first: while two are configured, events signed
    by either are taken, so that a secret can be replaced without refusing any.
    """

    def __init__(
        self,
        receive: Receive,
        reader: EventReader,
        secrets: Sequence[bytes],
        *,
        seconds: float = SECONDS,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._receive = receive
        self._reader = reader
        self._secrets = tuple(secrets)
        self._seconds = seconds
        self._running = 0
        self.received = counter(
            registry,
            "events_received",
            "Events of the vendor by what was answered",
            labels=("outcome",),
        )
        self.signed = counter(
            registry,
            "events_signed",
            "Events by the place of the secret that signed them, 0 being the newest",
            labels=("secret",),
        )
        self.types = counter(
            registry,
            "events_by_type",
            "Signed events by type; unknown are those that the vendor did not document so far",
            labels=("type",),
        )

    def routes(self) -> list[BaseRoute]:
        return [Route(self._reader.path, self._endpoint, methods=["POST"])]

    async def _endpoint(self, request: Request) -> Response:
        signature = self._reader.signature_of(request.headers)
        # Before the body is read: a stranger's megabyte costs nothing
        if not signature:
            return self._answer(401, "unsigned")
        try:
            async with asyncio.timeout(self._seconds):
                body = await read_body(request, LARGEST_BODY)
                return (
                    self._answer(413, "too_large")
                    if body is None
                    else await self._taken(signature, body)
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
        key = self._reader.signing_key(header, body, self._secrets)
        if key is None:
            return self._answer(401, "unsigned")
        self.signed.labels(str(key)).inc()
        event = self._reader.read(body)
        if event is None:
            return self._answer(400, "malformed")
        self.types.labels(event.type if event.type in self._reader.known else "unknown").inc()
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
