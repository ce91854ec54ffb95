"""The work beside the calls: each piece on a task that is started again when it ends."""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec
import structlog

from decision_service.domain.errors import StoreError
from decision_service.edge.rpc.lag import LagWatch
from decision_service.edge.rpc.server import RpcServer
from decision_service.edge.rpc.server_deps import ServerDeps
from decision_service.edge.tls import Certificates
from decision_service.file_watch import FileWatch
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.rollout.reload import REFUSED, ReloadRules
from decision_service.smile.source import SmileSource
from decision_service.storage.rules_folder.files import RulesFolderMissing
from decision_service.storage.store import Store
from decision_service.supervision import Supervisor

PROVIDERS_DAILY = 86_400.0
PROVIDERS_RETRY = 30.0
RULES_RETRY = 1.0
HEALTH_SECONDS = 5.0
RECOVERY_SECONDS = 0.25

log = structlog.get_logger("decision_service.wiring.background")


class BackgroundTasks(msgspec.Struct, frozen=True):
    """What has to be kept up."""

    server: RpcServer
    deps: ServerDeps
    certificates: Certificates | None
    source: SmileSource
    store: Store
    rules: FileWatch
    reload: ReloadRules
    clock: Clock

    def start(self, supervisor: Supervisor) -> None:
        """Put every piece on its task."""
        deps, seconds = self.deps, self.clock.monotonic
        lag = LagWatch(deps.limits.work, seconds, deps.metrics.loop_lag.set)
        supervisor.supervise("providers", self._providers)
        supervisor.supervise("rules", self._rules)
        supervisor.supervise("health", partial(self._health, supervisor))
        if deps.authenticator.path is not None:
            supervisor.supervise("callers", deps.authenticator.follow)
        if self.certificates is not None:
            supervisor.supervise("certificates", self.certificates.follow)
        supervisor.supervise("lag", lag.run)
        supervisor.supervise("slow_clients", self.server.calls.run)

    async def _providers(self) -> None:
        """Read the vendor's provider list now and daily; soon again while it cannot be read.

        A good reading is also what tells that refused keys work again.
        """
        while True:
            done = await self.source.refresh_providers()
            await asyncio.sleep(PROVIDERS_DAILY if done else PROVIDERS_RETRY)

    async def _health(self, supervisor: Supervisor) -> None:
        """Say NOT_SERVING while no decision could be made, or not for long.

        That is while the store fails, our keys are refused, or a background task keeps failing. A
        service that is unwell looks more often, so that it serves again soon after the fault.
        """
        well = True
        while True:
            await asyncio.sleep(HEALTH_SECONDS if well else RECOVERY_SECONDS)
            try:
                await self.store.check()
            except StoreError:
                well = False
            else:
                well = not self.source.status.keys_refused and not supervisor.unwell
            self.server.serving(yes=well)

    async def _rules(self) -> None:
        """Take changed rules over; while there is no folder, the last good rules decide."""
        async for _ in self.rules.changes():
            missing = await self._taken_over()
            if missing is not None:
                log.error(REFUSED, alarm="RULES_REFUSED", problem=str(missing))

    async def _taken_over(self) -> RulesFolderMissing | None:
        try:
            while (done := await self.reload()).again:
                log.warning("rules wait for the store")
                await asyncio.sleep(RULES_RETRY)
        except RulesFolderMissing as missing:
            return missing
        log.info("rules", accepted=done.accepted, faults=done.faults)
        return None
