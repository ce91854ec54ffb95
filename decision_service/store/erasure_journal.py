"""The erasure journal: apart from the store's database, so that a restored backup is erased
again.
"""

from __future__ import annotations

import asyncio
import fcntl
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    inspect,
    select,
)

from decision_service.domain.errors import StoreError
from decision_service.runtime.files import sync_folder
from decision_service.store.dialect import insert_new
from decision_service.store.engine import Database
from decision_service.store.errors import StoreDamaged, StoreRefused, StoreUnwritable, unavailable

T = TypeVar("T")

_HEAD = b"erasures of decision-service, 1: "
_KEY_BYTES = 32
_HEAD_LENGTH = len(_HEAD) + 2 * _KEY_BYTES + 1
_LINE = re.compile(rb"([0-9a-f]{32}) ([0-9a-f]{64})\n")
_LINE_LENGTH = 32 + 1 + 64 + 1

_METADATA = MetaData()
_KEYS = Table(
    "erasure_journal_keys",
    _METADATA,
    Column("number", Integer, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)
_LINES = Table(
    "erasure_journal",
    _METADATA,
    Column("erasure_id", Text, primary_key=True),
    Column("mark", Text, nullable=False, index=True),
)
_FIND_KEY = select(_KEYS.c.key)
_SEVERAL_STARTS = 0x6572_6173_7572_6573
"""The number of PostgreSQL's advisory lock under which the tables are made."""


class Erasure(msgspec.Struct, frozen=True):
    """One erasure of a user, by its id (32 hexadecimal digits)."""

    id: str
    user_id: str


def new_erasure(user_id: str) -> Erasure:
    return Erasure(secrets.token_hex(16), user_id)


class ErasureJournal(Protocol):
    """Where erasures are recorded apart from the store's database."""

    async def note(self, erasures: Iterable[Erasure]) -> None:
        """Add erasures, durable on return; raises StoreUnavailable."""

    async def marks(self) -> Mapping[str, str]:
        """Every erasure's id with its user's mark; raises StoreDamaged or StoreUnavailable."""

    async def of(self, user_id: str) -> frozenset[str]:
        """The ids of a user's erasures; raises StoreDamaged or StoreUnavailable."""

    async def marked(self, users: Sequence[str]) -> Mapping[str, str]:
        """Each of these users by its mark; raises StoreDamaged or StoreUnavailable."""

    async def aclose(self) -> None:
        """Close connections."""


class FileJournal:
    """A file, which several processes of one machine may share."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    async def open(cls, path: Path) -> FileJournal:
        try:
            return await asyncio.to_thread(cls._open, path)
        except OSError as error:
            raise StoreUnwritable(
                f"the erasure journal {path} cannot be written ({error.strerror}): give the "
                "service's user access to it, or set DECISION_ERASURE_JOURNAL to another file"
            ) from None

    async def note(self, erasures: Iterable[Erasure]) -> None:
        await self._do(self._note, tuple(erasures))

    async def marks(self) -> Mapping[str, str]:
        return await self._do(self._marks)

    async def of(self, user_id: str) -> frozenset[str]:
        mark = _mark(await self._do(self._read_key), user_id)
        return frozenset(one for one, of in (await self.marks()).items() if of == mark)

    async def marked(self, users: Sequence[str]) -> Mapping[str, str]:
        key = await self._do(self._read_key)
        return {_mark(key, user_id): user_id for user_id in users}

    async def aclose(self) -> None:
        """Nothing stays open."""

    @staticmethod
    async def _do(work: Callable[..., T], *arguments: object) -> T:
        try:
            return await asyncio.to_thread(work, *arguments)
        except OSError as error:
            raise unavailable(
                f"the erasure journal cannot be written ({error.strerror}): nothing was erased"
            ) from error

    @classmethod
    def _open(cls, path: Path) -> FileJournal:
        journal = cls(path)
        with journal._locked(os.O_CREAT):
            return journal

    def _note(self, erasures: Sequence[Erasure]) -> None:
        with self._locked() as file:
            key = _key(self._path, file)
            file.seek(0, os.SEEK_END)
            lines = (f"{one.id} {_mark(key, one.user_id)}\n" for one in erasures)
            file.write("".join(lines).encode())
            _sync(file)

    def _marks(self) -> Mapping[str, str]:
        with self._locked() as file:
            file.seek(_HEAD_LENGTH)
            lines = file.read()
        starts = range(0, len(lines), _LINE_LENGTH)
        found = [_LINE.fullmatch(lines, at, at + _LINE_LENGTH) for at in starts]
        if None in found:
            raise _damaged(self._path)
        return {one[1].decode(): one[2].decode() for one in found if one is not None}

    def _read_key(self) -> bytes:
        with self._locked() as file:
            return _key(self._path, file)

    @contextmanager
    def _locked(self, flags: int = 0) -> Iterator[BinaryIO]:
        """The file under an exclusive lock, with its first line, without a partial last line."""
        descriptor = os.open(self._path, os.O_RDWR | flags, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _mend(self._path, file)
            yield file


class PostgresJournal:
    """Tables in a database of their own, with its own backup; any number of machines share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, erasures: Iterable[Erasure]) -> None:
        noted = tuple(erasures)

        def work(connection: Connection) -> None:
            key = self._key(connection)
            rows = [{"erasure_id": one.id, "mark": _mark(key, one.user_id)} for one in noted]
            insert_new(connection, _LINES, rows)

        await self._do(work)

    async def marks(self) -> Mapping[str, str]:
        lines = select(_LINES.c.erasure_id, _LINES.c.mark)
        return await self._do(lambda one: {row[0]: row[1] for row in one.execute(lines)})

    async def of(self, user_id: str) -> frozenset[str]:
        def work(connection: Connection) -> frozenset[str]:
            mark = _mark(self._key(connection), user_id)
            lines = select(_LINES.c.erasure_id).where(_LINES.c.mark == mark)
            return frozenset(connection.execute(lines).scalars())

        return await self._do(work)

    async def marked(self, users: Sequence[str]) -> Mapping[str, str]:
        key = await self._do(self._key)
        return {_mark(key, user_id): user_id for user_id in users}

    async def aclose(self) -> None:
        await self._database.aclose()

    async def _do(self, work: Callable[[Connection], T]) -> T:
        try:
            # A connection that lay idle for days may be gone.
            return await self._database.write(work, repeatable=True)
        except StoreRefused:
            raise
        except StoreError as error:
            raise unavailable(
                "the database of the erasure journal does not answer: nothing was erased; try again"
            ) from error

    @staticmethod
    def _key(connection: Connection) -> bytes:
        key = connection.execute(_FIND_KEY).scalar_one_or_none()
        if key is None:
            raise _keyless()
        return bytes(key)


