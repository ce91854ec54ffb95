"""A service without its edges at the vendor's stand-in: events, warm snapshots, decisions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx2

from decision_service.decide.codec import read_snapshot
from decision_service.decide.decide import CallContext, DecideApplication, Deps
from decision_service.decide.events import Event, ReceiveEvents
from decision_service.decide.history import ReadHistory
from decision_service.decide.refresh import EventWorker, RefreshApplicants
from decision_service.decide.snapshots import Ages, SnapshotCache
from decision_service.domain.accounts import Kind
from decision_service.domain.ports import StoredEntry
from decision_service.domain.snapshot import Provider, Snapshot
from decision_service.runtime.clock import Ids
from decision_service.server.services.decisions import ProtoReplyEncoder
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.sandbox import sandbox
from decision_service.standin.server import Simulator, build_app
from decision_service.standin.world import WorldMaker
from decision_service.store.store import Store
from tests.fakes.world import NOW, SECRETS, World, application, rulebook
from tests.kits.stores import opened as opened_store


@dataclass(slots=True)
class Clock:
    """The running loop's time beside a wall clock that the test moves."""

    wall: datetime = NOW

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


@dataclass
class Heard:
    """Notes the arrivals that it hears of: of whole data, and of data that never became whole."""

    whole: list[tuple[str, Collection[Kind]]] = field(default_factory=list)
    never: list[tuple[str, Collection[Kind]]] = field(default_factory=list)

    async def arrived(self, user_id: str, kinds: Collection[Kind]) -> None:
        """Take note."""
        self.whole.append((user_id, kinds))

    async def never_whole(self, user_id: str, kinds: Collection[Kind]) -> None:
        """Take note."""
        self.never.append((user_id, kinds))


class Desk:
    """The vendor, the store, and what stands between them."""

    def __init__(self, vendor: Simulator, clock: Clock, store: Store, source: SmileSource) -> None:
        self.vendor, self.clock, self.store, self.source = vendor, clock, store, source
        self.rules = rulebook()
        self.refresh = RefreshApplicants(source, store, lambda: self.rules, clock)
        self.worker = EventWorker(store, self.refresh, clock)
        self.receive = ReceiveEvents(store, clock, self.worker.notify, source.nudge)
        ports = Deps(
            source, store, store, ProtoReplyEncoder(), clock, Ids(), store.leases,
            ReadHistory(store, SECRETS), SnapshotCache(store, Ages()),
        )  # fmt: skip
        self.deciding = DecideApplication(ports, lambda: self.rules, World().observer())
        self._made = 0

    async def decide(self, user_id: str, **changes: object) -> StoredEntry:
        """A new decision on somebody."""
        self._made += 1
        asked = application(request_id=f"r-{self._made}", user_id=user_id, **changes)
        return await self.deciding(asked, CallContext("los", self.clock.monotonic() + 10))

    async def event(self, user_id: str, event_type: str, source: str = "", **more: object) -> None:
        """An event that the vendor sends, received."""
        self._made += 1
        name = f"et-{self._made}"
        await self.receive(Event(name, name, event_type, user_id, source, **more))  # type: ignore[arg-type]  # fields by name

    async def stored(self, user_id: str) -> Snapshot:
        """The reading of somebody that may serve."""
        held = await self.store.user_state(user_id)
        assert held.last is not None
        body = await self.store.snapshot(user_id, held.last.snapshot_id)
        assert body is not None
        return read_snapshot(body)

    async def truth(self, user_id: str) -> Snapshot:
        """What the vendor would say now, by the plan of the stored reading."""
        held = await self.store.user_state(user_id)
        assert held.warm is not None
        now = self.clock.monotonic()
        read = await self.source.gather(
            user_id,
            held.warm.plan,
            as_of=self.clock.now(),
            stop_at=now + 30,
            wait_until=now,
            known=held.counts,
            fallback=self.provider_types(),
        )
        return read.snapshot

    def provider_types(self) -> dict[str, Provider]:
        """What kind of provider each is, as the rules tell while the vendor's list is not read."""
        return {
            name: provider
            for product in self.rules.products.values()
            for name, provider in product.champion.needs.policy.provider_types.items()
        }


@asynccontextmanager
async def opened(folder: Path, world: WorldMaker = sandbox) -> AsyncIterator[Desk]:
    """A desk with a SQLite file of its own."""
    clock = Clock()
    vendor = build_app(
        world, api_key="k", api_secret="s", clock=clock.now, requests_per_second=100_000
    )
    source = SmileSource(
        "http://vendor/v1",
        "k",
        "s",
        clock,
        limits=SmileLimits(requests_per_second=100_000),
        transport=httpx2.ASGITransport(vendor),
    )
    async with opened_store(f"sqlite:///{folder}/decisions.db") as store:
        try:
            yield Desk(vendor, clock, store, source)
        finally:
            await source.aclose()


def records(snapshot: Snapshot) -> list:
    kinds = ("eincomes", "incomes", "contributions", "employments", "liabilities", "transactions")
    reads = [getattr(snapshot, kind) for kind in kinds]
    return [record for read in reads if read is not None for record in read.records]


def comparable(snapshot: Snapshot) -> tuple:
    """Accounts and records in an order of their own."""
    return snapshot.accounts, sorted(records(snapshot), key=lambda record: record.id)
