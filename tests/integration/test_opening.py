"""Opening a SQLite store: new, whole, locked, damaged, or not ours to write."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from decision_service.store import sqlite as sqlite_database
from decision_service.store import sqlite_file
from decision_service.store.engine import SqliteFile
from decision_service.store.errors import StoreLocked, StoreRefused
from decision_service.store.sqlite_file import FileLock
from decision_service.store.store import Store, migrate
from tests.kits.decision_log import numbered
from tests.kits.stored_person import reachable_folder
from tests.kits.stores import opened_as_it_is as opened

ROWS = 150


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be."""
    return tmp_path / "decisions.db"


async def fill(path: Path, rows: int = ROWS) -> None:
    """A closed store with some decisions."""
    async with opened(f"sqlite:///{path}") as store:
        for number in range(rows):
            await store.commit(numbered(number, reply=b"%d" % number * 200))


async def refused(path: Path, kind: type[StoreRefused] = StoreRefused) -> str:
    """The sentence with which opening is refused, after checking that it is one."""
    with pytest.raises(kind) as refusal:
        await Store.open(f"sqlite:///{path}")
    message = refusal.value.message
    assert "\n" not in message
    assert "Traceback" not in message
    assert "sqlalche.me" not in message
    return message


def folder_state(path: Path) -> dict[str, bytes]:
    """The store's files with their content, but for locks, journals, keys and empty logs."""
    return {
        file.name: file.read_bytes()
        for file in path.parent.iterdir()
        if not file.name.endswith((".lock", "-shm", ".erasures", ".identity-keys"))
        and not (file.name.endswith("-wal") and file.stat().st_size == 0)
    }


@contextmanager
def crashed(path: Path) -> Iterator[None]:
    """Put the store's log beside it as a crash would leave it: not folded in."""
    kept = {}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        for number in range(10):
            connection.execute(
                "INSERT INTO texts (digest, kind, body) VALUES (?, 'plan', randomblob(5000))",
                (str(number),),
            )
        kept = {name: path.with_name(path.name + name).read_bytes() for name in ("", "-wal")}
    for name, content in kept.items():
        path.with_name(path.name + name).write_bytes(content)
    yield


async def test_a_new_file_is_made_ready(path: Path) -> None:
    """A store that does not exist begins empty, with tables, a log and no leftovers."""
    async with opened(f"sqlite:///{path}") as store:
        assert await store.get("dec_0") is None
        await store.check()
    assert sorted(folder_state(path)) == ["decisions.db"]


async def test_commits_are_synchronized_with_the_disk(path: Path) -> None:
    """The writing connection runs a write-ahead log with synchronous=FULL."""
    async with opened(f"sqlite:///{path}") as store:

        def pragmas(connection: sqlite_database.Connection) -> list[object]:
            names = ("journal_mode", "synchronous", "foreign_keys")
            return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

        assert await store._database.write(pragmas) == ["wal", 2, 1]


async def test_reading_connections_cannot_write(path: Path) -> None:
    """Work given to a reader that writes is refused by the connection itself."""
    async with opened(f"sqlite:///{path}") as store:
        with pytest.raises(Exception, match="nothing was recorded"):
            await store._database.read(lambda c: c.exec_driver_sql("DELETE FROM texts"))


async def test_two_stores_never_share_a_file(path: Path) -> None:
    """A second opening is refused while the first lasts, and allowed after it."""
    first = await Store.open(f"sqlite:///{path}")
    assert "in use by process" in await refused(path, StoreLocked)
    with pytest.raises(StoreLocked):
        await migrate(f"sqlite:///{path}")
    await first.aclose()
    second = await Store.open(f"sqlite:///{path}")
    await second.aclose()


