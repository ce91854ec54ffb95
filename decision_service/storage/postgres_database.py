"""PostgreSQL: connections for reading and for writing, on the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from decision_service.domain.errors import StoreError
from decision_service.storage import faults, schema
from decision_service.storage.address import PostgresServer
from decision_service.storage.errors import (
    ConnectionLost,
    RolledBack,
    StoreRefused,
    StoreUnreachable,
    unavailable,
)

T = TypeVar("T")

CONNECT_SECONDS = 2.0
COMMAND_SECONDS = 5.0
POOL_SECONDS = 0.5
"""How long a connection, one command, and a free place in the pool are waited for."""

WRITERS = 2
"""One for the groups of commits, one for all that is written beside them."""

ATTEMPTS = 3
"""How often a transaction is tried that the server undoes for another's sake."""

_FAULTS = (SQLAlchemyError, OSError, *faults.UNFIT_VALUES)
_SETTINGS = {
    "application_name": "decision-service",
    "synchronous_commit": "on",
    "lock_timeout": "1000",
    "idle_in_transaction_session_timeout": "10000",
    "jit": "off",
}


class PostgresDatabase:
    """The `Database` on a server; any number of processes share it."""

    def __init__(self, server: PostgresServer, readers: int) -> None:
        self._writer = _engine(server, WRITERS)
        self._readers = _engine(server, readers)
        self._reading = self._readers.execution_options(isolation_level="AUTOCOMMIT")
        self._cleaning = self._writer.execution_options(isolation_level="AUTOCOMMIT")
        self._closed = False

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run read-only work; a lost connection is replaced once."""
        try:
            return await self._run(self._reading, work)
        except ConnectionLost:
            return await self._run(self._reading, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work in one transaction, again where the server undid it for another's sake."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._run(self._writer, work)
            except RolledBack:
                continue
        return await self._run(self._writer, work)

    async def scrub(self) -> None:
        """Vacuum the tables that hold what an erasure deletes."""
        await self._run(self._cleaning, _vacuum)

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        await self._readers.dispose()
        await self._writer.dispose()

    async def _run(self, engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise unavailable("the store is closed: nothing was recorded")
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        except _FAULTS as error:
            raise faults.of_postgres(error) from error


def _vacuum(connection: Connection) -> None:
    connection.execute(text("VACUUM consents, snapshots, known_counts, link_tokens, warm"))


async def open_postgres(server: PostgresServer, readers: int) -> PostgresDatabase:
    """Connect and check the tables; raises StoreRefused."""
    database = PostgresDatabase(server, readers)
    try:
        await _first_contact(server, database, schema.require_usable)
    except BaseException:
        await database.aclose()
        raise
    return database


async def migrate_postgres(server: PostgresServer) -> None:
    """Bring the tables to the newest version in one transaction; raises StoreRefused."""
    database = PostgresDatabase(server, 1)
    try:
        await _first_contact(server, database, schema.upgrade)
    finally:
        await database.aclose()


async def _first_contact(
    server: PostgresServer, database: PostgresDatabase, work: Callable[[Connection], None]
) -> None:
    try:
        await database.write(work)
    except StoreRefused:
        raise
    except StoreError as error:
        raise StoreUnreachable(
            f"the store {server.shown} cannot be used ({faults.said(error.__cause__)}): check "
            "STORE_URL, and that the server runs and lets this user in"
        ) from None


def _engine(server: PostgresServer, connections: int) -> AsyncEngine:
    return create_async_engine(
        server.url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": COMMAND_SECONDS,
            "server_settings": _SETTINGS,
        },
    )
