"""The stand-in as an HTTP application with a meter, rate limit and keys, on loopback."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decision_service.domain.errors import Unfit
from decision_service.runtime.tasks import listen, serving
from decision_service.standin.endpoints import PREFIX, Endpoints, check_keys
from decision_service.standin.faults import Fault, FaultPlan
from decision_service.standin.formats import VendorError, failure, response
from decision_service.standin.linking import LINK_PREFIX, SCRIPT_PATH, LinkSessions, widget_routes
from decision_service.standin.sandbox import sandbox
from decision_service.standin.tenant import COLLECTING, Tenant
from decision_service.standin.world import UNCHANGED, Residence, World, WorldMaker

REQUESTS_PER_SECOND = 20
"""What the vendor allows."""

_KEPT = 200_000
_ID = re.compile(r"^(/[^/]+)/[^/]+")


@dataclass(frozen=True, slots=True)
class MeteredRequest:
    at: float
    method: str
    path: str
    query: str
    status: int


class Meter:
    """Counts every request, refused ones too; the newest 200,000 are kept one by one."""

    def __init__(self) -> None:
        self.total = 0
        self.calls: deque[MeteredRequest] = deque(maxlen=_KEPT)

    def note(self, call: MeteredRequest) -> None:
        self.total += 1
        self.calls.append(call)

    @property
    def times(self) -> list[float]:
        return sorted(call.at for call in self.calls)

    def peak(self, seconds: float = 1.0) -> int:
        """The most requests that arrived within any stretch shorter than `seconds`."""
        most = 0
        window = deque[float]()
        for at in self.times:
            window.append(at)
            while at - window[0] >= seconds:
                window.popleft()
            most = max(most, len(window))
        return most

    def by_path(self) -> Counter[str]:
        return Counter(_ID.sub(r"\1/{id}", call.path) for call in self.calls)

    def reset(self) -> None:
        self.total = 0
        self.calls.clear()


class SlidingLimit:
    """Allows so many requests in any second; those refused do not count against the next."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._allowed: deque[float] = deque()

    def allows(self, now: float) -> bool:
        while self._allowed and now - self._allowed[0] >= 1.0:
            self._allowed.popleft()
        if len(self._allowed) >= self.per_second:
            return False
        self._allowed.append(now)
        return True


@dataclass(frozen=True, slots=True)
class AccessMiddleware:
    """ASGI middleware: counts a request, and answers 429 or 401 in the vendor's form where due."""

    app: ASGIApp
    meter: Meter
    limit: SlidingLimit
    keys: tuple[str, str]
    seconds: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        at = self.seconds()
        statuses = [0]

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses[0] = message["status"]
            await send(message)

        answer = self._refusal(scope, at) or self.app
        try:
            await answer(scope, receive, noting)
        finally:
            query = scope["query_string"].decode("latin-1")
            path = scope["path"]
            call = (at, scope["method"], path.removeprefix(PREFIX), query, statuses[0])
            self.meter.note(MeteredRequest(*call))

    def _refusal(self, scope: Scope, at: float) -> Response | None:
        if not self.limit.allows(at):
            many = f"More than {self.limit.per_second} requests in a second"
            return response(failure(VendorError(429, many)))
        try:
            check_keys(Headers(scope=scope).get("authorization"), *self.keys)
        except VendorError as error:
            return response(failure(error))
        return None


class ListenRefused(Unfit):
    """The stand-in cannot listen on the address; the message is one sentence."""


class Simulator(Starlette):
    def __init__(
        self,
        endpoints: Endpoints,
        limit: SlidingLimit,
        keys: tuple[str, str],
        seconds: Callable[[], float],
    ) -> None:
        self.meter = Meter()
        self.tenant = endpoints.tenant
        self.faults = endpoints.faults
        self.webhooks = endpoints.webhooks
        self.closing = endpoints.closing
        gate = Middleware(AccessMiddleware, self.meter, limit, keys, seconds)
        handlers = {HTTPException: _no_such_endpoint, Exception: _bug}
        routes = [*endpoints.routes(), *widget_routes(LinkSessions(endpoints.tenant))]
        super().__init__(routes=routes, middleware=[gate], exception_handlers=handlers)
        self.router.redirect_slashes = False


def build_app(
    world: World | WorldMaker = sandbox,
    *,
    api_key: str,
    api_secret: str,
    clock: Callable[[], datetime] = partial(datetime.now, UTC),
    requests_per_second: int = REQUESTS_PER_SECOND,
    faults: Iterable[Fault] = (),
    seconds: Callable[[], float] = time.monotonic,
    residence: Residence = UNCHANGED,
    collecting: timedelta = COLLECTING,
) -> Simulator:
    """The stand-in for a world; one given as a function of the day is made anew every day.

    `seconds` is the clock of `requests_per_second`; `collecting` is the length of a first sync.
    """
    make = (lambda _: world) if isinstance(world, World) else world
    tenant = Tenant(make, clock, residence, collecting=collecting)
    endpoints = Endpoints(tenant, FaultPlan(tenant.world.faults, faults))
    limit = SlidingLimit(requests_per_second)
    return Simulator(endpoints, limit, (api_key, api_secret), seconds=seconds)


@asynccontextmanager
async def serve(app: Simulator, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the stand-in in the running event loop: its base URL; raises ListenRefused.

    Port 0 takes a free one. Leaving the context stops it; answers in progress get a second.
    """
    try:
        listener = listen(host, port)
    except OSError as error:
        raise ListenRefused(
            f"the simulator cannot listen on {host}:{port} ({error.strerror}): choose another port"
        ) from None
    async with serving(app, listener, on_close=app.closing.set):
        yield f"http://{host}:{listener.getsockname()[1]}{PREFIX}"


@asynccontextmanager
async def embedded(
    keys: tuple[str, str], clock: Callable[[], datetime]
) -> AsyncIterator[tuple[str, tuple[str, str]]]:
    key, secret = keys
    async with serve(build_app(api_key=key, api_secret=secret, clock=clock)) as url:
        root = url.removesuffix(PREFIX)
        yield url, (root + SCRIPT_PATH, root + LINK_PREFIX)


async def _no_such_endpoint(_: Request, error: Exception) -> Response:
    wrong_method = isinstance(error, HTTPException) and error.status_code == 405
    answered = (501, "This method is not supported") if wrong_method else (404, "No such resource")
    return response(failure(VendorError(*answered)))


async def _bug(_: Request, __: Exception) -> Response:
    return response(failure(VendorError(500, "The stand-in failed")))
