"""The store on SQLite in memory, for tests of what stands above it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from msgspec.structs import replace
from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from decision_service.domain.errors import LeaseLost, StoreUnavailable
from decision_service.domain.ports import DecisionEntry, StoredEntry
from decision_service.store import errors
from decision_service.store.columns import metadata
from decision_service.store.store import Store

T = TypeVar("T")


class MemoryDatabase:
    """The `Database` on one connection, on which work is done at once and in turn.

    Set `down` to have all of it fail as a store that cannot serve.
    """

    split_batches = 1
    shared = False

    def __init__(self) -> None:
        self.down = False
        self._connection = _engine().connect()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Let others run, as every real store does, then work in a transaction."""
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailable("the store is down: nothing was recorded", retry_after=1.0)
        try:
            with self._connection.begin():
                return work(self._connection)
        except errors.OF_SQLITE as error:
            raise errors.of_sqlite(error) from error

    read_together = look_up = commit = note = read

    async def write(self, work: Callable[[Connection], T], *, repeatable: bool = False) -> T:
        del repeatable
        return await self.read(work)

    async def scrub(self) -> None:
        """Nothing is on a disk."""

    async def aclose(self) -> None:
        self._connection.close()


@cache
def _engine() -> Engine:
    """One for all, so that a statement is compiled once; each connection is a database."""
    template = sqlite3.connect(":memory:", check_same_thread=False)
    metadata.create_all(create_engine("sqlite://", creator=lambda: template))

    def connect() -> sqlite3.Connection:
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        template.backup(copy)
        return copy

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


class InMemoryDecisionLog(Store):
    """The store of one test; set `down` to have it fail.

    `commits` counts the calls that were answered; `fences` holds who has leave to commit which
    request, as several processes share a server's leases.
    """

    def __init__(self, database: MemoryDatabase | None = None) -> None:
        self.database = database or MemoryDatabase()
        super().__init__(self.database, 0.0, 128)
        self.commits = 0
        self.fences: dict[tuple[str, str], str] = {}

    @property
    def down(self) -> bool:
        return self.database.down

    @down.setter
    def down(self, down: bool) -> None:
        self.database.down = down

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        self.commits += not self.down
        key = (entry.caller, entry.request_id)
        if entry.fence and self.fences.get(key) != entry.fence:
            earlier = (await self.look_up(*key)).entry
            if earlier is None:
                raise LeaseLost("another process decides this request by now")
            return earlier
        stored = await super().commit(replace(entry, fence=""))
        self.fences.pop(key, None)
        return stored
