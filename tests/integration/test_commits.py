"""What is committed: durable groups, lookups beside readers, and parts of warm readings."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from msgspec.structs import replace
from sqlalchemy import Connection, text

from decision_service.domain.errors import ReadingMoved, StoreError, StoreUnavailable
from decision_service.domain.ports import DecisionEntry, Filter, StoredText
from decision_service.store.store import Store, open_database
from tests.kits.decision_log import ENTRY, NOON, SNAPSHOT, as_stored, numbered
from tests.kits.history_log import KEYS, as_past, decided
from tests.kits.stores import opened
from tests.kits.warm_log import LATER, MARK
from tests.kits.watched_database import LINGER, WatchedDatabase, rows_on_disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.db"


@pytest.fixture
async def database(path: Path) -> WatchedDatabase:
    """The store's database, watched."""
    return WatchedDatabase(await open_database(f"sqlite:///{path}"))


@pytest.fixture
async def store(database: WatchedDatabase) -> AsyncIterator[Store]:
    """A store whose groups linger long enough to be seen."""
    store = Store(database, linger=LINGER, largest_group=128)
    yield store
    database.go.set()
    await store.aclose()


async def test_concurrent_commits_share_transactions(
    store: Store, database: WatchedDatabase
) -> None:
    """Two hundred commits at once need two transactions, of 128 and of 72."""
    entries = [numbered(n) for n in range(200)]
    answers = await asyncio.gather(*(store.commit(entry) for entry in entries))
    assert answers == [as_stored(entry) for entry in entries]
    assert database.commits == 2


async def test_nobody_is_told_before_the_group_is_on_disk(
    store: Store, database: WatchedDatabase, path: Path
) -> None:
    """When the first waiter hears of its commit, another program already finds every row of it."""
    database.go.clear()
    entries = [numbered(n) for n in range(20)]
    tasks = [asyncio.create_task(store.commit(entry)) for entry in entries]
    await database.written.wait()
    assert not any(task.done() for task in tasks)
    assert rows_on_disk(path) == {entry.decision_id for entry in entries}
    database.go.set()
    await asyncio.gather(*tasks)


async def test_a_cancelled_commit_is_finished_all_the_same(
    store: Store, database: WatchedDatabase, path: Path
) -> None:
    """A waiter who leaves while its group is written undoes neither its own row nor the others'."""
    database.go.clear()
    entries = [numbered(n) for n in range(5)]
    tasks = [asyncio.create_task(store.commit(entry)) for entry in entries]
    await database.written.wait()
    tasks[0].cancel()
    tasks[3].cancel()
    database.go.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert isinstance(done[3], asyncio.CancelledError)
    assert [done[n] for n in (1, 2, 4)] == [as_stored(entries[n]) for n in (1, 2, 4)]
    assert rows_on_disk(path) == {entry.decision_id for entry in entries}


@pytest.mark.parametrize(
    "bad",
    [
        numbered(2, application_id="\udc80"),
        numbered(2, snapshot=replace(SNAPSHOT, user_id="\udc80")),
    ],
    ids=["in-the-decision", "in-the-snapshot"],
)
async def test_an_entry_that_cannot_be_stored_fails_alone(url: str, bad: DecisionEntry) -> None:
    """Text that is no Unicode, or on PostgreSQL a NUL, fails its own commit; others go on."""
    nul = numbered(4, customer_ref="a\0b")
    entries = [numbered(1), bad, numbered(3), *([] if url.startswith("sqlite") else [nul])]
    async with opened(url, linger=LINGER) as store:
        done = await asyncio.gather(*(store.commit(one) for one in entries), return_exceptions=True)
        found = await store.list(Filter(), None, 10)
    assert all(isinstance(one, StoreError) and "\udc80" not in str(one) for one in done[1::2])
    assert done[::2] == [as_stored(numbered(1)), as_stored(numbered(3))]
    assert sorted(one.decision_id for one in found) == [numbered(n).decision_id for n in (1, 3)]


async def test_an_instant_without_a_zone_is_the_callers_bug(store: Store) -> None:
    """A naive instant is refused before it can be mistaken for UTC."""
    with pytest.raises(ValueError, match="time zone"):
        await store.commit(structs.replace(ENTRY, created=ENTRY.created.replace(tzinfo=None)))


