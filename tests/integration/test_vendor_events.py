"""Events of the vendor: what they make of stored readings, also in an hour of bad delivery."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from decision_service.decide.codec import read_snapshot
from decision_service.decide.events import Event
from decision_service.decide.refresh import EventWorker, sweep
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import ServiceError, UpstreamUnavailable
from decision_service.standin.faults import Fault
from decision_service.standin.linking import LinkSessions
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.tenant import COLLECTING, LinkedAccount
from tests.fakes.world import NOW
from tests.integration.refreshing import Desk, Heard, comparable, opened, records
from tests.kits.cases import until

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

GEORGE, _, CHRISTINA, _ = (person.user_id for person in sandbox_people())
OUTAGE = Fault("html", "/accounts")


def driver(desk: Desk) -> str:
    """A user who has connected a platform with transactions."""
    tenant, person = desk.vendor.tenant, sandbox_people()[2]
    linking, user_id = LinkSessions(tenant), tenant.create_user({}).id
    session, _ = linking.open(tenant.issue_token(user_id)["accessToken"])
    account = linking.begin(session, "grab_ph", person.user_name, person.password)
    linking.confirm(session, account.id, person.code)
    desk.clock.wall += timedelta(minutes=5)
    return user_id


async def read(desk: Desk, user_id: str = GEORGE) -> None:
    """Somebody's data is there: an event says so."""
    await desk.event(user_id, "TASK_FINISHED")
    assert await desk.worker.drain()
    assert (await desk.store.user_state(user_id)).warm is not None


async def asked(desk: Desk, *events: tuple[str, dict[str, object]], user_id: str) -> Counter[str]:
    """What the vendor is asked for when these events come together."""
    for event_type, more in events:
        await desk.event(user_id, event_type, **more)
    desk.vendor.meter.reset()
    assert await desk.worker.drain()
    return desk.vendor.meter.by_path()


def sources_of(desk: Desk, user_id: str) -> list[str]:
    """The ids of somebody's accounts."""
    person = desk.vendor.tenant.person(user_id)
    assert person is not None
    return [source.id for source in person.sources]


async def test_only_what_changed_is_read(tmp_path: Path) -> None:
    """Contributions alone cost the accounts and one list; the rest stays, and all is the truth."""
    async with opened(tmp_path) as desk:
        await read(desk)
        before = await desk.store.user_state(GEORGE)
        desk.clock.wall += timedelta(minutes=5)
        more = {"kinds": (Kind.CONTRIBUTIONS,)}
        calls = await asked(desk, ("CONTRIBUTIONS_ADDED", more), user_id=GEORGE)
        assert {*calls} == {"/accounts", "/contributions"}
        assert calls["/contributions"] == 1
        held = await desk.store.user_state(GEORGE)
        assert before.warm is not None
        assert held.warm is not None
        assert held.warm.fetched > before.warm.fetched == held.warm.oldest
        assert comparable(await desk.stored(GEORGE)) == comparable(await desk.truth(GEORGE))


async def test_a_first_sync_that_has_not_finished_is_not_kept(tmp_path: Path) -> None:
    """Data of an account whose first sync still runs after an hour serves no later decision."""
    async with opened(tmp_path) as desk:
        user_id = driver(desk)
        desk.clock.wall += timedelta(hours=1)
        desk.vendor.faults.add(Fault("task_running", "/tasks"))
        await desk.event(user_id, "TRANSACTIONS_ADDED", kinds=(Kind.TRANSACTIONS,))
        assert await desk.worker.drain()
        assert (await desk.store.user_state(user_id)).warm is None
        desk.vendor.faults.clear()
        await read(desk, user_id)
        tasks = (await desk.stored(user_id)).tasks
        assert tasks is not None
        assert [one.runs for one in tasks.records] == [False]


async def test_what_another_process_read_meanwhile_has_arrived_too(tmp_path: Path) -> None:
    """Of two that handle one event, the one whose reading is older tells of the arrival as well."""
    async with opened(tmp_path) as desk:
        await read(desk)
        newer = await desk.store.user_state(GEORGE)
        heard = Heard()
        desk.worker.listener = heard
        desk.clock.wall -= timedelta(seconds=1)
        await desk.event(GEORGE, "CONTRIBUTIONS_ADDED", kinds=(Kind.CONTRIBUTIONS,))
        assert await desk.worker.drain()
        assert heard.whole == [(GEORGE, {Kind.CONTRIBUTIONS})]
        assert (await desk.store.user_state(GEORGE)).warm == newer.warm