async def test_another_programs_lock_at_the_start_is_named(path: Path) -> None:
    """A database browser that holds the file is told apart from damage."""
    await fill(path, rows=1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        sentence = await refused(path)
    assert "program" in sentence


def overwritten(content: bytes) -> bytes:
    """Pages in the middle of the file are others."""
    spoilt = bytearray(content)
    for page in range(8, 40, 4):
        spoilt[page * 4096 : page * 4096 + 300] = b"\xa5" * 300
    return bytes(spoilt)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda _: b"", "empty"),
        (lambda _: b"to whom it may concern" * 500, "not a database"),
        *((lambda c, keep=keep: c[: len(c) * keep // 20], "backup") for keep in (6, 12, 19)),
        (overwritten, "damaged"),
    ],
)
async def test_what_is_no_whole_database_is_damage(
    path: Path, spoil: Callable[[bytes], bytes], word: str
) -> None:
    """It is refused with what to do, as often as it is tried, and left as it is."""
    await fill(path)
    path.write_bytes(spoil(path.read_bytes()))
    before = folder_state(path)
    for _ in range(2):
        assert word in await refused(path)
    assert folder_state(path) == before


async def test_a_log_that_a_crash_left_is_read(path: Path) -> None:
    """Commits that only the log holds are there after a restart."""
    await fill(path, rows=1)
    with crashed(path):
        async with opened(f"sqlite:///{path}") as store:
            assert await store.text("9") is not None


async def test_a_log_broken_before_later_commits_is_damage(path: Path) -> None:
    """A flipped byte in the log would silently lose what was acknowledged; it is refused."""
    await fill(path, rows=1)
    log = path.with_name("decisions.db-wal")
    with crashed(path):
        content = bytearray(log.read_bytes())
        content[len(content) // 3] ^= 1
        log.write_bytes(content)
        before = folder_state(path)
        assert "decisions.db-wal" in await refused(path)
        assert folder_state(path) == before


async def test_a_log_without_its_database_is_damage(path: Path) -> None:
    """A store whose main file was removed is not begun anew over its log."""
    await fill(path, rows=1)
    with crashed(path):
        path.unlink()
        assert "missing" in await refused(path)
        assert not path.exists()


async def test_a_store_that_is_gone_is_not_begun_anew(path: Path) -> None:
    """A file missing where there was one is refused by serve and migrate, until `init` is given."""
    await fill(path, rows=1)
    path.unlink()
    assert "--init" in await refused(path)
    with pytest.raises(StoreRefused, match="--init"):
        await migrate(f"sqlite:///{path}")
    assert folder_state(path) == {}
    async with opened(f"sqlite:///{path}", init=True) as store:
        assert await store.get(numbered(0).decision_id) is None
    await fill(path, rows=1)


async def test_init_keeps_a_store_that_is_there(path: Path) -> None:
    """`init` changes nothing where the file is whole."""
    await fill(path, rows=1)
    async with opened(f"sqlite:///{path}", init=True) as store:
        assert await store.get(numbered(0).decision_id) is not None


def moved(path: Path) -> Path:
    """The file under another name."""
    return path.rename(path.with_name("moved.db"))


def linked(path: Path) -> Path:
    """A second name of the file."""
    other = path.with_name("linked.db")
    other.hardlink_to(path)
    return other


def shown_elsewhere(path: Path) -> Path:
    """A link to the file, in a folder of its own."""
    other = path.parent / "elsewhere" / "decisions.db"
    other.parent.mkdir()
    other.symlink_to(path)
    return other


def unlocked(path: Path) -> Path:
    """The file without its lock, as after a zealous cleanup."""
    path.with_name(path.name + ".lock").unlink()
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="other systems go by the lock's name")
@pytest.mark.parametrize("other", [moved, linked, shown_elsewhere, unlocked])
async def test_a_file_in_use_is_in_use_by_every_name(
    path: Path, other: Callable[[Path], Path]
) -> None:
    """Two processes would write one file; once the first has ended the other one opens it."""
    async with opened(f"sqlite:///{path}"):
        second = other(path)
        with pytest.raises(StoreLocked, match=f"the store {second} is in use by another process"):
            await Store.open(f"sqlite:///{second}")
    async with opened(f"sqlite:///{second}"):
        pass


async def test_a_first_start_that_failed_is_no_lost_store(path: Path) -> None:
    """A lock without a store ever made does not stand in the way of the first one."""
    lock = FileLock.acquire(path.with_name(path.name + ".lock"), path)
    lock.release()
    await fill(path, rows=1)


async def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The sentence says which folder to create."""
    sentence = await refused(tmp_path / "no" / "decisions.db")
    assert str(tmp_path / "no") in sentence


async def test_a_folder_is_no_store(tmp_path: Path) -> None:
    """A path that is a folder is refused with a file's name to use instead."""
    assert "is a folder" in await refused(tmp_path)


async def test_a_folder_that_may_not_be_written_is_named() -> None:
    """Without the right to write beside the file nothing is opened, new or old."""
    with reachable_folder() as folder:
        await fill(folder / "old.db", rows=1)
        (folder / "old.db.lock").unlink()
        folder.chmod(0o555)
        try:
            for name in ("new.db", "old.db"):
                assert "write access" in await refused(folder / name)
        finally:
            folder.chmod(0o755)


@pytest.mark.parametrize("mode", [0o444, 0o000])
async def test_a_file_that_may_not_be_written_is_named(mode: int) -> None:
    """A store that can be read at most is refused at the start, not at the first decision."""
    with reachable_folder() as folder:
        await fill(folder / "a.db", rows=1)
        (folder / "a.db").chmod(mode)
        sentence = await refused(folder / "a.db")
    assert "a.db" in sentence
    assert "access" in sentence


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer"),
        ("ALTER TABLE alembic_version RENAME TO customers", "another program"),
    ],
)
async def test_tables_of_another_program_are_refused(path: Path, statement: str, word: str) -> None:
    """Of a newer one, or of one that knows no versions: neither served nor migrated."""
    await fill(path, rows=1)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
    assert word in await refused(path)
    with pytest.raises(StoreRefused, match=word):
        await migrate(f"sqlite:///{path}")


