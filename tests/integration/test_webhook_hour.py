"""An hour of the vendor's events, shuffled, doubled and lost: every snapshot ends as the truth."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from decision_service.domain.errors import ServiceError
from decision_service.domain.snapshot import Provider, Snapshot
from decision_service.edge.rpc.replies import ProtoReplyEncoder
from decision_service.machine import Ids
from decision_service.pipeline.decide import Call, DecideApplication, Ports
from decision_service.pipeline.event_worker import EventWorker, sweep
from decision_service.pipeline.events import Event, ReceiveEvents
from decision_service.pipeline.refresh import RefreshApplicants
from decision_service.pipeline.snapshots import read_snapshot
from decision_service.pipeline.warm import Ages, WarmShelf
from decision_service.simulator.linked import COLLECTING, LinkedAccount
from decision_service.simulator.linking import Linking
from decision_service.simulator.people import sandbox_people
from decision_service.simulator.server import Simulator, build_app
from decision_service.smile.limits import Limits
from decision_service.smile.source import SmileSource
from decision_service.storage.store import Store
from tests.fakes.world import NOW, World, application, rulebook

PEOPLE = sandbox_people()
PROVIDERS = ("sss_ph", "pagibig_ph", "grab_ph")
LATEST = timedelta(minutes=11)


@dataclass(slots=True)
class Clock:
    """The running loop's time beside a wall clock that the test moves."""

    wall: datetime = NOW

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


@dataclass
class Hour:
    """A vendor with users who connect and withdraw, and a service that hears of some of it.

    Now and then somebody is decided on, so that stored decisions rest on what is withdrawn later.
    """

    vendor: Simulator
    clock: Clock
    store: Store
    source: SmileSource
    dice: random.Random
    sessions: dict[str, str] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    sent: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.linking = Linking(self.vendor.tenant)
        rules = rulebook()
        self.refresh = RefreshApplicants(self.source, self.store, lambda: rules, self.clock)
        self.worker = EventWorker(self.store, self.refresh)
        shelf = WarmShelf(self.store, Ages())
        self.decide = DecideApplication(
            Ports(self.source, self.store, self.store, ProtoReplyEncoder(), self.clock, Ids(),
                  self.store.leases, shelf),
            lambda: rules,
            World().beside(),
        )  # fmt: skip
        self.decided: set[str] = set()
        self.receive = ReceiveEvents(self.store, self.clock, self.worker.tell, lambda _: None)

    def user(self) -> str:
        """Somebody, new or known."""
        if len(self.sessions) < 6:
            user_id = self.vendor.tenant.create_user({}).id
            token = self.vendor.tenant.issue_token(user_id)["accessToken"]
            self.sessions[user_id], _ = self.linking.open(token)
        return self.dice.choice(sorted(self.sessions))

    def happens(self) -> None:
        """Somebody connects an account or withdraws one; the vendor sends events."""
        user_id = self.user()
        session = self.sessions[user_id]
        connected = [a for a in self.linking.accounts(session) if a.status == "CONNECTED"]
        if connected and self.dice.random() < 0.4:
            gone = self.dice.choice(connected)
            if self.dice.random() < 0.7:
                self.linking.remove(session, gone.id)
            else:
                self.vendor.tenant.revoke(gone.id)
            self.withdrawn.add(gone.id)
            self._send("ACCOUNT_DISCONNECTED", gone)
            return
        person, provider = self.dice.choice(PEOPLE), self.dice.choice(PROVIDERS)
        account = self.linking.begin(session, provider, person.user_name, person.password)
        self.linking.confirm(session, account.id, person.code)
        self.clock.wall += COLLECTING
        for event_type in ("ACCOUNT_CONNECTED", "TASK_FINISHED", "EINCOMES_ADDED"):
            self._send(event_type, account)

    def _send(self, event_type: str, account: LinkedAccount) -> None:
        number = f"et-{len(self.sent)}"
        self.sent.append(Event(number, number, event_type, account.user_id, account.id))

    async def decides(self) -> None:
        """A decision on somebody; none while data is arriving or nobody is known."""
        if not self.sessions:
            return
        user_id = self.dice.choice(sorted(self.sessions))
        asked = application(request_id=f"r-{self.clock.wall:%H%M%S}", user_id=user_id)
        with suppress(ServiceError):
            stored = await self.decide(asked, Call("los", self.clock.monotonic() + 10))
            self.decided.add(stored.decision_id)

    async def deliver(self, waiting: list[Event]) -> None:
        """One event, and with luck another time."""
        event = waiting.pop(self.dice.randrange(len(waiting)))
        for _ in range(self.dice.choice((1, 1, 2))):
            await self.receive(event)

    async def truth(self, user_id: str, snapshot: Snapshot) -> Snapshot:
        """What the vendor would say now, by the plan of the stored reading."""
        held = await self.store.held(user_id)
        assert held.warm is not None
        now = self.clock.monotonic()
        read = await self.source.gather(
            user_id,
            held.warm.plan,
            as_of=self.clock.now(),
            stop_at=now + 30,
            wait_until=now,
            known=snapshot.known,
            fallback=provider_types(),
        )
        return read.snapshot