async def test_what_another_process_left_is_found(tmp_path: Path) -> None:
    """An event that a process received and did not handle is handled by one that heard nothing."""
    async with opened(tmp_path) as desk:
        other = EventWorker(desk.store, desk.refresh, desk.clock, look=0.01)
        running = asyncio.create_task(other.run())
        for user_id in (CHRISTINA, GEORGE):  # it has nothing to do once the first is handled
            await desk.event(user_id, "TASK_FINISHED")
            pending = partial(desk.store.pending, 1, desk.clock.now(), withdrawals=False)
            await until(pending, lambda found: not found)
        assert (await desk.store.user_state(GEORGE)).warm is not None
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_transactions_are_read_from_shortly_before_the_newest(tmp_path: Path) -> None:
    """Not the whole window again, and what is stored is the truth of the whole window."""
    async with opened(tmp_path) as desk:
        user_id = driver(desk)
        await read(desk, user_id)
        known = (await desk.stored(user_id)).transactions
        assert known is not None
        newest = max(record.date for record in known.records)
        desk.clock.wall += timedelta(minutes=5)
        more = {"kinds": (Kind.TRANSACTIONS,)}
        await asked(desk, ("TRANSACTIONS_ADDED", more), user_id=user_id)
        first = {one.query for one in desk.vendor.meter.calls if one.path == "/transactions"}
        assert first
        assert all(f"startDate={newest - timedelta(days=35)}" in query for query in first)
        stored, truth = await desk.stored(user_id), await desk.truth(user_id)
        assert comparable(stored) == comparable(truth)
        assert stored.transactions is not None
        assert stored.transactions.first_day == known.first_day


async def test_more_new_transactions_than_are_found_mean_that_all_are_read(tmp_path: Path) -> None:
    """The event tells of five, none is new since the overlap: they must be older."""
    async with opened(tmp_path) as desk:
        user_id = driver(desk)
        await read(desk, user_id)
        desk.clock.wall += timedelta(minutes=5)
        more = {"kinds": (Kind.TRANSACTIONS,), "added": 5}
        calls = await asked(desk, ("TRANSACTIONS_ADDED", more), user_id=user_id)
        assert calls["/contributions"] == 1
        held = await desk.store.user_state(user_id)
        assert held.warm is not None
        assert held.warm.oldest == held.warm.fetched


async def test_a_burst_for_one_user_is_one_reading(tmp_path: Path) -> None:
    """Seven events that come together cost what one costs."""
    kinds = (Kind.EINCOMES, Kind.INCOMES, Kind.CONTRIBUTIONS, Kind.LIABILITIES)
    burst = [(f"{kind.upper()}_ADDED", {"kinds": (kind,)}) for kind in kinds]
    finished = ("TASK_FINISHED", {"kinds": kinds})
    async with opened(tmp_path) as desk:
        await read(desk)
        desk.clock.wall += timedelta(minutes=5)
        calls = await asked(desk, *burst, finished, finished, user_id=GEORGE)
        assert all(calls[f"/{kind}"] == 1 for kind in kinds)
        assert calls["/accounts"] <= 2


async def test_an_old_reading_is_not_patched_for_ever(tmp_path: Path) -> None:
    """Where its oldest part is over twelve hours old, everything is read."""
    async with opened(tmp_path) as desk:
        await read(desk)
        desk.clock.wall += timedelta(hours=12, seconds=1)
        more = {"kinds": (Kind.CONTRIBUTIONS,)}
        calls = await asked(desk, ("CONTRIBUTIONS_ADDED", more), user_id=GEORGE)
        assert calls["/liabilities"] == 1


async def test_a_vendor_that_fails_erases_nothing(tmp_path: Path) -> None:
    """Neither an event nor the sweep takes an outage for a withdrawal; both come back to it."""
    async with opened(tmp_path) as desk:
        await read(desk)
        [source, *_] = sources_of(desk, GEORGE)
        desk.vendor.faults.add(OUTAGE)
        await desk.event(GEORGE, "ACCOUNT_DISCONNECTED", source)
        assert not await desk.worker.drain()
        with pytest.raises(UpstreamUnavailable):
            await desk.refresh.sweep(GEORGE)
        assert (await desk.store.user_state(GEORGE)).last is not None
        desk.vendor.faults.clear()
        desk.vendor.tenant.disconnect(source)
        assert await desk.worker.drain()
        assert (await desk.store.user_state(GEORGE)).last is None


