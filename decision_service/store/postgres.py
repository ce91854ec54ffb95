"""PostgreSQL: connections for reading and for writing, on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from decision_service.domain.errors import StoreError
from decision_service.store import errors, schema
from decision_service.store.columns import ErasedBy
from decision_service.store.engine import PostgresServer
from decision_service.store.errors import ConnectionLost, RolledBack, StoreRefused, unavailable
from decision_service.store.schema import personal_tables

T = TypeVar("T")

CONNECT_SECONDS = 2.0
COMMAND_SECONDS = 5.0
"""How long a connection and one command are waited for."""
# A call leaves the queue at its own deadline, and a decision then asks the vendor for nothing.
POOL_SECONDS = 30.0
"""How long a free place in the pool is waited for by work that has no deadline."""

# Below COMMAND_SECONDS: where the server gives up before its client, the connection is still good.
STATEMENT_MS = 4000
LOCK_MS = 1000
LEASE_LOCK_MS = 200
"""How long the server works on one statement, and waits for another's lock."""

CONTACTS = 5
"""How often a connection is tried at the start that is not there in time."""

ATTEMPTS = 3
"""How often a transaction is tried that the server rolls back."""

_FAULTS = (SQLAlchemyError, OSError, *errors.UNFIT_VALUES)
_EACH_BY_ITSELF: IsolationLevel = "AUTOCOMMIT"
"""Every statement is a transaction of its own."""
_TOGETHER: IsolationLevel = "REPEATABLE READ"
"""All statements of a transaction see the state at its first one."""

_SETTINGS = {
    "application_name": "decision-service",
    "synchronous_commit": "on",
    "statement_timeout": str(STATEMENT_MS),
    "lock_timeout": str(LOCK_MS),
    "idle_in_transaction_session_timeout": "10000",
    # For statements this short compiling them costs more than it saves.
    "jit": "off",
}
_NOTE_SETTINGS = _SETTINGS | {"synchronous_commit": "off", "lock_timeout": str(LEASE_LOCK_MS)}
_PATIENT_SETTINGS = _SETTINGS | {"statement_timeout": "0"}
# The server's own vacuum gives way after about as long as others wait for a lock.
_CLEANING_SETTINGS = _PATIENT_SETTINGS | {"lock_timeout": "0"}
_READ_SETTINGS = _PATIENT_SETTINGS | {"default_transaction_read_only": "on"}
# Planned once, as planning costs as much as carrying it out. Without scans, since a plan made while
# a table is small would be used when it is large.
_COMMIT_SETTINGS = _SETTINGS | {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}

_CHANGED = ("consents", "events")
"""The tables of which an erasure takes parts of rows alone."""
_ERASED = (
    *_CHANGED,
    *(n for n, held in personal_tables().items() if held.erased_by is not ErasedBy.NOTHING),
)
_VACUUM = sa.text(f"VACUUM {', '.join(_ERASED)}")


class PostgresDatabase:
    """The `Database` on a server; any number of processes share it."""

    split_batches = 2
    shared = True

    def __init__(self, server: PostgresServer, readers: int) -> None:
        self._reading = readers
        self._readers = _engine(server, readers, isolation_level=_EACH_BY_ITSELF)
        self._together = self._readers.execution_options(isolation_level=_TOGETHER)
        # A connection of its own, so that no list or export holds up a decision.
        self._looker = _engine(server, 1, isolation_level=_EACH_BY_ITSELF)
        self._writer = _engine(server, 1)
        self._committer = _engine(server, 1, _COMMIT_SETTINGS)
        # Leases may be lost in a crash of the server, so that they wait for no disk.
        self._notes = _engine(server, 1, _NOTE_SETTINGS, isolation_level=_EACH_BY_ITSELF)
        self._cleaner = _engine(
            server, 1, _CLEANING_SETTINGS, command_seconds=None, isolation_level=_EACH_BY_ITSELF
        )
        self._closed = False

    async def connect(self) -> None:
        """Open every connection that decisions need, so that the first ones wait for none."""
        single = (self._looker, self._committer, self._notes)
        pools = ((self._readers, self._reading), *((engine, 1) for engine in single))
        await asyncio.gather(*(_connected(engine, count) for engine, count in pools))

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        return await _repeated(partial(self._run, self._readers), work)

    async def read_together(self, work: Callable[[sa.Connection], T]) -> T:
        return await _repeated(partial(self._run, self._together), work)

    async def look_up(self, work: Callable[[sa.Connection], T]) -> T:
        return await _repeated(partial(self._run, self._looker), work)

    async def write(self, work: Callable[[sa.Connection], T], *, repeatable: bool = False) -> T:
        write = partial(self._repeat, self._writer)
        return await (_repeated(write, work) if repeatable else write(work))

    async def commit(self, work: Callable[[sa.Connection], T]) -> T:
        return await _repeated(partial(self._repeat, self._committer), work)

    async def note(self, work: Callable[[sa.Connection], T]) -> T:
        return await _repeated(partial(self._repeat, self._notes), work)

    async def scrub(self) -> None:
        """Vacuum the tables that hold what an erasure deletes, however long that takes."""
        await self._run(self._cleaner, lambda connection: connection.execute(_VACUUM).close())

    async def aclose(self) -> None:
        self._closed = True
        decisive = (self._readers, self._looker, self._writer, self._committer)
        for engine in (*decisive, self._notes, self._cleaner):
            await engine.dispose()

    async def _repeat(self, engine: AsyncEngine, work: Callable[[sa.Connection], T]) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._run(engine, work)
            except RolledBack:
                continue
        return await self._run(engine, work)

    async def _run(self, engine: AsyncEngine, work: Callable[[sa.Connection], T]) -> T:
        if self._closed:
            raise unavailable("the store is closed: nothing was recorded")
        return await _transact(engine, work)


