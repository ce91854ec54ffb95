"""An hour of the vendor's events, shuffled, doubled and lost: every snapshot ends as the truth."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from decision_service.decide.codec import read_snapshot
from decision_service.decide.events import Event
from decision_service.decide.refresh import sweep
from decision_service.domain.errors import ServiceError
from decision_service.standin.linking import LinkSessions
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.tenant import COLLECTING, LinkedAccount
from tests.fakes.world import NOW
from tests.integration.refreshing import Desk, comparable, opened, records

PEOPLE = sandbox_people()
PROVIDERS = ("sss_ph", "pagibig_ph", "grab_ph")
LATEST = timedelta(minutes=11)


@dataclass
class Hour:
    """A vendor with users who connect and withdraw, and a service that hears of some of it.

    Now and then somebody is decided on, so that stored decisions rest on what is withdrawn later.
    """

    desk: Desk
    dice: random.Random
    sessions: dict[str, str] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    sent: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tenant = self.desk.vendor.tenant
        self.linking = LinkSessions(self.tenant)

    def user(self) -> str:
        """Somebody, new or known."""
        if len(self.sessions) < 6:
            user_id = self.tenant.create_user({}).id
            token = self.tenant.issue_token(user_id)["accessToken"]
            self.sessions[user_id], _ = self.linking.open(token)
        return self.dice.choice(sorted(self.sessions))

    def happens(self) -> None:
        """Somebody connects an account or withdraws one; the vendor sends events."""
        user_id = self.user()
        session = self.sessions[user_id]
        connected = [a for a in self.linking.accounts(session) if a.status == "CONNECTED"]
        if connected and self.dice.random() < 0.4:
            self._withdraw(session, self.dice.choice(connected))
            return
        person, provider = self.dice.choice(PEOPLE), self.dice.choice(PROVIDERS)
        account = self.linking.begin(session, provider, person.user_name, person.password)
        self.linking.confirm(session, account.id, person.code)
        self.desk.clock.wall += COLLECTING
        for event_type in ("ACCOUNT_CONNECTED", "TASK_FINISHED", "EINCOMES_ADDED"):
            self._send(event_type, account)

    def _withdraw(self, session: str, gone: LinkedAccount) -> None:
        """The vendor leaves it listed as disconnected, or lists it no more."""
        if self.dice.random() < 0.7:
            self.linking.remove(session, gone.id)
        else:
            self.tenant.revoke(gone.id)
        self.withdrawn.add(gone.id)
        self._send("ACCOUNT_DISCONNECTED", gone)

    def _send(self, event_type: str, account: LinkedAccount) -> None:
        number = f"et-{len(self.sent)}"
        self.sent.append(Event(number, number, event_type, account.user_id, account.id))

    async def decides(self) -> None:
        """A decision on somebody; none while data is arriving or nobody is known."""
        if self.sessions:
            with suppress(ServiceError):
                stored = await self.desk.decide(self.dice.choice(sorted(self.sessions)))
                self.decided.add(stored.decision_id)

    async def deliver(self, waiting: list[Event]) -> None:
        """One event, and with luck another time."""
        event = waiting.pop(self.dice.randrange(len(waiting)))
        for _ in range(self.dice.choice((1, 1, 2))):
            await self.desk.receive(event)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
async def test_an_hour_of_bad_delivery(tmp_path: Path, seed: int) -> None:
    """A fifth is lost, the rest is shuffled and partly doubled; the sweep mends what is left."""
    dice = random.Random(seed)
    async with opened(tmp_path) as desk:
        hour, clock = Hour(desk, dice), desk.clock
        waiting: list[Event] = []
        while clock.wall < NOW + timedelta(hours=1):
            before = len(hour.sent)
            hour.happens()
            waiting += [event for event in hour.sent[before:] if dice.random() > 0.2]
            clock.wall += timedelta(seconds=dice.randrange(10, 240))
            while waiting and dice.random() < 0.8:
                await hour.deliver(waiting)
            await desk.worker.drain()
            if dice.random() < 0.5:
                await hour.decides()
        while waiting:
            await hour.deliver(waiting)
        assert await desk.worker.drain()
        clock.wall += LATEST
        assert await desk.worker.drain(), "events whose data was still arriving are due again"
        await sweep(desk.store, desk.refresh, desk.worker.listener, pace=0)
        await check(hour, tmp_path)


async def check(hour: Hour, folder: Path) -> None:
    """Every warm snapshot is the vendor's truth, and nothing withdrawn can be read."""
    assert hour.withdrawn
    assert hour.decided
    await check_nothing_withdrawn(hour, folder)
    for decision_id in hour.decided:
        assert await hour.desk.store.get(decision_id) is not None
    compared = 0
    for user_id in hour.sessions:
        if (await hour.desk.store.user_state(user_id)).warm is not None:
            compared += 1
            stored, truth = await hour.desk.stored(user_id), await hour.desk.truth(user_id)
            assert comparable(stored) == comparable(truth)
    assert compared, "the hour left nothing to compare"


async def check_nothing_withdrawn(hour: Hour, folder: Path) -> None:
    """No snapshot that the file holds names a withdrawn source, whether a mark points to it or not.

    What was erased is not in the bytes of the file or of its log either: keys are random, and the
    ids of withdrawn sources stand in what decisions keep alone.
    """
    for user_id, snapshot_id in rows(folder, "SELECT user_id, snapshot_id FROM snapshots"):
        body = await hour.desk.store.snapshot(user_id, snapshot_id)
        assert body is not None
        fed = {record.source for record in records(read_snapshot(body))}
        assert not fed & hour.withdrawn, "a stored snapshot holds what was withdrawn"
    kept = b"".join(
        bytes(v) for row in rows(folder, "SELECT reply, facts FROM decisions") for v in row
    )
    content = b"".join(file.read_bytes() for file in folder.glob("decisions.db*"))
    for source in hour.withdrawn:
        if source.encode() not in kept:
            assert source.encode() not in content


def rows(folder: Path, query: str) -> list:
    """What the file holds."""
    with closing(sqlite3.connect(f"file:{folder}/decisions.db?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
