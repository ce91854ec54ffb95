"""DECISION_STORE_URL and DECISION_ERASURE_JOURNAL: where the store and its erasures are."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from decision_service.store.errors import StoreUrlInvalid

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


def parse_journal(given: str | Path) -> Path | PostgresServer:
    """Read the place of an erasure journal; raises StoreUrlInvalid without a password."""
    if "://" not in str(given) and "\n" not in str(given):
        return Path(given)
    try:
        address = parse_store_url(str(given))
    except StoreUrlInvalid:
        address = None
    if isinstance(address, PostgresServer):
        return address
    raise StoreUrlInvalid(
        "DECISION_ERASURE_JOURNAL is neither a file nor a database: use a path, or "
        f"{_POSTGRES_FORM} (options host and sslmode)"
    )


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