async def open_postgres(server: PostgresServer, readers: int) -> PostgresDatabase:
    database = PostgresDatabase(server, readers)
    checked = partial(database.write, schema.require_usable)
    return await _contacted(database, server, (checked, database.connect))


async def open_tables(
    server: PostgresServer, begin: Callable[[sa.Connection], None], setting: str
) -> PostgresDatabase:
    """Open a database that is no store, after `begin`; raises StoreRefused, naming its setting."""
    database = PostgresDatabase(server, 1)
    begun = partial(database.write, begin)
    return await _contacted(database, server, (begun,), setting=setting)


class PostgresReader:
    def __init__(self, server: PostgresServer) -> None:
        self._engine = _engine(server, 1, _READ_SETTINGS, command_seconds=None)

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        return await _repeated(partial(_transact, self._engine), work)

    async def aclose(self) -> None:
        await self._engine.dispose()


Opened = TypeVar("Opened", PostgresDatabase, PostgresReader)


async def read_postgres(server: PostgresServer) -> PostgresReader:
    reader = PostgresReader(server)
    checked = partial(reader.read, schema.require_current)
    return await _contacted(reader, server, (checked,))


async def migrate_postgres(server: PostgresServer) -> None:
    engine = _engine(server, 1, _PATIENT_SETTINGS, command_seconds=None)
    try:
        await _first_contact(server, partial(_transact, engine, schema.upgrade))
    finally:
        await engine.dispose()


async def _contacted(
    opened: Opened,
    server: PostgresServer,
    works: Sequence[Callable[[], Awaitable[None]]],
    setting: str = "DECISION_STORE_URL",
) -> Opened:
    """What was opened, after its first works; closed where one of them fails."""
    try:
        for work in works:
            await _first_contact(server, work, setting)
    except BaseException:
        await opened.aclose()
        raise
    return opened


async def _first_contact(
    server: PostgresServer, work: Callable[[], Awaitable[None]], setting: str = "DECISION_STORE_URL"
) -> None:
    try:
        await _patiently(work)
    # It is an operator's sentence already.
    except StoreRefused:
        raise
    except StoreError as error:
        authority = ", the file that PGSSLROOTCERT names" if "ssl" in server.url.query else ""
        raise StoreRefused(
            f"the database {server.shown} cannot be used ({errors.said(error.__cause__)}): check "
            f"{setting}{authority}, and that the server runs and lets this user in"
        ) from None


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    """Do work at the start, where no caller waits; again where server or another start is slow."""
    for _ in range(CONTACTS - 1):
        try:
            await work()
        except StoreError as error:
            # Several replicas start together, and then wait for each other's locks.
            slow = isinstance(error, errors.HeldUp) or isinstance(error.__cause__, TimeoutError)
            if not slow:
                raise
        else:
            return
    await work()


async def _repeated(
    run: Callable[[Callable[[sa.Connection], T]], Awaitable[T]], work: Callable[[sa.Connection], T]
) -> T:
    """Run work that counts once, however often it runs; after a lost connection once more."""
    try:
        # Whether the first run was committed is unknown: the work finds out when it runs again.
        return await run(work)
    except ConnectionLost:
        return await run(work)


async def _connected(engine: AsyncEngine, count: int) -> None:
    try:
        async with AsyncExitStack() as held:
            # All are held at once, since a pool gives the same connection to whoever asks in turn.
            for _ in range(count):
                await held.enter_async_context(engine.connect())
    except _FAULTS as error:
        raise errors.of_postgres(error) from error


async def _transact(engine: AsyncEngine, work: Callable[[sa.Connection], T]) -> T:
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    except _FAULTS as error:
        raise errors.of_postgres(error) from error


def _engine(
    server: PostgresServer,
    connections: int,
    settings: Mapping[str, str] = _SETTINGS,
    command_seconds: float | None = COMMAND_SECONDS,
    isolation_level: IsolationLevel = "READ COMMITTED",
) -> AsyncEngine:
    return create_async_engine(
        server.url,
        isolation_level=isolation_level,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        # A statement's values are a person's data, and would be in the error's text.
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": command_seconds,
            "server_settings": settings,
        },
    )
