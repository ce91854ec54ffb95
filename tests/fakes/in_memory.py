"""The store's log and its leases in the memory of one process."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace
from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from decision_service.domain.errors import LeaseLost, RequestInProgress, StoreUnavailable
from decision_service.domain.ports import DecisionEntry, Lease, StoredEntry
from decision_service.store import errors
from decision_service.store.columns import metadata
from decision_service.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

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


class InMemoryLeases:
    """The `Leases` of a log in memory; `expire` does to every holder what time does to a dead one.

    Time stands still: whoever waits does so for as many turns of the loop as seconds are given.
    """

    def __init__(self, log: InMemoryDecisionLog) -> None:
        self._log = log

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        key = (caller, request_id)
        for _ in range(max(int(seconds), 0) + 1):
            stored = (await self._log.look_up(*key)).entry
            if stored is not None:
                return stored
            if key not in self._log.fences:
                self._log.fences[key] = secrets.token_hex(8)
                return Lease(*key, self._log.fences[key])
            await asyncio.sleep(0)
        raise RequestInProgress("still being decided", retry_after=1.0)

    def release(self, lease: Lease) -> None:
        key = (lease.caller, lease.request_id)
        if self._log.fences.get(key) == lease.fence:
            del self._log.fences[key]

    def expire(self) -> None:
        self._log.fences.clear()
