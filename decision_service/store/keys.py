"""Secret keys: files of them, data keys that wrap each user's key, and sealing."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from decision_service.decide.application import KEY_ID_BYTES, SMALLEST_KEY, IdentityKey
from decision_service.domain.errors import StoreUnavailable
from decision_service.runtime.files import read_small
from decision_service.store.columns import metadata, padded
from decision_service.store.engine import Database, Readable, SqliteFile, parse_store_url
from decision_service.store.errors import StoreRefused, unavailable

MOST_KEYS = 4

KEY_BYTES = 32
_NONCE_BYTES = 12
_INFO = b"decision-service data key"

BATCH = 256
"""Users whose keys are wrapped anew in one transaction."""


class FileKey(Protocol):
    """A key of a file; `id` names it in the store, and is no secret."""

    @property
    def id(self) -> bytes: ...


K = TypeVar("K", bound=FileKey)


class KeyFile(Generic[K]):
    """One kind of key file: what its keys are called, and the key of a line's bytes.

    `of` raises ValueError for too few bytes. `needed` says what the store holds by its keys, `way`
    what else may be done than to put back a `{key}` that is lost.
    """

    def __init__(self, name: str, of: Callable[[bytes], K], *, needed: str, way: str = "") -> None:
        self.name = name
        self._needed = needed
        self._way = way
        self.setting = f"DECISION_{name.replace(' ', '_').upper()}_FILE"
        self._program = f"decision-service keys {name.removesuffix(' key')}"
        self._of = of

    def beside(self, url: str) -> Path | None:
        """The file next to a SQLite store; None with PostgreSQL. Raises StoreUrlInvalid."""
        address = parse_store_url(url)
        return (
            address.companion(f".{self.name.replace(' ', '-')}s")
            if isinstance(address, SqliteFile)
            else None
        )

    def open(
        self, path: Path | None, used: Collection[bytes], beside: Path | None
    ) -> tuple[K, ...]:
        """The keys for a store that needs those with `used` ids; none where no file is named.

        `beside` is the file where none is named, made unless keys are needed already. Raises
        StoreRefused.
        """
        # While keys are in use a new file would hide that theirs is lost.
        create = path is None and not used
        path = path or beside
        keys = () if path is None else self.read(path, create=create)
        there = {key.id for key in keys}
        lost = sorted(one.hex() for one in used if one not in there)
        if lost:
            where = f"which {path} lacks" if path else f"and {self.setting} is not set"
            raise StoreRefused(
                f"the store holds {self._needed} the {self.name} {lost[0]}, {where}: put the key "
                f"back{self._way.format(key=lost[0])}"
            )
        return keys

    def read(self, path: Path, *, create: bool = False) -> tuple[K, ...]:
        """The keys of a file, which `create` makes where it is missing; raises StoreRefused."""
        if create and not path.exists():
            self.add(path)
        keys = tuple(self._key(path, number, line) for number, line in self._lines(path))
        if not keys:
            raise self._unfit(path, f"holds no key: `{self._program} add` writes one")
        if len(keys) > MOST_KEYS:
            why = f"holds {len(keys)} keys and at most {MOST_KEYS} are used: remove some"
            raise self._unfit(path, why)
        if len({key.id for key in keys}) < len(keys):
            raise self._unfit(path, "holds one key twice: remove one of the lines")
        return keys

    def add(self, path: Path) -> K:
        """Put a new key first, in a file that its owner alone can read; raises StoreRefused."""
        secret = secrets.token_bytes(SMALLEST_KEY)
        try:
            before = read_small(path)
        except FileNotFoundError:
            before = b""
        except OSError as error:
            raise self._unreadable(path, error) from None
        self._replace(path, base64.b64encode(secret) + b"\n" + before)
        return self._of(secret)

    def remove(self, path: Path, key_id: bytes) -> None:
        lines = self._text(path).splitlines(keepends=True)
        gone = {n for n, line in self._lines(path) if self._key(path, n, line).id == key_id}
        kept = [line for number, line in enumerate(lines, 1) if number not in gone]
        self._replace(path, "".join(kept).encode())

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            fresh = path.with_name(f"{path.name}.new")
            # Of two programs that add a key at once the second is refused, and overwrites nothing.
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                # Durable before the rename, which could otherwise be kept without the content.
                os.fsync(file.fileno())
            # Replaced whole: a crash half way would lose keys that nothing else has.
            fresh.replace(path)
        except ValueError:
            raise self._unfit(path, "is no name of a file") from None
        except OSError as error:
            raise self._unfit(
                path, f"cannot be written ({error.strerror}): choose another place"
            ) from None

    def _lines(self, path: Path) -> list[tuple[int, str]]:
        lines = enumerate(self._text(path).splitlines(), 1)
        stripped = ((number, line.strip()) for number, line in lines)
        return [(number, line) for number, line in stripped if line and not line.startswith("#")]

    def _text(self, path: Path) -> str:
        try:
            return read_small(path, trusted=True).decode("ascii")
        except OSError as error:
            raise self._unreadable(path, error) from None
        except UnicodeDecodeError:
            raise self._unfit(path, "holds something else than keys in base64") from None

    def _key(self, path: Path, number: int, line: str) -> K:
        try:
            return self._of(base64.b64decode(line, validate=True))
        except (binascii.Error, ValueError):
            raise self._unfit(
                path, f"has no key of {SMALLEST_KEY} bytes in base64 on line {number}"
            ) from None

    def _unreadable(self, path: Path, error: OSError) -> StoreRefused:
        way = f"set {self.setting} to one that `{self._program} add` makes"
        return self._unfit(path, f"cannot be read ({error.strerror}): {way}")

    def _unfit(self, path: Path, why: str) -> StoreRefused:
        return StoreRefused(f"the {self.name} file {path} {why}")


def new_key() -> bytes:
    return AESGCM.generate_key(8 * KEY_BYTES)


def sealed(key: bytes, body: bytes, about: str) -> bytes:
    """A body encrypted with AES-256-GCM, its nonce before it; bound to what it is about."""
    # New each time: a nonce that is used twice under one key gives the texts away.
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, body, about.encode())


def opened(key: bytes, body: bytes, about: str) -> bytes:
    """The body that was sealed; raises StoreUnavailable where it or the key is damaged."""
    nonce = body[:_NONCE_BYTES]
    sealed_body = body[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, sealed_body, about.encode())
    except (InvalidTag, ValueError):
        raise unavailable("a stored snapshot is damaged: restore the store's backup") from None


def derived(secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """A key for one purpose, and its id, of a secret of 32 bytes; raises ValueError for fewer."""
    if len(secret) < SMALLEST_KEY:
        raise ValueError(f"a key has {len(secret)} bytes: {SMALLEST_KEY} are needed")
    # One secret serves several purposes: a key derived for one says nothing of the others.
    key = HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(secret)
    # A keyed hash: the id, which is no secret, does not help to guess the key.
    return key, hashlib.blake2b(b"id", key=key, digest_size=KEY_ID_BYTES).digest()


class KnownKeys(Generic[K]):
    """The keys of a file that a process has read; `newest` is the first, None where there is none.

    Without a path no other key is ever found.
    """

    def __init__(self, file: KeyFile[K], path: Path | None, keys: tuple[K, ...]) -> None:
        self.newest = keys[0] if keys else None
        self._file = file
        self._path = path
        self._by_id = {key.id: key for key in keys}

    def find(self, key_id: bytes) -> K | None:
        """The key with an id; None where this process lacks it, also in its file."""
        if key_id not in self._by_id and self._path is not None:
            # Another process may have used it since the file was read.
            # A file that cannot be read now leaves the key unknown, which the caller reports.
            with suppress(StoreRefused):
                self._by_id.update((key.id, key) for key in self._file.read(self._path))
        return self._by_id.get(key_id)


class DataKey(msgspec.Struct, frozen=True):
    """A key of keys, derived from a secret of the file; `id` is derived from it and no secret."""

    key: bytes
    id: bytes

    @classmethod
    def of(cls, secret: bytes) -> DataKey:
        """The key of at least 32 bytes; raises ValueError for fewer."""
        return cls(*derived(secret, _INFO))

    def __repr__(self) -> str:
        return f"DataKey({self.id.hex()})"


DATA_KEYS = KeyFile("data key", DataKey.of, needed="users' keys that are wrapped by")


class StoredKey(msgspec.Struct, frozen=True):
    """As the columns have it; `wrapped_by` is a data key's id, None for a plain key."""

    key: bytes
    wrapped_by: bytes | None