@pytest.mark.parametrize("seed", range(4))
async def test_an_hour_of_bad_delivery(tmp_path: Path, seed: int) -> None:
    """A fifth is lost, the rest is shuffled and partly doubled; the sweep mends what is left."""
    clock, dice = Clock(), random.Random(seed)
    vendor = build_app(api_key="k", api_secret="s", clock=clock.now, requests_per_second=100_000)
    source = SmileSource(
        "http://vendor/v1",
        "k",
        "s",
        clock,
        limits=Limits(requests_per_second=100_000),
        transport=httpx.ASGITransport(vendor),
    )
    store = await Store.open(f"sqlite:///{tmp_path}/decisions.db")
    hour = Hour(vendor, clock, store, source, dice)
    waiting: list[Event] = []
    while clock.wall < NOW + timedelta(hours=1):
        before = len(hour.sent)
        hour.happens()
        waiting += [event for event in hour.sent[before:] if dice.random() > 0.2]
        clock.wall += timedelta(seconds=dice.randrange(10, 240))
        while waiting and dice.random() < 0.8:
            await hour.deliver(waiting)
        await hour.worker.drain()
        if dice.random() < 0.5:
            await hour.decides()
    while waiting:
        await hour.deliver(waiting)
    assert await hour.worker.drain()
    clock.wall += LATEST
    await sweep(store, hour.refresh, pace=0)
    await check(hour, tmp_path / "decisions.db")
    await source.aclose()
    await store.aclose()


async def check(hour: Hour, store: Path) -> None:
    """Every warm snapshot is the vendor's truth, and nothing withdrawn can be read."""
    assert hour.withdrawn
    assert hour.decided
    for user_id, snapshot_id in rows(store):
        body = await hour.store.snapshot(user_id, snapshot_id)
        assert body is not None
        fed = {record.source for record in records(read_snapshot(body))}
        assert not fed & hour.withdrawn, "a stored snapshot holds what was withdrawn"
    for decision_id in hour.decided:
        assert await hour.store.get(decision_id) is not None
    compared = 0
    for user_id in hour.sessions:
        held = await hour.store.held(user_id)
        if held.last is None:
            continue
        body = await hour.store.snapshot(user_id, held.last.snapshot_id)
        assert body is not None
        stored = read_snapshot(body)
        if held.warm is not None:
            compared += 1
            assert comparable(stored) == comparable(await hour.truth(user_id, stored))
    assert compared, "the hour left nothing to compare"


def provider_types() -> dict[str, Provider]:
    """What kind of provider each is, as the rules tell while the vendor's list was not read."""
    products = rulebook().products.values()
    return {
        name: provider
        for product in products
        for name, provider in product.champion.needs.policy.provider_types.items()
    }


def rows(store: Path) -> list[tuple[str, str]]:
    """Every snapshot in the file, whether anything points to it or not."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT user_id, snapshot_id FROM snapshots").fetchall()


def records(snapshot: Snapshot) -> list:
    """Every record of a snapshot."""
    kinds = ("eincomes", "incomes", "contributions", "employments", "liabilities", "transactions")
    reads = [getattr(snapshot, kind) for kind in kinds]
    return [record for read in reads if read is not None for record in read.records]


def comparable(snapshot: Snapshot) -> tuple:
    """Accounts and records in an order of their own."""
    return snapshot.accounts, sorted(records(snapshot), key=lambda record: record.id)