async def test_a_database_without_tables_needs_migrate(path: Path) -> None:
    """An empty database that somebody else made is refused until it is migrated."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert "decision-service migrate" in await refused(path)
    await migrate(f"sqlite:///{path}")
    store = await Store.open(f"sqlite:///{path}")
    await store.aclose()


async def test_a_start_that_was_cut_short_leaves_nothing_in_the_way(path: Path) -> None:
    """Half-made drafts of a new store are replaced, and until then there is no store."""

    def stop(draft: Path) -> None:
        draft.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sqlite_file.create(SqliteFile(path), stop)
    assert not path.exists()
    await fill(path, rows=1)
    assert sorted(folder_state(path)) == ["decisions.db"]


@pytest.mark.parametrize("name", ["a b%20ü?.db", "#1;'x'.db"])
async def test_odd_names_are_names(tmp_path: Path, name: str) -> None:
    """A path with blanks, percent signs, quotes and question marks is one file of that name."""
    address = SqliteFile(tmp_path / name)
    for _ in range(2):
        database = await sqlite_database.open_sqlite(address, readers=1)
        await database.aclose()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, f"{name}.lock"])


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
async def test_the_files_are_their_owners_alone(path: Path, umask: int) -> None:
    """Database, log and index are readable by nobody else, whatever the umask."""
    before = os.umask(umask)
    try:
        async with opened(f"sqlite:///{path}") as store:
            await store.commit(numbered(0))
            assert modes(path) == dict.fromkeys(("", "-wal", "-shm"), 0o600)
    finally:
        os.umask(before)


async def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    """A store of before, with a log that a crash left, loses the rights of others at the start."""
    await fill(path, rows=1)
    with crashed(path):
        for suffix in ("", "-wal"):
            path.with_name(path.name + suffix).chmod(0o644)
        async with opened(f"sqlite:///{path}"):
            assert modes(path) == dict.fromkeys(("", "-wal", "-shm"), 0o600)


def modes(path: Path) -> dict[str, int]:
    """The rights to the database, its log and its index."""
    files = {name: path.with_name(path.name + name) for name in ("", "-wal", "-shm")}
    return {name: file.stat().st_mode & 0o777 for name, file in files.items() if file.exists()}