def begin_tables(connection: Connection) -> None:
    found = set(inspect(connection).get_table_names())
    if "alembic_version" in found:
        raise StoreRefused(
            "DECISION_ERASURE_JOURNAL names a database with a store's tables, where a restored "
            "backup brings an older journal back: name a database of its own"
        )
    if not _METADATA.tables.keys() <= found:
        connection.execute(select(func.pg_advisory_xact_lock(_SEVERAL_STARTS)))
        _METADATA.create_all(connection)
    key = connection.execute(_FIND_KEY).scalar_one_or_none()
    if key is None and connection.execute(select(_LINES).limit(1)).first() is not None:
        raise _keyless()
    # Where the key is there nothing changes, but a server that is read-only refuses.
    row = {"number": 1, "key": key or secrets.token_bytes(_KEY_BYTES)}
    insert_new(connection, _KEYS, [row])


def _keyless() -> StoreDamaged:
    return StoreDamaged(
        "the database of DECISION_ERASURE_JOURNAL has lost the journal's key, and nothing was "
        "changed: restore it from its backup, or name an empty one, into which what the store "
        "still knows of erasures is written"
    )


def _mend(path: Path, file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    if size < _HEAD_LENGTH:
        file.seek(0)
        found = file.read()
        if not found.startswith(_HEAD[: len(found)]):  # no part of a first line
            raise _damaged(path)
        file.seek(0)
        file.write(_HEAD + secrets.token_hex(_KEY_BYTES).encode() + b"\n")
        _sync(file)
        sync_folder(path.parent)
        return
    _key(path, file)
    if torn := (size - _HEAD_LENGTH) % _LINE_LENGTH:
        file.truncate(size - torn)
        _sync(file)


def _key(path: Path, file: BinaryIO) -> bytes:
    file.seek(0)
    head = file.read(_HEAD_LENGTH)
    try:
        if head.startswith(_HEAD) and head.endswith(b"\n"):
            return bytes.fromhex(head[len(_HEAD) :].decode("ascii"))
    except ValueError:
        pass
    raise _damaged(path)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _mark(key: bytes, user_id: str) -> str:
    return hmac.digest(key, user_id.encode(), "sha256").hex()


def _damaged(path: Path) -> StoreDamaged:
    return StoreDamaged(
        f"the erasure journal {path} is damaged, and nothing was changed: restore it from its "
        "copy, or move it away, and what the store still knows of erasures is written anew"
    )
