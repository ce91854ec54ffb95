"""The stand-in as an HTTP application, and serving it on loopback.

Every request is metered, then limited, then authenticated, and then reaches its endpoint, whose
answer the faults in force may change.
"""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from decision_service.asgi import listen, serving
from decision_service.simulator.answers.endpoints import Endpoints
from decision_service.simulator.answers.metering import REQUESTS_PER_SECOND, Meter, SlidingLimit
from decision_service.simulator.answers.middleware import AccessMiddleware
from decision_service.simulator.answers.requests import PREFIX
from decision_service.simulator.faults.plan import Fault, FaultPlan
from decision_service.simulator.formats.replies import VendorError, failure, response
from decision_service.simulator.linking.api import LINK_PREFIX, SCRIPT_PATH, widget_routes
from decision_service.simulator.linking.sessions import LinkSessions
from decision_service.simulator.people.linked import COLLECTING
from decision_service.simulator.people.residence import UNCHANGED, Residence
from decision_service.simulator.people.sandbox.people import sandbox
from decision_service.simulator.people.world import World, WorldMaker
from decision_service.simulator.tenant import Tenant


class ListenRefused(Exception):
    """The stand-in cannot listen on the address; the message is one sentence."""


class Simulator(Starlette):
    """The stand-in: an application with its meter, its tenant and the faults in force."""

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


def _system_time() -> datetime:
    return datetime.now(UTC)


def build_app(
    world: World | WorldMaker = sandbox,
    *,
    api_key: str,
    api_secret: str,
    clock: Callable[[], datetime] = _system_time,
    requests_per_second: int = REQUESTS_PER_SECOND,
    faults: Iterable[Fault] = (),
    seconds: Callable[[], float] = time.monotonic,
    residence: Residence = UNCHANGED,
    collecting: timedelta = COLLECTING,
) -> Simulator:
    """Return the stand-in for a world; one given as a function of the day is made anew every day.

    `requests_per_second` is allowed in any sliding second over all endpoints, as `seconds` counts
    them; `residence` is where all people live and in what they are paid; `collecting` is how long
    the first sync of an account takes that the widget connects.
    """
    make = partial(_same, world) if isinstance(world, World) else world
    tenant = Tenant(make, clock, residence, collecting)
    endpoints = Endpoints(tenant, FaultPlan(tenant.world.faults, faults))
    limit = SlidingLimit(requests_per_second)
    return Simulator(endpoints, limit, (api_key, api_secret), seconds)


@asynccontextmanager
async def serve(app: Simulator, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the stand-in inside the running event loop and yield its base URL, ending in `/v1`.

    Port 0 takes a free one. No signal handler is installed; leaving the context stops the server,
    answers in progress get a second. Raises ListenRefused.
    """
    listener = _listen(host, port)
    async with serving(app, listener, on_close=app.closing.set):
        yield f"http://{host}:{listener.getsockname()[1]}{PREFIX}"


@asynccontextmanager
async def embedded(
    keys: tuple[str, str], country: str, currency: str, clock: Callable[[], datetime]
) -> AsyncIterator[tuple[str, tuple[str, str]]]:
    """Serve the stand-in for one service: the base URL, and its widget's script and API."""
    key, secret = keys
    residence = Residence(country, currency)
    async with serve(
        build_app(api_key=key, api_secret=secret, clock=clock, residence=residence)
    ) as url:
        root = url.removesuffix(PREFIX)
        yield url, (root + SCRIPT_PATH, root + LINK_PREFIX)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise ListenRefused(
            f"the simulator cannot listen on {host}:{port} ({error.strerror}): choose another port"
        ) from None


def _same(world: World, _: date) -> World:
    return world


async def _no_such_endpoint(_: Request, error: Exception) -> Response:
    wrong_method = isinstance(error, HTTPException) and error.status_code == 405
    answered = (501, "This method is not supported") if wrong_method else (404, "No such resource")
    return response(failure(VendorError(*answered)))


async def _bug(_: Request, __: Exception) -> Response:
    return response(failure(VendorError(500, "The stand-in failed")))
