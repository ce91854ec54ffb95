"""Full disks, failing writes and foreign locks: nothing false is told, and it passes by itself."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from sqlalchemy import Connection, text

from decision_service.domain.errors import StoreUnavailable
from decision_service.runtime.failpoints import Point, arm, disarm
from decision_service.store.store import Store
from tests.kits.decision_log import ENTRY, SNAPSHOT, as_stored, numbered
from tests.kits.watched_database import LINGER, committing_under, rows_on_disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    """An open store whose concurrent commits form one group."""
    store = await Store.open(f"sqlite:///{path}", linger=LINGER)
    yield store
    await store.aclose()


async def set_size(store: Store, pages: int) -> None:
    """Let the file grow to at most this many pages: a disk of its own size."""
    pragma = f"PRAGMA max_page_count={pages}"
    await store._database.write(lambda c: c.exec_driver_sql(pragma).scalar())


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Have the system refuse every write beyond this size, as an I/O error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_refuses_commits_and_serves_reads(store: Store, path: Path) -> None:
    """While the disk is full no commit is acknowledged and none is there; reads go on."""
    await store.commit(numbered(0))
    await set_size(store, 1)
    big = [numbered(n, reply=bytes(20_000)) for n in range(1, 30)]
    done = await asyncio.gather(*(store.commit(one) for one in big), return_exceptions=True)
    assert {type(one) for one in done} == {StoreUnavailable}
    assert all("full" in str(one) and one.retry_after for one in done)
    with pytest.raises(StoreUnavailable, match="full"):
        await store.check()
    assert await store.get(numbered(0).decision_id) == as_stored(numbered(0))
    assert rows_on_disk(path) == {numbered(0).decision_id}


async def test_a_disk_with_room_again_is_used_again(store: Store, path: Path) -> None:
    """Without a restart the store is healthy and the next commit is recorded."""
    await set_size(store, 1)
    with pytest.raises(StoreUnavailable):
        await store.commit(numbered(1, reply=bytes(200_000)))
    await set_size(store, 1_000_000)
    await store.check()
    await store.commit(numbered(1, reply=bytes(200_000)))
    assert rows_on_disk(path) == {numbered(1).decision_id}


async def test_a_healthy_store_is_checked_without_writing(store: Store, path: Path) -> None:
    """The check of a store that works leaves the file as it is."""
    await store.commit(ENTRY)
    log = path.with_name(path.name + "-wal")
    before = (path.read_bytes(), log.read_bytes())
    await store.check()
    assert (path.read_bytes(), log.read_bytes()) == before


async def test_a_check_after_a_fault_leaves_no_trace(store: Store) -> None:
    """The row by which a failed store is tried out is not to be found afterwards."""
    await set_size(store, 1)
    with pytest.raises(StoreUnavailable):
        await store.commit(numbered(1, reply=bytes(200_000)))
    await set_size(store, 1_000_000)
    await store.check()
    count = text("SELECT count(*) FROM texts")
    assert await store._database.read(lambda c: c.execute(count).scalar()) == 0


async def test_a_check_that_began_before_a_fault_does_not_hide_it(store: Store) -> None:
    """What found the store well while a group was about to fail leaves that group to be tried."""
    checks: list[asyncio.Future[None]] = []
    await set_size(store, 1)
    arm(Point.BEFORE_COMMIT, lambda: checks.append(asyncio.ensure_future(store.check_writing())))
    with pytest.raises(StoreUnavailable):
        await store.commit(numbered(1, reply=bytes(200_000)))
    disarm()
    await checks[0]
    with pytest.raises(StoreUnavailable, match="full"):
        await store.check()


async def test_an_input_output_error_is_survived(store: Store, path: Path) -> None:
    """A group whose write the system refuses is not acknowledged; afterwards all works again."""
    await store.commit(numbered(0))
    log = path.with_name(path.name + "-wal")
    with files_no_larger_than(log.stat().st_size + 5000):
        done = await asyncio.gather(
            *(store.commit(numbered(n, reply=bytes(50_000))) for n in range(1, 5)),
            return_exceptions=True,
        )
        assert {type(one) for one in done} == {StoreUnavailable}
        with pytest.raises(StoreUnavailable):
            await store.check()
        assert (await store.look_up(ENTRY.caller, "request-0")).entry == as_stored(numbered(0))
    await store.check()
    await store.commit(numbered(9))
    assert rows_on_disk(path) == {numbered(0).decision_id, numbered(9).decision_id}


async def test_a_connection_that_saw_an_input_output_error_is_replaced(
    store: Store, path: Path
) -> None:
    """No second fsync is tried on a handle whose first one failed."""
    await store._database.write(lambda c: c.exec_driver_sql("PRAGMA cache_size=77").close())
    with files_no_larger_than(path.stat().st_size // 2), pytest.raises(StoreUnavailable):
        await store.commit(numbered(1, reply=bytes(400_000)))
    size = await store._database.write(lambda c: c.exec_driver_sql("PRAGMA cache_size").scalar())
    assert size != 77


async def test_another_programs_lock_is_waited_for_and_then_refused(
    store: Store, path: Path
) -> None:
    """A held lock makes commits unavailable, not wrong; once it is gone they work."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="another program"):
            await store.commit(numbered(1))
        assert await store.get("dec_0") is None
        other.execute("ROLLBACK")
    await store.commit(numbered(1))
    assert rows_on_disk(path) == {numbered(1).decision_id}


