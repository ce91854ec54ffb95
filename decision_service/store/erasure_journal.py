"""The erasure journal: apart from the store's database, so that a restored backup is erased
again.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from decision_service.domain.errors import StoreError
from decision_service.runtime.files import sync_folder
from decision_service.store import errors
from decision_service.store.columns import insert_new
from decision_service.store.engine import Database
from decision_service.store.errors import StoreRefused, unavailable
from decision_service.store.sqlite_file import shared_engine

T = TypeVar("T")

_KEY_BYTES = 32
_SQLITE = b"SQLite format 3\0"

_METADATA = sa.MetaData()
_KEYS = sa.Table(
    "erasure_journal_keys",
    _METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),
)
_LINES = sa.Table(
    "erasure_journal",
    _METADATA,
    sa.Column("erasure_id", sa.Text, primary_key=True),
    sa.Column("mark", sa.Text, nullable=False, index=True),
)
_FIND_KEY = sa.select(_KEYS.c.key)
_SEVERAL_STARTS = 0x6572_6173_7572_6573
"""The number of PostgreSQL's advisory lock under which the tables are made."""


class Erasure(msgspec.Struct, frozen=True):
    """One erasure of a user, by its id (32 hexadecimal digits)."""

    id: str
    user_id: str


def new_erasure(user_id: str) -> Erasure:
    return Erasure(secrets.token_hex(16), user_id)


class ErasureJournal:
    """Where erasures are recorded apart from the store's database: a file, or a database.

    Any number of processes share it. Methods raise StoreRefused and StoreUnavailable; what is noted
    is durable on return. A user is in it by a mark alone, which only the journal's key makes.
    """

    def __init__(self, database: JournalFile | Database) -> None:
        self._database = database

    async def note(self, erasures: Iterable[Erasure]) -> None:
        noted = tuple(erasures)

        def work(connection: sa.Connection) -> None:
            key = self._key(connection)
            rows = [{"erasure_id": one.id, "mark": _mark(key, one.user_id)} for one in noted]
            insert_new(connection, _LINES, rows)

        await self._do(work)

    async def marks(self) -> Mapping[str, str]:
        lines = sa.select(_LINES.c.erasure_id, _LINES.c.mark)

        def work(connection: sa.Connection) -> Mapping[str, str]:
            return {row[0]: row[1] for row in connection.execute(lines)}

        return await self._do(work)

    async def of(self, user_id: str) -> frozenset[str]:
        def work(connection: sa.Connection) -> frozenset[str]:
            mark = _mark(self._key(connection), user_id)
            lines = sa.select(_LINES.c.erasure_id).where(_LINES.c.mark == mark)
            return frozenset(connection.execute(lines).scalars())

        return await self._do(work)

    async def marked(self, users: Sequence[str]) -> Mapping[str, str]:
        key = await self._do(self._key)
        return {_mark(key, user_id): user_id for user_id in users}

    async def aclose(self) -> None:
        await self._database.aclose()

    async def _do(self, work: Callable[[sa.Connection], T]) -> T:
        try:
            # A connection that lay idle for days may be gone.
            return await self._database.write(work, repeatable=True)
        except StoreRefused:
            raise
        except StoreError as error:
            raise unavailable(
                "the erasure journal cannot be written: nothing was erased; try again"
            ) from error

    @staticmethod
    def _key(connection: sa.Connection) -> bytes:
        key = connection.execute(_FIND_KEY).scalar_one_or_none()
        if key is None:
            raise _keyless()
        return bytes(key)


class JournalFile:
    """A database in a file, opened anew for each transaction: it may have been moved away."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = shared_engine(path)

    @classmethod
    async def open(cls, path: Path) -> JournalFile:
        file = cls(path)

        def begin(connection: sa.Connection) -> None:
            if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
                raise file._damaged()
            begin_tables(connection)

        try:
            await asyncio.to_thread(file._make)
            await file.write(begin)
        except StoreRefused:
            raise
        except (OSError, StoreError) as error:
            why = getattr(error, "strerror", None) or errors.said(error.__cause__)
            raise StoreRefused(
                f"the erasure journal {path} cannot be written ({why}): give the service's user "
                "access to it, or set DECISION_ERASURE_JOURNAL to the URL of another"
            ) from None
        return file

    async def write(self, work: Callable[[sa.Connection], T], *, repeatable: bool = False) -> T:
        del repeatable  # a file's connection is not lost

        def transact() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        try:
            return await asyncio.to_thread(transact)
        except errors.OF_SQLITE as error:
            if errors.is_damage(error):
                raise self._damaged() from error
            raise errors.of_sqlite(error) from error

    async def aclose(self) -> None:
        """Nothing stays open."""

    def _make(self) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "rb") as file:
            # Of a file that is shorter than a page SQLite would make a new database.
            if (head := file.read(len(_SQLITE))) not in (b"", _SQLITE):
                raise self._damaged()
        if not head:
            sync_folder(self._path.parent)

    def _damaged(self) -> StoreRefused:
        return StoreRefused(
            f"the erasure journal {self._path} is damaged, and nothing was changed: restore it "
            "from its copy, or move it away, and what the store still knows of erasures is written "
            "anew"
        )


def begin_tables(connection: sa.Connection) -> None:
    found = set(sa.inspect(connection).get_table_names())
    if "alembic_version" in found:
        raise StoreRefused(
            "DECISION_ERASURE_JOURNAL names a database with a store's tables, where a restored "
            "backup brings an older journal back: name a database of its own"
        )
    if not _METADATA.tables.keys() <= found:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SEVERAL_STARTS)))
        _METADATA.create_all(connection)
    key = connection.execute(_FIND_KEY).scalar_one_or_none()
    if key is None and connection.execute(sa.select(_LINES).limit(1)).first() is not None:
        raise _keyless()
    # Where the key is there nothing changes, but a server that is read-only refuses.
    row = {"number": 1, "key": key or secrets.token_bytes(_KEY_BYTES)}
    insert_new(connection, _KEYS, [row])


def _keyless() -> StoreRefused:
    return StoreRefused(
        "the database of DECISION_ERASURE_JOURNAL has lost the journal's key, and nothing was "
        "changed: restore it from its backup, or name an empty one, into which what the store "
        "still knows of erasures is written"
    )


def _mark(key: bytes, user_id: str) -> str:
    return hmac.digest(key, user_id.encode(), "sha256").hex()
