"""The file of secret keys by which accounts and persons are hashed, apart from the database.

One key a line, the newest first: 32 random bytes in base64, or at least 32 characters. Hashes are
made under every key of the file, so that a new key can be spread before an old one is taken away.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path

from decision_service.pipeline.history.keys import SMALLEST_KEY, IdentityKey
from decision_service.small_file import read_small
from decision_service.storage.address import SqliteFile, parse_store_url
from decision_service.storage.errors import IdentityKeysUnfit

MOST_KEYS = 4


def default_file(url: str) -> Path | None:
    """The file beside a SQLite store; None beside PostgreSQL. Raises StoreUrlInvalid."""
    address = parse_store_url(url)
    return address.companion(".identity-keys") if isinstance(address, SqliteFile) else None


def open_keys(path: Path, *, create: bool = False) -> tuple[IdentityKey, ...]:
    """The keys of a file; with `create` a missing file is made with one.

    Raises IdentityKeysUnfit.
    """
    if create and not path.exists():
        add_key(path)
    keys = tuple(_key(path, number, line) for number, line in _lines(path))
    if not keys:
        raise _unfit(path, "holds no key: `decision-service identity-keys add` writes one")
    if len(keys) > MOST_KEYS:
        raise _unfit(path, f"holds {len(keys)} keys and at most {MOST_KEYS} are used: remove some")
    if len({key.id for key in keys}) < len(keys):
        raise _unfit(path, "holds one key twice: remove one of the lines")
    return keys


def add_key(path: Path) -> IdentityKey:
    """Put a new key first, in a file that its owner alone can read; raises IdentityKeysUnfit."""
    secret = secrets.token_bytes(SMALLEST_KEY)
    try:
        fresh = path.with_name(f"{path.name}.new")
        before = read_small(path) if path.exists() else b""
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secret) + b"\n" + before)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except ValueError:
        raise _unfit(path, "is no name of a file") from None
    except OSError as error:
        raise _unfit(path, f"cannot be written ({error.strerror})") from None
    return IdentityKey.of(secret)


def require_known(path: Path | None, keys: Sequence[IdentityKey], used: Collection[bytes]) -> None:
    """Raise IdentityKeysUnfit where the store holds hashes under a key that is not there."""
    lost = sorted(one.hex() for one in {*used} - {key.id for key in keys})
    if lost:
        where = f"which {path} lacks" if path else "and DECISION_IDENTITY_KEY_FILE is not set"
        raise IdentityKeysUnfit(
            f"the store holds hashes under the identity key {lost[0]}, {where}: put the key back, "
            f"or run `decision-service identity-keys forget {lost[0]}`, after which second uses "
            "that it found are not found again"
        )


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = read_small(path).decode("ascii")
    except OSError as error:
        raise _unfit(path, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise _unfit(path, "holds something else than keys in base64") from None
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _key(path: Path, number: int, line: str) -> IdentityKey:
    try:
        return IdentityKey.of(base64.b64decode(line, validate=True))
    except (binascii.Error, ValueError):
        raise _unfit(
            path, f"has no key of {SMALLEST_KEY} bytes in base64 on line {number}"
        ) from None


def _unfit(path: Path, why: str) -> IdentityKeysUnfit:
    return IdentityKeysUnfit(f"the identity key file {path} {why}")
