"""The middleware before every endpoint: meter, rate limit, keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decision_service.simulator.answers.metering import Meter, MeteredRequest, SlidingLimit
from decision_service.simulator.answers.requests import PREFIX, below_prefix, check_keys
from decision_service.simulator.formats.replies import VendorError, failure, response


@dataclass(frozen=True, slots=True)
class AccessMiddleware:
    """ASGI middleware: counts a request, and answers 429 or 401 in the vendor's form where due."""

    app: ASGIApp
    meter: Meter
    limit: SlidingLimit
    keys: tuple[str, str]
    seconds: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; the link API has no limit and no keys."""
        if not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        at, statuses = self.seconds(), [0]

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses[0] = message["status"]
            await send(message)

        allowed = self.limit.allows(at)
        try:
            await self._pass(scope, receive, noting, allowed=allowed)
        finally:
            self._note(scope, at, statuses[0])

    def _check(self, scope: Scope, *, allowed: bool) -> None:
        if not allowed:
            raise VendorError(429, f"More than {self.limit.per_second} requests in a second")
        check_keys(Headers(scope=scope).get("authorization"), *self.keys)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, *, allowed: bool) -> None:
        try:
            self._check(scope, allowed=allowed)
        except VendorError as error:
            await response(failure(error))(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _note(self, scope: Scope, at: float, status: int) -> None:
        query = scope["query_string"].decode("latin-1")
        self.meter.note(
            MeteredRequest(at, scope["method"], below_prefix(scope["path"]), query, status)
        )
