"""Where a database is, by its URL, and the port to it, for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from decision_service.store.errors import StoreUrlInvalid

T = TypeVar("T")
P = ParamSpec("P")

_POSTGRES_FORM = "postgresql://user:password@host/database"
_FORMS = f"use sqlite:///decision.db or {_POSTGRES_FORM}"
_POSTGRES = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
_POSTGRES_OPTIONS = frozenset({"host", "sslmode"})


class SqliteFile(msgspec.Struct, frozen=True):
    """A database file; the path is as it was given, so relative to the working directory."""

    path: Path

    @property
    def shown(self) -> str:
        return str(self.path)

    def companion(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


class PostgresServer(msgspec.Struct, frozen=True):
    """A database on a PostgreSQL server; `url` is in the driver's form."""

    url: URL

    @property
    def shown(self) -> str:
        return self.url.set(drivername="postgresql").render_as_string(hide_password=True)

    @property
    def server(self) -> tuple[object, ...]:
        """Host and port, by which two databases are seen to be on one server."""
        return self.url.host, self.url.port or 5432, self.url.query.get("host")


def parse_store_url(text: str) -> SqliteFile | PostgresServer:
    """Read the URL of a store; raises StoreUrlInvalid, whose sentence repeats no password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreUrlInvalid(
            f"DECISION_STORE_URL (or --store) cannot be read as a URL: {_FORMS}"
        ) from None
    if url.drivername == "sqlite":
        return _sqlite(url)
    if url.drivername in _POSTGRES:
        return _postgres(url)
    raise StoreUrlInvalid(
        f"DECISION_STORE_URL begins with {url.drivername}:, which is no store: {_FORMS}"
    )


def parse_journal(given: str) -> SqliteFile | PostgresServer:
    """Read the URL of an erasure journal; raises StoreUrlInvalid, without a password.

    A path alone is the file of its sqlite URL, as settings had it before 0.5.0.
    """
    # A secret's file that is given as the setting itself has several lines.
    if "://" not in given and "\n" not in given:
        return SqliteFile(Path(given))
    try:
        return parse_store_url(given)
    except StoreUrlInvalid:
        raise StoreUrlInvalid(
            "DECISION_ERASURE_JOURNAL is no URL of a journal: use sqlite:///erasures.db or "
            f"{_POSTGRES_FORM} (options host and sslmode)"
        ) from None


def _sqlite(url: URL) -> SqliteFile:
    if url.host or url.query:
        raise StoreUrlInvalid(
            "DECISION_STORE_URL for SQLite is a path alone: use sqlite:///decision.db"
        )
    if not url.database or url.database.startswith(":memory:"):
        raise StoreUrlInvalid(
            "DECISION_STORE_URL names no file, and a decision must outlive the process: "
            "use sqlite:///decision.db"
        )
    return SqliteFile(Path(url.database))


def _postgres(url: URL) -> PostgresServer:
    unknown = sorted(set(url.query) - _POSTGRES_OPTIONS)
    if unknown:
        raise StoreUrlInvalid(
            f"DECISION_STORE_URL has the option {unknown[0]}: only host and sslmode work"
        )
    if not url.database:
        raise StoreUrlInvalid(f"DECISION_STORE_URL names no database: {_FORMS}")
    query = {("ssl" if name == "sslmode" else name): v for name, v in url.query.items()}
    return PostgresServer(url.set(drivername="postgresql+asyncpg", query=query))


READERS = 4
"""Number of reading connections."""


class Readable(Protocol):
    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run read-only work; raises StoreUnavailable or EntryRefused."""

    async def aclose(self) -> None:
        """Finish running work and close every connection."""


class Database(Readable, Protocol):
    """Runs functions of a SQLAlchemy connection, the same for every dialect.

    `split_batches` is the number of groups that concurrent decisions are best divided into: one
    where this process does the work of a commit, two where a server commits meanwhile. Several
    processes may share it where it is `shared`: PostgreSQL alone.
    """

    split_batches: int
    shared: bool

    async def read_together(self, work: Callable[[sa.Connection], T]) -> T:
        """As `read`, in one transaction: every statement sees the same state of the store."""

    async def look_up(self, work: Callable[[sa.Connection], T]) -> T:
        """As `read`, on a connection that is kept for what decisions look up."""

    async def write(self, work: Callable[[sa.Connection], T], *, repeatable: bool = False) -> T:
        """Run work in one transaction, durable on return.

        Work may run more than once before it counts. Raises EntryRefused or StoreUnavailable, when
        nothing was kept, and ConnectionLost, when that is unknown. `repeatable` work counts once,
        however often it was run: after a lost connection it is run once more.
        """

    async def commit(self, work: Callable[[sa.Connection], T]) -> T:
        """As `write` of repeatable work, on a connection that is kept for decisions alone."""

    async def note(self, work: Callable[[sa.Connection], T]) -> T:
        """Run work that may be lost in a crash of the server, each statement by itself.

        All of it goes over one connection, by which a server knows this process; a lost one is
        replaced once.
        """

    async def scrub(self) -> None:
        """Remove deleted content from the files; raises StoreUnavailable."""


class Subject:
    def __init__(self, database: Database) -> None:
        self._database = database


Work = Callable[Concatenate[sa.Connection, P], T]
Method = Callable[Concatenate[Subject, P], Coroutine[Any, Any, T]]


def reads(work: Work[P, T]) -> Method[P, T]:
    """The method of a subject that reads by this work."""

    async def read(self: Subject, /, *given: P.args, **named: P.kwargs) -> T:
        def reading(connection: sa.Connection) -> T:
            return work(connection, *given, **named)

        return await self._database.read(reading)

    return read


def writes(work: Work[P, T], *, repeatable: bool = False) -> Method[P, T]:
    """The method of a subject that writes by this work, as `Database.write`."""

    async def write(self: Subject, /, *given: P.args, **named: P.kwargs) -> T:
        def writing(connection: sa.Connection) -> T:
            return work(connection, *given, **named)

        return await self._database.write(writing, repeatable=repeatable)

    return write
