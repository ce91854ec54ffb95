"""The composition root: starts every part, the servers and the tasks, and stops them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from functools import partial

import msgspec
import structlog
from prometheus_client.core import Metric
from starlette.routing import BaseRoute

from decision_service import __version__
from decision_service.app.core import Core, StartError, instrument, open_core
from decision_service.app.services import connect_page, wire_rollouts, wire_services, wire_snapshots
from decision_service.app.vendor import Vendor
from decision_service.build import commit, docs
from decision_service.decide.flow import Bulkhead
from decision_service.domain.errors import ReleaseRefused, RolloutMovedOn, StoreError
from decision_service.domain.ports import Clock
from decision_service.rollout_running.releases import REFUSED, FolderRefused, refuse
from decision_service.rulebook.folder import RulesFolderMissing
from decision_service.rulebook.rulebook import NOTHING_IN_FORCE
from decision_service.rules.language.diagnostics import render
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime.address import split_address
from decision_service.runtime.failpoints import armed
from decision_service.runtime.logs import LogQueue
from decision_service.runtime.settings import Settings, SmileMode
from decision_service.runtime.tasks import Factory, Supervisor, Tasks
from decision_service.runtime.telemetry import Alarm, raised
from decision_service.server.services import status
from decision_service.server.transport import grpc as rpc
from decision_service.server.transport.grpc import Instrumentation, RpcServer
from decision_service.server.transport.health import Health
from decision_service.server.transport.http import admin_routes, build_app, serve_http
from decision_service.server.transport.tls import AddressInUse
from decision_service.store.replicas import LEASE_SECONDS

__all__ = ["Service", "StartError", "start"]

log = structlog.get_logger("decision_service.app.wiring")


LOOK_SECONDS = 0.25
LATE = 0.250
"""Seconds of lag from which the loop counts as late."""

LATE_FOR = 5.0
"""Seconds of being late after which no new work is taken, until the loop is in time again."""

PROVIDERS_DAILY = 86_400.0
PROVIDERS_RETRY = 30.0
CLOCK_SECONDS = 5.0
RULES_RETRY = 1.0
HEALTH_SECONDS = 5.0
RECOVERY_SECONDS = 0.25
KEYS_REFUSED = "vendor: it refuses the key pair, so replace it"


class LagWatch:
    """Measures how late the loop wakes a sleeper, and sheds work while it is late for long."""

    def __init__(
        self, bulkhead: Bulkhead, seconds: Callable[[], float], show: Callable[[float], None]
    ) -> None:
        self._bulkhead = bulkhead
        self._seconds = seconds
        self._show = show
        self._late_since: float | None = None

    async def run(self) -> None:
        while True:
            before = self._seconds()
            await asyncio.sleep(LOOK_SECONDS)
            self.woke(before, self._seconds())

    def woke(self, before: float, now: float) -> None:
        lag = max(0.0, now - before - LOOK_SECONDS)
        self._show(lag)
        if lag <= LATE:
            self._late_since = None
        elif self._late_since is None:
            # From the beginning of the sleep, as the loop was held up in it.
            self._late_since = before
        late = self._late_since is not None and now - self._late_since >= LATE_FOR
        if late != self._bulkhead.shedding:
            log.warning("shedding" if late else "taking work again", lag=round(lag, 3))
        self._bulkhead.shedding = late


class BackgroundTasks(msgspec.Struct, frozen=True):
    """Provider list, rules, health, callers, issuer's keys, certificates, the event loop's lag."""

    core: Core
    health: Health

    def tasks(self, supervisor: Supervisor) -> Tasks:
        core = self.core
        deps = self.core.deps
        lag = LagWatch(deps.limits.work, core.clock.monotonic, deps.metrics.loop_lag.set)
        tasks: dict[str, Factory] = {
            "providers": self._providers,
            "rules": self._rules,
            "releases": core.releases.keep_up,
            "health": partial(self._health, supervisor),
            "lag": lag.run,
        }
        if deps.authenticator.path is not None:
            tasks["callers"] = deps.authenticator.follow
            tasks["issuer"] = deps.authenticator.keep_keys
        if core.certificates is not None:
            tasks["certificates"] = core.certificates.follow
        return tasks

    async def _providers(self) -> None:
        """Read the vendor's provider list now and daily; soon again while it cannot be read."""
        core = self.core
        done = False
        again = 0.0
        while True:
            # Every answer has the vendor's time, and a good one shows that refused keys work
            # again: so it is read sooner where nothing else was asked, or the clock is in doubt.
            if core.guard.wants_answer() or not done or core.clock.monotonic() >= again:
                done = await core.source.refresh_providers()
                again = core.clock.monotonic() + PROVIDERS_DAILY
                await self._forget_future()
            await asyncio.sleep(CLOCK_SECONDS if done else PROVIDERS_RETRY)

    async def _forget_future(self) -> None:
        """Once a clock is confirmed, what was read by a wrong one serves nothing."""
        core = self.core
        guard = self.core.guard
        if guard.tidy or not guard.agrees:
            return
        # Tried again after the next answer.
        with suppress(StoreError):
            await core.store.forget_future(core.clock.now())
            guard.tidy = True

    async def _health(self, supervisor: Supervisor) -> None:
        """Say NOT_SERVING, and why, while no decision could be made, or not for long."""
        while True:
            self.health.decide("" if self.core.releases.decides else NOTHING_IN_FORCE)
            well = self.health.is_serving and self.core.releases.decides
            # More often while it is unwell, so that it serves soon after the fault.
            await asyncio.sleep(HEALTH_SECONDS if well else RECOVERY_SECONDS)
            self.health.set([one async for one in self._faults(supervisor)])

    async def _faults(self, supervisor: Supervisor) -> AsyncIterator[str]:
        try:
            await self.core.store.check()
        except StoreError as error:
            yield f"store: {error.message}"
        if self.core.source.status.keys_refused:
            yield KEYS_REFUSED
        for name in supervisor.unwell:
            yield f"task {name}: it has failed three times in a row, and is started again"

    async def _record_refusal(self) -> None:
        while problems := "\n".join(map(render, self.core.active.status.refused)):
            with suppress(StoreError):
                await self.core.store.outbox.rules_refused(problems, self.core.clock.now())
                return
            await asyncio.sleep(RULES_RETRY)

    async def _rules(self) -> None:
        """Offer a changed folder; without one, or with mistakes in it, what is in force stays."""
        await self._record_refusal()
        async for _ in self.core.changed_rules.changes():
            try:
                await self._offer()
            except RulesFolderMissing as missing:
                log.error(REFUSED, alarm=raised(Alarm.RULES_REFUSED), problem=str(missing))  # noqa: TRY400 - no traceback
            await self._record_refusal()

    async def _offer(self) -> None:
        core = self.core
        folder = await asyncio.to_thread(core.read_folder)
        while True:
            try:
                step = await core.releases.offer(folder)
            except FolderRefused as refused:
                refuse(core.active, refused.problems, core.clock.now())
                log.info("rules", accepted=False, faults=len(refused.problems))
                return
            except ReleaseRefused as error:
                log.warning("rules wait", problem=str(error))
                return
            except (StoreError, RolloutMovedOn):
                log.warning("rules wait for the store")
                await asyncio.sleep(RULES_RETRY)
            else:
                core.active.accept(core.clock.now())
                log.info("rules", accepted=True, faults=0, step=step and step.action.value)
                return


