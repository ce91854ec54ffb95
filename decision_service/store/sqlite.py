"""SQLite: one writing connection and a few reading ones on threads of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from decision_service.domain.errors import StoreError
from decision_service.store import errors, schema, sqlite_file
from decision_service.store.engine import SqliteFile
from decision_service.store.errors import StoreRefused, unavailable
from decision_service.store.sqlite_file import FileLock, driver_of, reading_engine, writing_engine

T = TypeVar("T")

_SCRUBS = 20
_SCRUB_PAUSE = 0.05


class SqliteDatabase:
    split_batches = 1
    shared = False

    def __init__(self, path: Path, readers: int, lock: FileLock) -> None:
        self._writer = SqliteConnections(writing_engine(path), 1)
        self._readers = SqliteConnections(reading_engine(path), readers)
        self._looker = SqliteConnections(reading_engine(path), 1)
        self._lock = lock

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        return await self._readers.run(work)

    async def read_together(self, work: Callable[[sa.Connection], T]) -> T:
        def together(connection: sa.Connection) -> T:
            # Without it each statement would also see what was committed since the one before.
            connection.exec_driver_sql("BEGIN")
            return work(connection)

        return await self._readers.run(together)

    async def look_up(self, work: Callable[[sa.Connection], T]) -> T:
        return await self._looker.run_bare(work)

    async def write(self, work: Callable[[sa.Connection], T], *, repeatable: bool = False) -> T:
        # The connection to a file is not lost.
        del repeatable
        return await self._writer.run(work)

    async def commit(self, work: Callable[[sa.Connection], T]) -> T:
        return await self._writer.run(work)

    async def note(self, work: Callable[[sa.Connection], T]) -> T:
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
        await self._readers.aclose()
        await self._looker.aclose()
        await self._writer.aclose()
        # Last of all: to close its descriptor would end SQLite's own locks on the file.
        self._lock.release()


async def open_sqlite(file: SqliteFile, readers: int, *, init: bool = False) -> SqliteDatabase:
    """Open the file, creating it where there never was one, or with `init`; raises StoreRefused."""
    lock = await asyncio.to_thread(_prepare, file, init=init)
    database = SqliteDatabase(file.path, readers, lock)
    try:
        await database.write(schema.require_usable)
    except BaseException as error:
        await database.aclose()
        if isinstance(error, StoreError) and not isinstance(error, StoreRefused):
            raise _unwritable(file, error.__cause__) from None
        raise
    return database


async def read_sqlite(file: SqliteFile) -> SqliteConnections:
    """Read a file that is there and has this program's tables; raises StoreRefused."""
    if not sqlite_file.exists(file):
        raise StoreRefused(
            f"there is no store {file.path}: name one that decisions are recorded in"
        )
    reader = SqliteConnections(reading_engine(file.path), 1)
    try:
        await reader.read(schema.require_current)
    except BaseException:
        await reader.aclose()
        raise
    return reader


def migrate_sqlite(file: SqliteFile, *, init: bool = False) -> None:
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


def _emptied(connection: sa.Connection) -> bool:
    busy, _, _ = driver_of(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _unwritable(file: SqliteFile, error: BaseException | None) -> StoreRefused:
    return StoreRefused(
        f"the store {file.path} cannot be written ({errors.said(error)}): {errors.remedy(error)}"
    )


def _prepare(file: SqliteFile, *, init: bool) -> FileLock:
    sqlite_file.require_folder(file)
    # The lock first: a start beside a running service must change nothing.
    lock = FileLock.acquire(file.companion(".lock"), file.path)
    try:
        if sqlite_file.exists(file):
            lock.hold(file.path)
            sqlite_file.require_whole(file)
            sqlite_file.keep_to_owner(file)
        else:
            _create(file, anew=init or not lock.made)
            # The file itself is locked too, which needs a file.
            lock.hold(file.path)
        lock.mark_made()
    except BaseException:
        lock.release()
        raise
    return lock


def _create(file: SqliteFile, *, anew: bool) -> None:
    if not anew:
        raise StoreRefused(
            f"the store {file.path} is missing, though there was one: restore it from a backup, or "
            "begin a new one with --init"
        )
    try:
        sqlite_file.create(file, _upgrade)
    except (OSError, SQLAlchemyError) as error:
        raise _unwritable(file, error) from None


class SqliteConnections:
    """As many threads as connections, so that one is always free for the work that runs."""

    def __init__(self, engine: sa.Engine, size: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="store")
        # None stands for a connection that is opened when it is first needed.
        self._free: SimpleQueue[sa.Connection | None] = SimpleQueue()
        for _ in range(size):
            self._free.put(None)
        self._closed = False

    async def run(self, work: Callable[[sa.Connection], T]) -> T:

        def transact(connection: sa.Connection) -> T:
            with connection.begin():
                return work(connection)

        return await self.run_bare(transact)

    read = run

    async def run_bare(self, work: Callable[[sa.Connection], T]) -> T:
        """Run work that needs no transaction, or looks after its own."""
        if self._closed:
            raise unavailable("the store is closed: nothing was recorded")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._do, work)

    def _do(self, work: Callable[[sa.Connection], T]) -> T:
        with self._connection() as connection:
            return work(connection)

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        """A free connection; after an error that spoils it, it is replaced."""
        connection = self._free.get_nowait()
        try:
            connection = connection or self._engine.connect()
            yield connection
        except errors.OF_SQLITE as error:
            if connection is not None and errors.spoils_connection(error):
                connection.invalidate()
                connection = None
            raise errors.of_sqlite(error) from error
        finally:
            self._free.put(connection)

    async def aclose(self) -> None:
        self._closed = True
        # On a thread, as it waits for work that is running.
        await asyncio.to_thread(self._threads.shutdown)
        while not self._free.empty():
            connection = self._free.get_nowait()
            if connection is not None:
                connection.close()
