"""The work beside the calls: each piece on a task that is started again when it ends."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import msgspec
import structlog

from decision_service.domain.errors import StoreError
from decision_service.edge.rpc.interceptors import Guard
from decision_service.edge.rpc.lag import LagWatch
from decision_service.edge.rpc.server import RpcServer
from decision_service.edge.tls import Certificates
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.rollout.reload import ReloadRules
from decision_service.smile.source import SmileSource
from decision_service.storage.rules_folder.watch import changes
from decision_service.storage.store import Store
from decision_service.supervision import Supervisor

PROVIDERS_DAILY = 86_400.0
PROVIDERS_RETRY = 30.0
RULES_RETRY = 1.0
HEALTH_SECONDS = 5.0
RECOVERY_SECONDS = 0.25
FILES_SECONDS = 1.0

log = structlog.get_logger("decision_service.wiring.background")


class BackgroundTasks(msgspec.Struct, frozen=True):
    """What has to be kept up."""

    server: RpcServer
    guard: Guard
    certificates: Certificates | None
    source: SmileSource
    store: Store
    rules_dir: Path
    reload: ReloadRules
    clock: Clock

    def start(self, supervisor: Supervisor) -> None:
        """Put every piece on its task."""
        guard, seconds = self.guard, self.clock.monotonic
        lag = LagWatch(guard.rooms.work, seconds, guard.metrics.loop_lag.set)
        supervisor.supervise("providers", self._providers)
        supervisor.supervise("rules", self._rules)
        supervisor.supervise("health", partial(self._health, supervisor))
        supervisor.supervise("files", self._files)
        supervisor.supervise("lag", lag.run)
        supervisor.supervise("stalls", guard.stalls.run)

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

    async def _files(self) -> None:
        """Take replaced callers and certificate files over."""
        while True:
            await asyncio.sleep(FILES_SECONDS)
            await asyncio.to_thread(self.guard.door.refresh)
            if self.certificates is not None:
                await asyncio.to_thread(self.certificates.refresh)

    async def _rules(self) -> None:
        """Take changed rules over; a folder that goes away is looked for again."""
        while True:
            async for _ in changes(self.rules_dir, asyncio.Event()):
                while (done := await self.reload()).again:
                    log.warning("rules wait for the store")
                    await asyncio.sleep(RULES_RETRY)
                log.info("rules", accepted=done.accepted, faults=done.faults)
            await asyncio.sleep(RULES_RETRY)