class DataKeys(KnownKeys[DataKey]):
    """Wraps users' keys by the newest data key; leaves them plain where there is no data key."""

    def __init__(self, path: Path | None = None, keys: tuple[DataKey, ...] = ()) -> None:
        super().__init__(DATA_KEYS, path, keys)

    def wrap(self, key: bytes, about: str) -> StoredKey:
        """A user's key as it is to be stored, bound to what it is the key of."""
        if self.newest is None:
            return StoredKey(key, None)
        return StoredKey(sealed(self.newest.key, key, about), self.newest.id)

    def unwrap(self, stored: StoredKey, about: str) -> bytes:
        """The key that was wrapped; raises StoreUnavailable where its data key is not there."""
        if stored.wrapped_by is None:
            return stored.key
        key = self.find(stored.wrapped_by)
        if key is not None:
            return opened(key.key, stored.key, about)
        raise unavailable(
            f"stored data needs the data key {stored.wrapped_by.hex()}, which this process lacks: "
            f"put it into the file of {DATA_KEYS.setting}, and start the process again"
        )


PLAIN = DataKeys()
"""No data keys: users' keys are stored as they are."""

IDENTITY_KEYS = KeyFile(
    "identity key",
    IdentityKey.of,
    needed="hashes under",
    way=", or run `decision-service keys identity forget {key}`, after which second uses that it "
    "found are not found again",
)


