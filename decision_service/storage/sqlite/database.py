"""SQLite: one writing connection and a few reading ones, each on a thread of its own.

The driver is SQLite's plain one: a whole transaction is one visit to a thread, where an
asynchronous driver would visit it several times per statement. A caller that goes away cannot stop
a transaction half way.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from decision_service.domain.errors import StoreError
from decision_service.storage import faults
from decision_service.storage.address import SqliteFile
from decision_service.storage.errors import StoreRefused, StoreUnwritable, unavailable
from decision_service.storage.schema import versions as schema
from decision_service.storage.sqlite import file as sqlite_file
from decision_service.storage.sqlite.lock import FileLock

T = TypeVar("T")

LOCK_SECONDS = 1.0
"""How long a write waits for another program's lock."""

_PRAGMAS = ("PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF")
_WRITER_PRAGMAS = (
    "PRAGMA cache_size=-16384",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
)
_READER_PRAGMAS = ("PRAGMA query_only=ON", "PRAGMA cache_size=-2048")
"""Reading is rare, and the kernel keeps the file's pages; what each reader kept of them besides
would only grow with the store."""


_SCRUBS, _SCRUB_PAUSE = 20, 0.05


class SqliteDatabase:
    """The `Database` in one file, for one process."""

    split_batches = 1
    shared = False

    def __init__(self, path: Path, readers: int, lock: FileLock) -> None:
        self._writer = _Connections(writing_engine(path), 1)
        self._readers = _Connections(_reading_engine(path), readers)
        self._looker = _Connections(_reading_engine(path), 1)
        self._lock = lock

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run read-only work; raises StoreUnavailable or EntryRefused."""
        return await self._readers.run(work)

    async def read_together(self, work: Callable[[Connection], T]) -> T:
        """As `read`, in one transaction."""

        def together(connection: Connection) -> T:
            connection.exec_driver_sql("BEGIN")
            return work(connection)

        return await self._readers.run(together)

    async def look_up(self, work: Callable[[Connection], T]) -> T:
        """As `read`, on a connection that is kept for what decisions look up."""
        return await self._looker.run_bare(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work in one transaction, durable on return; rolls back and raises as `read`."""
        return await self._writer.run(work)

    async def commit(self, work: Callable[[Connection], T]) -> T:
        """As `write`: SQLite has one writing connection."""
        return await self._writer.run(work)

    async def scrub(self) -> None:
        """Write the log back into the file, where deleted content is overwritten, and empty it.

        A reader that began earlier keeps the log alive; readers here last milliseconds.
        """
        for _ in range(_SCRUBS):
            if await self._writer.run_bare(_emptied):
                return
            await asyncio.sleep(_SCRUB_PAUSE)
        raise unavailable("deleted data is still in the store's log: it is tried again")

    async def aclose(self) -> None:
        """Finish running work, close the file and release its lock."""
        await self._readers.aclose()
        await self._looker.aclose()
        await self._writer.aclose()
        self._lock.release()


async def open_sqlite(file: SqliteFile, readers: int, *, init: bool = False) -> SqliteDatabase:
    """Open the file, creating it where there never was one, or with `init`; raises StoreRefused."""
    lock = await asyncio.to_thread(_prepare, file, init=init)
    database = SqliteDatabase(file.path, readers, lock)
    try:
        await _first_write(file, database)
    except BaseException:
        await database.aclose()
        raise
    return database


class SqliteReader:
    """One reading connection to a file that another process may be writing."""

    def __init__(self, path: Path) -> None:
        self._readers = _Connections(_reading_engine(path), 1)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run read-only work; raises StoreUnavailable or EntryRefused."""
        return await self._readers.run(work)

    async def aclose(self) -> None:
        """Finish running work and close the file."""
        await self._readers.aclose()


async def read_sqlite(file: SqliteFile) -> SqliteReader:
    """Read a file that is there and has this program's tables; raises StoreRefused."""
    if not sqlite_file.exists(file):
        raise sqlite_file.nothing_to_read(file)
    reader = SqliteReader(file.path)
    try:
        await reader.read(schema.require_current)
    except BaseException:
        await reader.aclose()
        raise
    return reader