class HttpUrls(msgspec.Struct, frozen=True):
    """Where HTTP is served; `admin` has health and metrics."""

    public: str
    admin: str


async def listen(
    core: Core, services: rpc.Services, pages: Sequence[BaseRoute], stack: AsyncExitStack
) -> tuple[rpc.RpcServer, HttpUrls]:
    """Start gRPC, not yet SERVING, and HTTP at its URLs, ended by the stack; raises StartError."""
    try:
        server = await rpc.start(core.settings, core.deps, core.certificates, services=services)
        stack.push_async_callback(server.stop, 0.0, 0.0)
        return server, await _http(core, server, pages, stack=stack)
    except AddressInUse as error:
        raise StartError(str(error)) from None


async def _http(
    core: Core, server: rpc.RpcServer, pages: Sequence[BaseRoute], stack: AsyncExitStack
) -> HttpUrls:
    """The pages and JSON at one address, health and metrics at another."""
    settings = core.settings
    around = core.instrumentation.around_http
    if settings.tls_client_ca_file is None or settings.auth_tokens_file is not None:
        # Else whoever shows no certificate would be `anonymous`, and HTTP asks for none.
        pages = [*pages, server.json.route]

    closing = ExitStack()

    async def serve(setting: str, address: str, routes: Sequence[BaseRoute]) -> str:
        app = around(build_app(routes))
        served = serve_http(setting, address, app, certificates=core.certificates)
        url, close = await stack.enter_async_context(served)
        closing.callback(close)
        return url

    admin = admin_routes(
        core.metrics, lambda: server.health.reasons, lambda: core.active.status.remarks
    )
    admin_url = await serve("ADMIN_ADDRESS", settings.admin_address, admin)
    if settings.smile_mode is SmileMode.EMBEDDED:
        # What decides on people has none.
        from decision_service.server.pages.explorer import Explorer

        pages = [*pages, *Explorer(docs(), admin_url).routes()]
    urls = HttpUrls(await serve("HTTP_ADDRESS", settings.http_address, pages), admin_url)
    # Both begin to stop at once, as each takes a fifth of a second.
    stack.push(closing)
    return urls