async def test_a_disconnected_account_leaves_when_it_told_of_income(tmp_path: Path) -> None:
    """The vendor's word that an account is disconnected takes its data, and leaves the month."""
    async with opened(tmp_path) as desk:
        await read(desk)
        before = await desk.store.user_state(GEORGE)
        [source, *_] = sources_of(desk, GEORGE)
        desk.vendor.tenant.disconnect(source)
        await desk.event(GEORGE, "ACCOUNT_DISCONNECTED", source)
        assert await desk.worker.drain()
        held = await desk.store.user_state(GEORGE)
        assert (held.counts, held.last) == ((), None)
        told = {one.kind: one.newest for one in before.counts if one.source == source}
        assert {one.kind: one.newest for one in held.ended} == {Kind.EINCOMES: told[Kind.EINCOMES]}
        entry = await desk.decide(GEORGE)
        body = await desk.store.snapshot(GEORGE, entry.snapshot_id or "")
        assert body is not None
        assert read_snapshot(body).known == held.ended
        await desk.refresh.sweep(GEORGE)
        await sweep(desk.store, desk.refresh, desk.worker.listener, pace=0)
        assert (await desk.store.user_state(GEORGE)).ended == held.ended
        desk.vendor.tenant.erase_user(GEORGE)
        await sweep(desk.store, desk.refresh, desk.worker.listener, pace=0)
        assert (await desk.store.user_state(GEORGE)).ended == ()


async def test_the_vendors_word_of_what_was_erased_here_is_no_alarm(tmp_path: Path) -> None:
    """An erasure has accounts revoked, of which events tell: nothing is stored that they are of."""
    async with opened(tmp_path) as desk:
        await read(desk)
        [source, *_] = sources_of(desk, GEORGE)
        await desk.store.erase(GEORGE)
        desk.vendor.tenant.revoke(source)
        with capture_logs() as logs:
            await desk.event(GEORGE, "ACCOUNT_DISCONNECTED", source)
            assert await desk.worker.drain()
        assert [one for one in logs if "alarm" in one] == []


async def test_a_user_that_the_vendor_erased_is_erased_here(tmp_path: Path) -> None:
    """The sweep finds it without any event."""
    async with opened(tmp_path) as desk:
        await read(desk)
        desk.vendor.tenant.erase_user(GEORGE)
        await sweep(desk.store, desk.refresh, desk.worker.listener, pace=0)
        assert list(await desk.store.read_users("", 10)) == []


async def test_a_decision_between_does_not_hide_a_withdrawal(tmp_path: Path) -> None:
    """The event was lost, and the newest reading knows it: what older ones stored goes too."""
    async with opened(tmp_path) as desk:
        await read(desk)
        first = await desk.decide(GEORGE)
        assert first.snapshot_id is not None
        desk.vendor.tenant.disconnect(sources_of(desk, GEORGE)[0])
        desk.clock.wall += timedelta(minutes=16)
        await desk.decide(GEORGE)
        assert await desk.store.snapshot(GEORGE, first.snapshot_id) is not None
        await sweep(desk.store, desk.refresh, desk.worker.listener, pace=0)
        assert await desk.store.snapshot(GEORGE, first.snapshot_id) is None


async def test_withdrawals_do_not_wait_for_readings(tmp_path: Path) -> None:
    """While the vendor hangs over somebody's data, another's withdrawal is confirmed."""
    async with opened(tmp_path) as desk:
        await read(desk)
        source = sources_of(desk, GEORGE)[0]
        desk.vendor.tenant.disconnect(source)
        desk.vendor.faults.add(Fault("slow", user=CHRISTINA, settings={"seconds": 25}))
        await desk.event(CHRISTINA, "TASK_FINISHED")
        await desk.event(GEORGE, "ACCOUNT_DISCONNECTED", source)
        running = asyncio.create_task(desk.worker.run())
        await until(lambda: desk.store.user_state(GEORGE), lambda held: held.last is None)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_events_that_fail_do_not_hold_up_others(tmp_path: Path) -> None:
    """Two hundred that cannot be handled are passed over, and the one after them is handled."""
    async with opened(tmp_path) as desk:
        desk.vendor.faults.add(Fault("status", user="stuck", settings={"status": 403}))
        for _ in range(200):
            await desk.event("stuck", "TASK_FINISHED")
        await desk.event("stuck", "ACCOUNT_DISCONNECTED", "a-1")
        await desk.event(GEORGE, "TASK_FINISHED")
        assert not await desk.worker.drain()
        assert (await desk.store.user_state(GEORGE)).warm is not None


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
