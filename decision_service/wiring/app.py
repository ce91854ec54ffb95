"""The composition root: starts every part in order, and stops them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial

import msgspec
import structlog

from decision_service import __version__
from decision_service.build import commit
from decision_service.config import Settings, split_address
from decision_service.edge.readings import (
    of_agreement,
    of_certificate,
    of_guardrails,
    of_health,
    of_limits,
    of_process,
    of_rollouts,
    of_rules,
    of_tokens,
    of_vendor,
)
from decision_service.edge.review_metrics import of_queues
from decision_service.edge.rpc.server import RpcServer
from decision_service.failpoints import armed
from decision_service.pipeline.ports import Clock
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.supervision import Supervisor
from decision_service.telemetry import LogQueue
from decision_service.wiring.background import BackgroundTasks
from decision_service.wiring.connect import connect_page
from decision_service.wiring.core import Core, open_core
from decision_service.wiring.edges import HttpUrls, listen
from decision_service.wiring.errors import StartError
from decision_service.wiring.instrumentation import Instrumentation, instrument
from decision_service.wiring.rollouts import RolloutWiring, wire_rollouts
from decision_service.wiring.services import wire_services
from decision_service.wiring.snapshots import wire_snapshots

__all__ = ["Service", "StartError", "start"]

log = structlog.get_logger("decision_service.wiring.app")


class Service(msgspec.Struct):
    """A started service: its core, its gRPC server and the URLs of its HTTP servers."""

    core: Core
    rpc: RpcServer
    http: HttpUrls
    _stack: AsyncExitStack

    @property
    def address(self) -> str:
        """host:port as clients reach it."""
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
        """Each product with its versions."""
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
    where one is missing that was there once. `instrumentation` stands in the place of that which
    the settings ask for, `clock` in that of the machine's clocks.
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
        _read_metrics(core, rollouts, server, supervisor, log_lines)
        core.metrics.read(partial(of_queues, reviews.watch))
        return Service(core, server, http, stack.pop_all())
    raise AssertionError("unreachable")  # pragma: no cover - the block returns or raises


def _read_metrics(
    core: Core,
    rollouts: RolloutWiring,
    server: RpcServer,
    supervisor: Supervisor,
    log_lines: LogQueue | None,
) -> None:
    core.metrics.read(
        partial(of_health, server, __version__, commit()),
        partial(of_certificate, core.certificates),
        partial(of_tokens, core.deps.authenticator),
        partial(of_vendor, core.source),
        partial(of_rules, core.active),
        partial(of_agreement, rollouts.replica_check),
        partial(of_rollouts, core.rollouts),
        partial(of_guardrails, rollouts.guardrails),
        partial(of_limits, core.deps.limits, server.calls),
        lambda: of_process(supervisor.restarts, log_lines.dropped if log_lines else 0),
    )
