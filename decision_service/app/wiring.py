"""The composition root: starts every part in order with its servers, and stops them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial

import msgspec
import structlog
from starlette.routing import BaseRoute

from decision_service import __version__
from decision_service.app.background import BackgroundTasks
from decision_service.app.core import Core, Instrumentation, StartError, instrument, open_core
from decision_service.app.services import connect_page, wire_rollouts, wire_services, wire_snapshots
from decision_service.build import commit
from decision_service.domain.ports import Clock
from decision_service.rulebook.starter import docs
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime.address import split_address
from decision_service.runtime.failpoints import armed
from decision_service.runtime.settings import Settings, SmileMode
from decision_service.runtime.tasks import Supervisor
from decision_service.runtime.telemetry import LogQueue
from decision_service.server import grpc as rpc
from decision_service.server.gauges import (
    of_agreement,
    of_certificate,
    of_guardrails,
    of_health,
    of_limits,
    of_process,
    of_queues,
    of_rollouts,
    of_rules,
    of_tokens,
    of_vendor,
)
from decision_service.server.grpc import RpcServer
from decision_service.server.http import admin_routes, build_app, serve_http
from decision_service.server.tls import AddressInUse

__all__ = ["Service", "StartError", "start"]

log = structlog.get_logger("decision_service.app.wiring")


class HttpUrls(msgspec.Struct, frozen=True):
    """Where HTTP is served; `admin` has health and metrics."""

    public: str
    admin: str


async def listen(
    core: Core, services: rpc.Services, pages: Sequence[BaseRoute], stack: AsyncExitStack
) -> tuple[rpc.RpcServer, HttpUrls]:
    """Start gRPC, not yet SERVING, and HTTP at its URLs, ended by the stack; raises StartError."""
    settings = core.settings
    options = rpc.ListenOptions(
        settings.grpc_address,
        core.deps,
        core.certificates,
        settings.describes_itself,
        shares_port=settings.reuse_port,
    )
    try:
        server = await rpc.start(options, services)
        stack.push_async_callback(server.stop, 0.0, 0.0)
        return server, await _http(core, server, pages, stack)
    except AddressInUse as error:
        raise StartError(str(error)) from None


async def _http(
    core: Core, server: rpc.RpcServer, pages: Sequence[BaseRoute], stack: AsyncExitStack
) -> HttpUrls:
    """The pages and JSON at one address, health and metrics at another."""
    settings, around = core.settings, core.instrumentation.around_http or (lambda app: app)
    if settings.tls_client_ca_file is None or settings.auth_tokens_file is not None:
        # Else whoever shows no certificate would be `anonymous`, and HTTP asks for none.
        pages = [*pages, server.json.route]

    async def serve(setting: str, address: str, routes: Sequence[BaseRoute]) -> str:
        app = around(build_app(routes))
        served = serve_http(setting, address, app, core.certificates)
        return await stack.enter_async_context(served)

    admin = admin_routes(core.metrics, lambda: server.reasons, lambda: core.active.status.remarks)
    admin_url = await serve("ADMIN_ADDRESS", settings.admin_address, admin)
    if settings.smile_mode is SmileMode.EMBEDDED:
        from decision_service.server.explorer import Explorer  # what decides on people has none

        pages = [*pages, *Explorer(docs(), admin_url).routes()]
    return HttpUrls(await serve("HTTP_ADDRESS", settings.http_address, pages), admin_url)


class Service(msgspec.Struct):
    """A started service: its core, its gRPC server and the URLs of its HTTP servers."""

    core: Core
    rpc: RpcServer
    http: HttpUrls
    _stack: AsyncExitStack

    @property
    def address(self) -> str:
        host, _ = split_address(self.core.settings.grpc_address)
        return f"{host}:{self.rpc.port}"

    @property
    def http_url(self) -> str:
        """Where webhooks and the connect page are."""
        return self.http.public

    @property
    def store_name(self) -> str:
        """The store's URL without user name and password."""
        return self.core.settings.store_url.rpartition("@")[2]

    def loaded(self) -> Iterator[tuple[str, list[tuple[int, CompiledRuleset]]]]:
        for name, product in sorted(self.core.active.current().products.items()):
            yield name, sorted(product.versions.items())

    async def stop(self) -> None:
        """Stop taking calls, let those in progress finish, then close vendor and store."""
        log.info("stopping")
        settings = self.core.settings
        await self.rpc.stop(settings.drain_seconds, settings.drain_grace)
        await self._stack.aclose()
        log.info("stopped")

    async def shorten_grace(self, seconds: float) -> None:
        """While `stop` goes on: leave calls in progress so many seconds and no more."""
        await self.rpc.shorten_grace(seconds)


async def start(
    settings: Settings,
    log_lines: LogQueue | None = None,
    *,
    init: bool = False,
    instrumentation: Instrumentation | None = None,
    clock: Clock | None = None,
) -> Service:
    """Start everything, in order; raises StartError with what to do, nothing left running.

    `log_lines` is where the log goes, for the count of dropped lines. `init` lets a new store begin
    where one is missing that was there once. `instrumentation` takes the place of that which the
    settings ask for, `clock` that of the machine's clocks.
    """
    if armed():
        log.critical("failpoints are armed, this is a test", points=armed())
    async with AsyncExitStack() as stack:
        instrumentation = instrumentation or instrument(settings, stack)
        core = await open_core(settings, instrumentation, stack, init=init, clock=clock)
        rollouts = wire_rollouts(core, stack)
        snapshots = wire_snapshots(core)
        services, reviews = await wire_services(core, rollouts, snapshots)
        if snapshots is not None:
            snapshots.worker.on_arrival(reviews.again)
        pages = connect_page(core, services.applicants.onboard)
        pages += snapshots.receiver.routes() if snapshots else []
        server, http = await listen(core, services, pages, stack)
        server.set_health()
        supervisor = Supervisor(core.clock.monotonic)
        stack.push_async_callback(supervisor.aclose)
        for part in (BackgroundTasks(core, server), rollouts, snapshots, reviews):
            if part is not None:
                part.start(supervisor)
        core.metrics.read(
            partial(of_health, server, __version__, commit()),
            partial(of_certificate, core.certificates),
            partial(of_tokens, core.deps.authenticator),
            partial(of_vendor, core.source, core.guard),
            partial(of_rules, core.active),
            partial(of_agreement, rollouts.replica_check),
            partial(of_rollouts, core.rollouts),
            partial(of_guardrails, rollouts.guardrails),
            partial(of_limits, core.deps.limits),
            lambda: of_process(supervisor.restarts, log_lines.dropped if log_lines else 0),
            partial(of_queues, reviews.watch),
        )
        return Service(core, server, http, stack.pop_all())
    raise AssertionError("unreachable")  # pragma: no cover - the block returns or raises
