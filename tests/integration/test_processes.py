"""Several processes on one PostgreSQL store: leases, caps of a day, rules, postponed events."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from msgspec import structs
from msgspec.structs import replace
from sqlalchemy import text

from decision_service.decide.snapshots import FIRST_PAUSE
from decision_service.domain.errors import AllowancesMoved, LeaseLost, RequestInProgress
from decision_service.domain.ports import (
    Allowances,
    CapLimit,
    DayLimits,
    Filter,
    Lease,
    StoredEntry,
)
from decision_service.rulebook.replica_check import ProcessRules
from decision_service.store.replicas import SILENT_SECONDS, SharedLeases
from decision_service.store.store import Store
from tests.kits.arm_log import granted
from tests.kits.cases import until
from tests.kits.decision_log import ENTRY, NOON, as_stored, numbered
from tests.kits.leases import KEY, LONG, LeasesKit, Replica, claimed, holding
from tests.kits.stores import opened
from tests.kits.warm_log import EVENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.kits.postgres import Postgres

SHORT = 0.5


@pytest.fixture
def url(postgres: Postgres) -> str:
    """An empty store."""
    return postgres.migrated()


class TestSharedLeases(LeasesKit):
    @pytest.fixture
    async def replicas(self, url: str) -> AsyncIterator[tuple[Replica, Replica]]:
        async with AsyncExitStack() as stack:
            stores = [await Store.open(url), await Store.open(url)]
            for store in stores:
                stack.push_async_callback(store.aclose)
            one, two = (Replica(store, store.leases) for store in stores)
            yield one, two


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A process with leases of the usual length."""
    async with opened(url) as store:
        yield store


async def take(store: Store, seconds: float = LONG) -> Lease:
    """The lease of ENTRY's request, waited for."""
    lease = await store.leases.claim(*KEY, seconds)
    assert isinstance(lease, Lease)
    return lease


async def query(url: str, statement: str) -> list[tuple[object, ...]]:
    """What another program finds."""
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def test_a_silent_holder_is_fenced_off(url: str, store: Store) -> None:
    """A process stopped beyond its lease is succeeded; going on, it can store nothing."""
    with holding(url, lease=SHORT) as process:
        process.stop()
        lease = await take(store)
        process.go_on()
        assert process.commit() == "lost"
        assert (await store.look_up(*KEY)).entry is None
        successor = numbered(2, request_id=ENTRY.request_id, fence=lease.fence)
        stored = await store.commit(successor)
        assert process.commit() == stored.decision_id == successor.decision_id
        assert [row.decision_id for row in await store.list(Filter(), None, 9)] == [
            successor.decision_id
        ]


async def test_a_holder_that_went_on_in_time_keeps_its_lease(url: str, store: Store) -> None:
    """A short stop costs nothing: the lease was not over, nobody else got it, the commit counts."""
    with holding(url, lease=LONG) as process:
        process.stop()
        with pytest.raises(RequestInProgress):
            await take(store, seconds=0.1)
        process.go_on()
        assert process.commit() == ENTRY.decision_id


async def test_a_killed_holder_is_succeeded_at_once(url: str, store: Store) -> None:
    """The end of its connection ends the lease, whatever its length."""
    with holding(url, lease=3600) as process:
        waiting = asyncio.create_task(take(store))
        await asyncio.to_thread(process.kill)
        lease = await waiting
    assert await store.commit(structs.replace(ENTRY, fence=lease.fence)) == as_stored(ENTRY)


async def test_a_holder_that_works_on_renews_its_lease(url: str) -> None:
    """The end of a lease moves while its holder lives, and stops moving once it is stored."""
    async with opened(url, lease=0.1) as store:
        lease = await take(store)
        [(first,)] = await query(url, "SELECT expires FROM leases")
        await until(lambda: query(url, "SELECT expires FROM leases"), [(first,)].__ne__)
        await store.commit(structs.replace(ENTRY, fence=lease.fence))
        assert await query(url, "SELECT * FROM leases") == []


async def test_what_dead_processes_left_is_cleared_away(url: str) -> None:
    """A lease that ended minutes ago goes; a fresh one of another process stays."""
    await query(
        url,
        "INSERT INTO leases SELECT 'los', id, 'f', 1, now() - age * interval '1 minute' "
        "FROM (VALUES ('old', 5), ('new', 0)) AS given (id, age)",
    )
    async with opened(url, lease=0.1):
        await until(lambda: query(url, "SELECT request_id FROM leases"), [("new",)].__eq__)


async def test_a_caller_who_leaves_while_claiming_leaves_no_lease(url: str, store: Store) -> None:
    """A claim that nobody waits for any more is given back."""
    claiming = asyncio.create_task(take(store))
    await asyncio.sleep(0)
    claiming.cancel()
    await asyncio.gather(claiming, return_exceptions=True)
    async with opened(url) as other:
        await take(other)


async def test_closing_gives_back_what_was_released(url: str, store: Store) -> None:
    """A lease released just before the end is free for the next process."""
    async with opened(url) as other:
        other.leases.release(await take(other))
    await take(store, seconds=0)


@pytest.mark.long
async def test_a_crash_of_the_server_fences_every_holder_off(
    postgres: Postgres, url: str, store: Store
) -> None:
    """Leases do not outlive the server: holders store nothing, and requests are free again."""
    lease = await take(store)
    await asyncio.to_thread(postgres.crash)
    await asyncio.to_thread(postgres.restart)
    with pytest.raises(LeaseLost):
        await store.commit(structs.replace(ENTRY, fence=lease.fence))
    again = await take(store, seconds=0)
    assert await store.commit(structs.replace(ENTRY, fence=again.fence)) == as_stored(ENTRY)


