"""The snapshot cache and the vendor's events, by which it is refreshed."""

from __future__ import annotations

import asyncio

import msgspec

from decision_service.config import VENDOR_LIMIT
from decision_service.edge.http.webhooks import WebhookReceiver
from decision_service.pipeline.snapshots.cache import Ages, SnapshotCache
from decision_service.pipeline.snapshots.event_worker import (
    SWEEP_PACE,
    SWEEP_SECONDS,
    EventWorker,
    sweep,
)
from decision_service.pipeline.snapshots.events import ReceiveEvents
from decision_service.pipeline.snapshots.refresh import RefreshApplicants
from decision_service.storage.store import Store
from decision_service.supervision import Supervisor
from decision_service.wiring.core import Core


class SnapshotWiring(msgspec.Struct, frozen=True):
    """The pieces; `receiver` is what the HTTP edge serves.

    `pace` is the time between two users of this process's sweep, so that all processes which
    share the vendor's limit together ask for one a second.
    """

    cache: SnapshotCache
    receiver: WebhookReceiver
    worker: EventWorker
    refresh: RefreshApplicants
    store: Store
    pace: float

    def start(self, supervisor: Supervisor) -> None:
        """Handle events, and sweep for those that never came."""
        supervisor.supervise("events", self.worker.run)
        supervisor.supervise("sweep", self._sweep)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await sweep(self.store, self.refresh, self.worker.listener, self.pace)


def wire_snapshots(core: Core) -> SnapshotWiring | None:
    """None while no webhook secret is set: without events nothing tells when data has changed."""
    settings, store, registry = core.settings, core.store, core.metrics.registry
    secrets = settings.secrets_of_webhooks
    if not secrets:
        return None
    refresh = RefreshApplicants(core.source, store, core.active.current, core.clock)
    worker = EventWorker(store, refresh, core.clock, registry)
    receive = ReceiveEvents(store, core.clock, worker.notify, core.source.nudge)
    cache = SnapshotCache(store, Ages(*settings.ages))
    pace = SWEEP_PACE * max(1.0, VENDOR_LIMIT / settings.smile_requests_per_second)
    receiver = WebhookReceiver(receive, secrets, registry=registry)
    return SnapshotWiring(cache, receiver, worker, refresh, store, pace)