def _keyed() -> Iterator[sa.Table]:
    """The tables with keys of users, in columns `user_id`, `key` and `wrapped_by`."""
    return (table for table in metadata.tables.values() if "wrapped_by" in table.c)


def about(table: sa.Table, user_id: str) -> str:
    return f"key in {table.name} of {user_id}"


def data_key_ids(connection: sa.Connection) -> frozenset[bytes]:
    return frozenset(one for table in _keyed() for one in _ids(connection, table))


def count_others(connection: sa.Connection, newest: DataKey) -> int:
    return sum(
        connection.execute(sa.select(sa.func.count()).where(_others(table, newest))).scalar_one()
        for table in _keyed()
    )


def wrap_some(connection: sa.Connection, data_keys: DataKeys) -> int:
    """Wrap at most `BATCH` stored keys of each table by the newest data key; how many were left."""
    newest = data_keys.newest
    if newest is None:
        return 0
    return sum(_wrap_some(connection, table, newest, data_keys=data_keys) for table in _keyed())


def _wrap_some(
    connection: sa.Connection, table: sa.Table, newest: DataKey, data_keys: DataKeys
) -> int:
    c = table.c
    others = _others(table, newest)
    users = connection.execute(sa.select(c.user_id).where(others).limit(BATCH)).scalars().all()
    # Rows are locked in order of user, as commits do; those that changed meanwhile are left out.
    rows = (
        sa.select(c.user_id, c.key, c.wrapped_by)
        .where(c.user_id.in_(sa.bindparam("users", expanding=True)), others)
        .order_by(c.user_id)
        .with_for_update(key_share=True)
    )
    held = connection.execute(rows, {"users": padded(sorted(users))}).all() if users else ()
    renewed: list[dict[str, object]] = []
    for user_id, key, wrapped_by in held:
        of = about(table, user_id)
        again = data_keys.wrap(data_keys.unwrap(StoredKey(key, wrapped_by), of), of)
        renewed.append({"of": user_id, "key": again.key, "wrapped_by": again.wrapped_by})
    if renewed:
        connection.execute(sa.update(table).where(c.user_id == sa.bindparam("of")), renewed)
    return len(users)


def _others(table: sa.Table, newest: DataKey) -> sa.ColumnElement[bool]:
    """In the words in which both databases find the index."""
    by = table.c.wrapped_by
    # Two ranges, since `<>` is read from no index.
    return table.c.key.is_not(None) & sa.or_(by.is_(None), by < newest.id, by > newest.id)


def _ids(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    after = b""
    by = table.c.wrapped_by
    following = sa.select(by).where(table.c.key.is_not(None), by > sa.bindparam("after"))
    # No `min`: that of bytea begins with PostgreSQL 18.
    following = following.order_by(by).limit(1)
    while (found := connection.execute(following, {"after": after}).scalar()) is not None:
        after = bytes(found)
        yield after


async def open_data_keys(
    url: str, path: Path | None, database: Readable, *, make: bool = False
) -> DataKeys:
    """The keys of a file, with `make` of one by SQLite's; raises StoreRefused for a lost key."""
    used = await database.read(data_key_ids)
    own_file = DATA_KEYS.beside(url) if make and path is None else None
    keys = await asyncio.to_thread(DATA_KEYS.open, path, used, own_file)
    return DataKeys(path or own_file, keys)


async def take_over(database: Database, data_keys: DataKeys) -> None:
    """Wrap what a file of one process still has plain, or by an older data key.

    Plain keys are taken out of its log too, unless another program reads it just now.
    """
    # On a server other processes may lack the new key: an operator says when they have it.
    if database.shared or data_keys.newest is None:
        return
    await wrap_all(database, data_keys)
    with suppress(StoreUnavailable):
        await database.scrub()


async def wrap_all(database: Database, data_keys: DataKeys) -> int:
    """Wrap every user's key by the newest data key, some in each transaction; how many."""
    wrapped = 0
    while some := await database.write(partial(wrap_some, data_keys=data_keys)):
        wrapped += some
    return wrapped
