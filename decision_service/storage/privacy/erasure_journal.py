"""The erasure journal: a file beside the database, so that a restored backup is erased again.

Its first line holds a random key; each line after it an erasure's id and the user's id hashed
(HMAC-SHA256) under that key. It says of nobody more than that a user whose id one knows anyway was
erased. Lines are appended under a lock and lie on the disk before the database is touched, and they
all have one length, so that a line that a crash cut short is known and replaced.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from decision_service.domain.errors import StoreUnavailable
from decision_service.storage.errors import StoreDamaged, StoreUnwritable, unavailable

_HEAD = b"erasures of decision-service, 1: "
_KEY_BYTES = 32
_HEAD_LENGTH = len(_HEAD) + 2 * _KEY_BYTES + 1
_LINE = re.compile(rb"([0-9a-f]{32}) ([0-9a-f]{64})\n")
_LINE_LENGTH = 32 + 1 + 64 + 1


class Erasure(msgspec.Struct, frozen=True):
    """One erasure of a user, by its id (32 hexadecimal digits)."""

    id: str
    user_id: str


def new_erasure(user_id: str) -> Erasure:
    """An erasure that begins now."""
    return Erasure(secrets.token_hex(16), user_id)


class ErasureJournal:
    """The file, which several processes of one machine may share."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def open(cls, path: Path) -> ErasureJournal:
        """Find the journal or begin one; raises StoreUnwritable or StoreDamaged."""
        journal = cls(path)
        try:
            with journal._locked(os.O_CREAT):
                pass
        except OSError as error:
            raise StoreUnwritable(
                f"the erasure journal {path} cannot be written ({error.strerror}): give the "
                "service's user access to it, or set DECISION_ERASURE_JOURNAL to another file"
            ) from None
        return journal

    def note(self, erasures: Iterable[Erasure]) -> None:
        """Append erasures, durable on return; raises StoreUnavailable."""
        try:
            with self._locked() as file:
                key = _key(self._path, file)
                file.seek(0, os.SEEK_END)
                file.write(b"".join(_line(key, one) for one in erasures))
                _sync(file)
        except OSError as error:
            raise _unwritable(error) from error

    def marks(self) -> Mapping[str, str]:
        """Every erasure's id with its user's mark; raises StoreDamaged."""
        with self._locked() as file:
            file.seek(_HEAD_LENGTH)
            lines = file.read()
        found = [_LINE.fullmatch(lines, at, at + _LINE_LENGTH) for at in _starts(lines)]
        if None in found:
            raise _damaged(self._path)
        return {one[1].decode(): one[2].decode() for one in found if one is not None}

    def of(self, user_id: str) -> frozenset[str]:
        """The ids of a user's erasures; raises StoreDamaged, and StoreUnavailable as `note`."""
        try:
            with self._locked() as file:
                mark = _mark(_key(self._path, file), user_id)
            return frozenset(one for one, of in self.marks().items() if of == mark)
        except OSError as error:
            raise _unwritable(error) from error

    def marked(self, users: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Each of these users after its mark."""
        with self._locked() as file:
            key = _key(self._path, file)
        for user_id in users:
            yield _mark(key, user_id), user_id

    @contextmanager
    def _locked(self, flags: int = 0) -> Iterator[BinaryIO]:
        """The file under an exclusive lock, with its first line, without a partial last line."""
        descriptor = os.open(self._path, os.O_RDWR | flags, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _mend(self._path, file)
            yield file


def _mend(path: Path, file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    if size < _HEAD_LENGTH:
        _begin(path, file)
        return
    _key(path, file)
    if torn := (size - _HEAD_LENGTH) % _LINE_LENGTH:
        file.truncate(size - torn)
        _sync(file)


def _begin(path: Path, file: BinaryIO) -> None:
    """Write the first line; a part of it that is there already must be one."""
    file.seek(0)
    found = file.read()
    if not found.startswith(_HEAD[: len(found)]):
        raise _damaged(path)
    file.seek(0)
    file.write(_HEAD + secrets.token_hex(_KEY_BYTES).encode() + b"\n")
    _sync(file)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


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


def _starts(lines: bytes) -> range:
    return range(0, len(lines), _LINE_LENGTH)


def _line(key: bytes, erasure: Erasure) -> bytes:
    return f"{erasure.id} {_mark(key, erasure.user_id)}\n".encode()


def _mark(key: bytes, user_id: str) -> str:
    return hmac.digest(key, user_id.encode(), "sha256").hex()


def _unwritable(error: OSError) -> StoreUnavailable:
    return unavailable(
        f"the erasure journal cannot be written ({error.strerror}): nothing was erased"
    )


def _damaged(path: Path) -> StoreDamaged:
    return StoreDamaged(
        f"the erasure journal {path} is damaged, and nothing was changed: restore it from its "
        "copy, or move it away, and what the store still knows of erasures is written anew"
    )