async def test_a_lease_waits_for_no_disk(url: str, store: Store) -> None:
    """Its table is not logged, and its connection does not wait for what others log."""
    assert await query(url, "SELECT relpersistence FROM pg_class WHERE relname = 'leases'") == [
        (b"u",)
    ]
    assert isinstance(store.leases, SharedLeases)
    setting = text("SELECT current_setting('synchronous_commit')")
    assert await store.leases._database.note(lambda c: c.execute(setting).scalar()) == "off"


async def test_a_request_that_is_being_committed_is_in_progress(url: str, store: Store) -> None:
    """A lease row under a transaction holds up its own request, and no other one beside it."""
    async with opened(url) as other:
        replica = Replica(store, store.leases)
        await claimed(replica)
        committing = await asyncpg.connect(url)
        transaction = committing.transaction()
        await transaction.start()
        await committing.execute("DELETE FROM leases")
        claims = (other.leases.claim(*KEY, 0), other.leases.claim(ENTRY.caller, "free", 0))
        held, free = await asyncio.gather(*claims, return_exceptions=True)
        assert isinstance(held, RequestInProgress)
        assert isinstance(free, Lease)
        await transaction.rollback()
        await committing.close()


async def test_waiting_asks_the_server_seldom(url: str, store: Store) -> None:
    """Fifty that wait for a second together look at most thirty times."""
    assert isinstance(store.leases, SharedLeases)
    await claimed(Replica(store, store.leases))
    async with opened(url) as other:
        reads = 0
        database = other._database
        read = database.read

        async def counted(work):
            nonlocal reads
            reads += 1
            return await read(work)

        database.read = counted
        waiting = [other.leases.claim(*KEY, 1.0) for _ in range(50)]
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(one) for one in done} == {RequestInProgress}
        assert reads <= 30


MIDNIGHT = NOON - timedelta(hours=12)

CAPPED = Allowances(DayLimits(MIDNIGHT, (CapLimit("all", approvals=1),)))

_BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def url_of_storage_day_caps(postgres: Postgres) -> str:
    """A database with tables."""
    return postgres.migrated()


@pytest.fixture
async def stores(url_of_storage_day_caps: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes that decide."""
    one, two = await Store.open(url_of_storage_day_caps), await Store.open(url_of_storage_day_caps)
    yield one, two
    await one.aclose()
    await two.aclose()


@pytest.fixture
async def other(url_of_storage_day_caps: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who can hold a table."""
    connection = await asyncpg.connect(url_of_storage_day_caps)
    yield connection
    await connection.close()


async def test_of_two_processes_that_approve_at_once_the_second_looks_again(
    stores: tuple[Store, Store], other: asyncpg.Connection
) -> None:
    """While the first is held up in its commit the second waits, then finds the room used up."""
    held = other.transaction()
    await held.start()
    await other.execute("LOCK TABLE decisions IN EXCLUSIVE MODE")
    calls = []
    for number, store in enumerate(stores, 1):
        entry = numbered(number, arm=granted(1_000), allowances=CAPPED)
        calls.append(asyncio.create_task(store.commit(entry)))
        await until(lambda: other.fetchval(_BLOCKED), lambda seen, n=number: seen >= n)
    await held.rollback()
    first, second = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(first, StoredEntry)
    assert isinstance(second, AllowancesMoved)


ONE, TWO = ProcessRules("one", "digest-1"), ProcessRules("two", "digest-2")


def later(postgres: Postgres, url: str, seconds: float) -> None:
    """Let so much time pass for what the processes have said."""
    shift = f"UPDATE processes SET seen = seen - interval '{seconds} seconds'"
    subprocess.run([str(postgres.server.bin_path / "psql"), url, "-qc", shift], check=True)


async def test_processes_hear_of_each_other_until_one_falls_silent(postgres: Postgres) -> None:
    """The last word of each counts, for twenty seconds by the server's clock."""
    url = postgres.migrated()
    here, there = await Store.open(url), await Store.open(url)
    assert await here.report(ONE) == [ONE]
    assert await there.report(TWO) == [ONE, TWO]
    changed = ProcessRules("one", "digest-2")
    assert await here.report(changed) == [changed, TWO]
    later(postgres, url, SILENT_SECONDS - 5)
    assert await here.report(ONE) == [ONE, TWO]
    later(postgres, url, 6)
    assert await here.report(ONE) == [ONE]
    for store in (here, there):
        await store.aclose()


async def test_one_of_several_processes_has_postponed_events(postgres: Postgres) -> None:
    """Three find the same events due at the same moment, time after time, and one takes them."""
    url = postgres.migrated()
    stores = [await Store.open(url) for _ in range(3)]
    events = [replace(EVENT, id=f"et-{number}") for number in range(4)]
    ids = [event.id for event in events]
    for event in events:
        await stores[0].receive(event, NOON, quarantine=False)
    for number in range(40):
        now = NOON + number * FIRST_PAUSE
        until = now + FIRST_PAUSE
        told = await asyncio.gather(*(store.postpone(ids, now, NOON, until) for store in stores))
        assert sorted(told) == [False, False, True]
    for store in stores:
        await store.aclose()


async def test_a_sqlite_file_has_one_process(tmp_path: Path) -> None:
    """Nobody else can hold it, so that nobody can differ."""
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as store:
        assert list(await store.report(ONE)) == [ONE]