async def test_closing_loses_nothing_that_was_asked(path: Path) -> None:
    """Commits in the queue are recorded on closing; later ones are refused and not recorded."""
    async with opened(f"sqlite:///{path}", linger=3600.0, largest_group=10) as store:
        entries = [numbered(n) for n in range(25)]
        tasks = [asyncio.create_task(store.commit(entry)) for entry in entries]
        await asyncio.sleep(0)
    assert await asyncio.gather(*tasks) == [as_stored(entry) for entry in entries]
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.commit(numbered(99))
    assert rows_on_disk(path) == {entry.decision_id for entry in entries}


async def test_a_closed_store_serves_nothing(url: str) -> None:
    """Every call after closing says that the store is closed; closing twice is harmless."""
    store = await Store.open(url)
    await store.aclose()
    await store.aclose()
    calls = (
        store.look_up("los", "r"),
        store.get("d"),
        store.list(Filter(), None, 1),
        store.snapshot("u", "s"),
        store.user_state("u"),
        store.put_texts([StoredText("d", "plan", b"")]),
        store.text("d"),
        store.commit(ENTRY),
        store.check(),
    )
    for call in calls:
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


async def test_snapshots_are_stored_once(store: Store, path: Path) -> None:
    """Many decisions on one snapshot leave one row, with the instant of the first."""
    await asyncio.gather(*(store.commit(numbered(n, snapshot=SNAPSHOT)) for n in range(20)))
    with closing(sqlite3.connect(path)) as connection:
        ((stored,),) = connection.execute("SELECT stored FROM snapshots").fetchall()
    assert stored == int(ENTRY.created.timestamp()) * 1_000_000 + ENTRY.created.microsecond


ENTRY_OF_STORAGE_LOOKUPS = decided(1)


async def test_lookups_wait_for_no_reader(url: str) -> None:
    """They are answered while a list that takes its time has the one reader."""
    go = Event()

    def hold(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            go.wait()
        else:
            connection.execute(text("SELECT pg_sleep(30)"))

    async with opened(url, readers=1) as store:
        await store.commit(ENTRY_OF_STORAGE_LOOKUPS)
        held = asyncio.create_task(store._database.read(hold))
        await asyncio.sleep(0)
        found = await store.look_up(
            ENTRY_OF_STORAGE_LOOKUPS.caller, ENTRY_OF_STORAGE_LOOKUPS.request_id
        )
        assert found.entry == as_stored(ENTRY_OF_STORAGE_LOOKUPS)
        assert (await store.past([KEYS.user]))[KEYS.user].decisions == (
            as_past(ENTRY_OF_STORAGE_LOOKUPS),
        )
        assert not held.done()
        go.set()
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)


READ = replace(MARK, fetched=LATER, looked=LATER, oldest=LATER)

PART = replace(SNAPSHOT, id="part", body=b"a part of it")

BEFORE = NOON + timedelta(minutes=1)

Stores = tuple[Store, Store]


@pytest.fixture
async def stores(url: str) -> AsyncIterator[Stores]:
    """The store that decides and the one that clears away: of two processes where there may be."""
    deciding = await Store.open(url)
    clearing = deciding if url.startswith("sqlite") else await Store.open(url)
    yield deciding, clearing
    await deciding.aclose()
    await clearing.aclose()


async def cleared(store: Store) -> int:
    """Clear away what is older than the reading; how many rows went."""
    gone = 0
    while some := await store.expire(BEFORE, 10):
        gone += some
    return gone


async def test_clearing_away_beside_decisions_leaves_none_without_its_snapshot(
    stores: Stores,
) -> None:
    """Whichever comes first, every decision that was recorded has the data that it rests on."""
    deciding, clearing = stores
    await deciding.keep_warm(SNAPSHOT, READ, consent=0)
    rounds = 12
    for number in range(0, 4 * rounds, 4):
        await deciding.commit(numbered(number, snapshot=PART, depends_on=READ))
        late = numbered(number + 1, created=LATER, snapshot=PART, depends_on=READ)
        recorded, _ = await asyncio.gather(
            deciding.commit(late), cleared(clearing), return_exceptions=True
        )
        assert isinstance(recorded, ReadingMoved) or recorded == as_stored(late)
        if recorded == as_stored(late):
            assert await deciding.snapshot(PART.user_id, PART.id) == PART.body
