"""Files of secret keys apart from the database: one key a line, the newest first.

A line is 32 random bytes in base64, or more than 32. Every key of a file is used, so that a new one
can be spread before an old one is taken away.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from decision_service.pipeline.history.keys import SMALLEST_KEY
from decision_service.small_file import read_small
from decision_service.storage.address import SqliteFile, parse_store_url
from decision_service.storage.errors import KeysUnfit

MOST_KEYS = 4


class FiledKey(Protocol):
    """A key of a file."""

    @property
    def id(self) -> bytes:
        """Derived from the key and no secret."""


K = TypeVar("K", bound=FiledKey)


class KeyFile(Generic[K]):
    """One kind of key file: what its keys are called, and the key of a line's bytes.

    `of` raises ValueError for too few bytes. `needed` says what the store holds by its keys, `way`
    what else may be done than to put back a `{key}` that is lost.
    """

    def __init__(self, name: str, of: Callable[[bytes], K], *, needed: str, way: str = "") -> None:
        self.name = name
        self._needed, self._way = needed, way
        self.command = f"{name.replace(' ', '-')}s"
        self.setting = f"DECISION_{name.replace(' ', '_').upper()}_FILE"
        self._program = f"decision-service {self.command}"
        self._of = of

    def beside(self, url: str) -> Path | None:
        """The file beside a SQLite store; None beside PostgreSQL. Raises StoreUrlInvalid."""
        address = parse_store_url(url)
        return address.companion(f".{self.command}") if isinstance(address, SqliteFile) else None

    def open(
        self, path: Path | None, used: Collection[bytes], beside: Path | None
    ) -> tuple[K, ...]:
        """The keys for a store that needs those with `used` ids; none where no file is named.

        `beside` is the file where none is named, made unless keys are needed already. Raises
        KeysUnfit.
        """
        create = path is None and not used
        path = path or beside
        keys = () if path is None else self.read(path, create=create)
        lost = sorted(one.hex() for one in {*used} - {key.id for key in keys})
        if lost:
            where = f"which {path} lacks" if path else f"and {self.setting} is not set"
            raise KeysUnfit(
                f"the store holds {self._needed} the {self.name} {lost[0]}, {where}: put the key "
                f"back{self._way.format(key=lost[0])}"
            )
        return keys

    def read(self, path: Path, *, create: bool = False) -> tuple[K, ...]:
        """The keys of a file; with `create` a missing file is made with one. Raises KeysUnfit."""
        if create and not path.exists():
            self.add(path)
        keys = tuple(self._key(path, number, line) for number, line in self._lines(path))
        if not keys:
            raise self._unfit(path, f"holds no key: `{self._program} add` writes one")
        if len(keys) > MOST_KEYS:
            told = f"holds {len(keys)} keys and at most {MOST_KEYS} are used: remove some"
            raise self._unfit(path, told)
        if len({key.id for key in keys}) < len(keys):
            raise self._unfit(path, "holds one key twice: remove one of the lines")
        return keys

    def add(self, path: Path) -> K:
        """Put a new key first, in a file that its owner alone can read; raises KeysUnfit."""
        secret = secrets.token_bytes(SMALLEST_KEY)
        try:
            before = read_small(path)
        except FileNotFoundError:
            before = b""
        except OSError as error:
            way = f"set {self.setting} to one that `{self._program} add` makes"
            raise self._unfit(path, f"cannot be read ({error.strerror}): {way}") from None
        self._replace(path, base64.b64encode(secret) + b"\n" + before)
        return self._of(secret)

    def remove(self, path: Path, key_id: bytes) -> None:
        """Take a key's line out of the file, if it is there; raises KeysUnfit."""
        lines = self._text(path).splitlines(keepends=True)
        gone = {n for n, line in self._lines(path) if self._key(path, n, line).id == key_id}
        kept = [line for number, line in enumerate(lines, 1) if number not in gone]
        self._replace(path, "".join(kept).encode())

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            fresh = path.with_name(f"{path.name}.new")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
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
            way = f"set {self.setting} to one that `{self._program} add` makes"
            raise self._unfit(path, f"cannot be read ({error.strerror}): {way}") from None
        except UnicodeDecodeError:
            raise self._unfit(path, "holds something else than keys in base64") from None

    def _key(self, path: Path, number: int, line: str) -> K:
        try:
            return self._of(base64.b64decode(line, validate=True))
        except (binascii.Error, ValueError):
            raise self._unfit(
                path, f"has no key of {SMALLEST_KEY} bytes in base64 on line {number}"
            ) from None

    def _unfit(self, path: Path, why: str) -> KeysUnfit:
        return KeysUnfit(f"the {self.name} file {path} {why}")