def _of_process(supervisor: Supervisor, log_lines: LogQueue | None) -> Iterator[Metric]:
    return status.of_process(supervisor.restarts, log_lines.dropped if log_lines else 0)


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
        # Calls first: those in progress still need vendor and store.
        await self.rpc.stop(settings.drain_seconds, settings.drain_grace)
        await self._stack.aclose()
        log.info("stopped")


async def start(
    settings: Settings,
    log_lines: LogQueue | None = None,
    *,
    init: bool = False,
    instrumentation: Instrumentation | None = None,
    clock: Clock | None = None,
    vendor: Vendor | None = None,
    lease: float = LEASE_SECONDS,
) -> Service:
    """Start everything, in order; raises StartError with what to do, nothing left running.

    `log_lines` is where the log goes, for the count of dropped lines. `init` lets a new store begin
    where one is missing that was there once. `instrumentation` takes the place of that which the
    settings ask for, `clock` that of the machine's clocks, `vendor` that of the settings' vendor. A
    process that hangs keeps what it decides from the others for `lease` seconds.
    """
    if armed():
        log.critical("failpoints are armed, this is a test", points=armed())
    async with AsyncExitStack() as stack:
        instrumentation = instrumentation or instrument(settings, stack)
        core = await open_core(
            settings, instrumentation, stack, init=init, clock=clock, vendor=vendor, lease=lease
        )
        rollouts = wire_rollouts(core, stack)
        snapshots = wire_snapshots(core)
        parts = await wire_services(core, rollouts, snapshots)
        pages = connect_page(core, parts.onboard)
        if snapshots is not None:
            snapshots.worker.listener = parts.reviews.again
            pages += snapshots.receiver.routes()
        server, http = await listen(core, parts.services, pages, stack=stack)
        server.health.set()
        supervisor = Supervisor(core.clock.monotonic)
        stack.push_async_callback(supervisor.aclose)
        tasks = dict(BackgroundTasks(core, server.health).tasks(supervisor))
        for part in (rollouts, snapshots, parts.reviews, parts.events):
            tasks |= part.tasks if part is not None else {}
        for name, task in tasks.items():
            supervisor.supervise(name, task)
        core.metrics.read(
            partial(status.of_health, server.health, __version__, commit()),
            partial(status.of_certificate, core.certificates),
            partial(status.of_tokens, core.deps.authenticator),
            partial(status.of_vendor, lambda: core.source.status, core.guard),
            partial(status.of_rules, core.active),
            partial(status.of_agreement, rollouts.replica_check),
            partial(status.of_rollouts, core.rollouts),
            partial(status.of_guardrails, rollouts.guardrails),
            partial(status.of_limits, core.deps.limits),
            partial(_of_process, supervisor, log_lines),
            partial(status.of_queues, parts.reviews.watch),
            parts.events.metrics,
        )
        return Service(core, server, http, _stack=stack.pop_all())
    raise AssertionError("unreachable")  # pragma: no cover - the block returns or raises