async def test_a_transaction_begins_as_a_writer(store: Store, path: Path) -> None:
    """Work that reads before it writes is not overtaken by another program in between."""

    def read_then_write(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT count(*) FROM texts").all()
        other = sqlite3.connect(path, isolation_level=None, timeout=0)
        with closing(other), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("UPDATE alembic_version SET version_num = version_num")
        connection.exec_driver_sql("INSERT INTO texts VALUES ('d', 'plan', x'00')")

    await store._database.write(read_then_write)
    assert await store.text("d") is not None


async def test_a_damaged_snapshot_is_unavailable(store: Store) -> None:
    """A stored body that no longer unpacks is an error of the store, not an erased snapshot."""
    await store.commit(structs.replace(ENTRY, snapshot=SNAPSHOT))
    damage = text("UPDATE snapshots SET body = x'00'")
    await store._database.write(lambda c: c.execute(damage).rowcount)
    with pytest.raises(StoreUnavailable, match="damaged"):
        await store.snapshot(SNAPSHOT.user_id, SNAPSHOT.id)


COUNT = 12


@pytest.fixture
async def path_of_storage_sync(tmp_path: Path) -> Path:
    """A store that was made and closed, so that what follows syncs nothing but its commits."""
    path = tmp_path / "decisions.db"
    store = await Store.open(f"sqlite:///{path}")
    await store.aclose()
    return path


def ids(numbers: list[int]) -> set[str]:
    """The ids of the decisions of these numbers."""
    return {f"dec_{number:026d}" for number in numbers}


@pytest.mark.long
def test_a_disk_that_fails_acknowledges_nothing_more(
    path_of_storage_sync: Path, tmp_path: Path
) -> None:
    """From the first EIO on every commit is refused and the store unwell; what was told is kept."""
    done = committing_under(
        "error=EIO:when=8+", f"sqlite:///{path_of_storage_sync}", tmp_path, COUNT
    )
    assert done.told
    assert done.refused == list(range(len(done.told), COUNT))
    assert done.unwell == done.refused
    assert ids(done.told) <= rows_on_disk(path_of_storage_sync)


@pytest.mark.long
def test_one_failed_sync_costs_one_commit(path_of_storage_sync: Path, tmp_path: Path) -> None:
    """One commit is refused and not on disk; the ones before and after it are told and are."""
    done = committing_under(
        "error=EIO:when=8", f"sqlite:///{path_of_storage_sync}", tmp_path, COUNT
    )
    assert len(done.refused) == 1
    assert rows_on_disk(path_of_storage_sync) == ids(done.told)
    assert max(done.told) > done.refused[0] > min(done.told)


@pytest.mark.long
def test_a_slow_sync_is_waited_for(path_of_storage_sync: Path, tmp_path: Path) -> None:
    """When syncs take a quarter of a second, what is told is on disk all the same."""
    fault = "delay_enter=250000:when=3..6"
    done = committing_under(fault, f"sqlite:///{path_of_storage_sync}", tmp_path, 4)
    assert done.told == [0, 1, 2, 3]
    assert sum("DELAYED" in call for call in done.calls) == 4
    assert rows_on_disk(path_of_storage_sync) == ids(done.told)