def migrate_sqlite(file: SqliteFile, *, init: bool = False) -> None:
    """Bring the file's tables to the newest version in one transaction; raises StoreRefused."""
    lock = _prepare(file, init=init)
    try:
        _upgrade(file.path)
    except SQLAlchemyError as error:
        raise _unwritable(file, error) from None
    finally:
        lock.release()


def _upgrade(path: Path) -> None:
    engine = writing_engine(path)
    try:
        with engine.begin() as connection:
            schema.upgrade(connection)
    finally:
        engine.dispose()


async def _first_write(file: SqliteFile, database: SqliteDatabase) -> None:
    try:
        await database.write(schema.require_usable)
    except StoreRefused:
        raise
    except StoreError as error:
        raise _unwritable(file, error.__cause__) from None


def _emptied(connection: Connection) -> bool:
    """Whether the log could be written back and emptied."""
    busy, _, _ = _driver(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - the engine makes no other
    return driver


def _unwritable(file: SqliteFile, error: BaseException | None) -> StoreUnwritable:
    return StoreUnwritable(
        f"the store {file.path} cannot be written ({faults.said(error)}): free space, close other "
        "programs that hold it, or give the service's user write access to it and its folder"
    )


def writing_engine(path: Path) -> Engine:
    """Connections whose transactions begin as writers.

    A transaction that began as a reader and then writes fails at once when another wrote meanwhile,
    whatever the lock's waiting time: so `BEGIN IMMEDIATE`.
    """
    engine = _engine(path, (*_PRAGMAS, *_WRITER_PRAGMAS))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        _driver(connection).execute("BEGIN IMMEDIATE")

    return engine


def _reading_engine(path: Path) -> Engine:
    return _engine(path, (*_PRAGMAS, *_READER_PRAGMAS))


def _engine(path: Path, pragmas: tuple[str, ...]) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
        )
        for pragma in pragmas:
            connection.execute(pragma)
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)


def _prepare(file: SqliteFile, *, init: bool) -> FileLock:
    """Lock the file, which is whole or new."""
    sqlite_file.require_folder(file)
    lock = FileLock.acquire(file.companion(".lock"), file.path)
    try:
        if sqlite_file.exists(file):
            lock.hold(file.path)
            sqlite_file.require_whole(file)
            sqlite_file.keep_to_owner(file)
        else:
            _create(file, anew=init or not lock.made)
            lock.hold(file.path)
        lock.mark_made()
    except BaseException:
        lock.release()
        raise
    return lock


def _create(file: SqliteFile, *, anew: bool) -> None:
    if not anew:
        raise sqlite_file.missing(file)
    try:
        sqlite_file.create(file, _upgrade)
    except (OSError, SQLAlchemyError) as error:
        raise _unwritable(file, error) from None


class _Connections:
    """As many threads as connections, so that one is always free for the work that runs."""

    def __init__(self, engine: Engine, size: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="store")
        self._free: SimpleQueue[Connection | None] = SimpleQueue()
        for _ in range(size):
            self._free.put(None)
        self._closed = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise unavailable("the store is closed: nothing was recorded")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._do, work)

    def _do(self, work: Callable[[Connection], T]) -> T:
        with self._connection() as connection, connection.begin():
            return work(connection)

    async def run_bare(self, work: Callable[[Connection], T]) -> T:
        """Run work that needs no transaction, or looks after its own."""
        if self._closed:
            raise unavailable("the store is closed: nothing was recorded")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._bare, work)

    def _bare(self, work: Callable[[Connection], T]) -> T:
        with self._connection() as connection:
            return work(connection)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A free connection; after an error that spoils it, it is replaced."""
        connection = self._free.get_nowait()
        try:
            connection = connection or self._engine.connect()
            yield connection
        except faults.OF_SQLITE as error:
            if connection is not None and faults.spoils_connection(error):
                connection.invalidate()
                connection = None
            raise faults.of_sqlite(error) from error
        finally:
            self._free.put(connection)

    async def aclose(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        while not self._free.empty():
            connection = self._free.get_nowait()
            if connection is not None:
                connection.close()
