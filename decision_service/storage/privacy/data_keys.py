"""Data keys: they wrap each user's key, so that the database alone opens nothing (envelopes)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from decision_service.pipeline.history.keys import KEY_ID_BYTES, SMALLEST_KEY
from decision_service.storage.errors import KeysUnfit, unavailable
from decision_service.storage.privacy.key_files import KeyFile
from decision_service.storage.privacy.sealing import KEY_BYTES, opened, sealed

_INFO = b"decision-service data key"


class DataKey(msgspec.Struct, frozen=True):
    """A key of keys, derived from a secret of the file; `id` is derived from it and no secret."""

    key: bytes
    id: bytes

    @classmethod
    def of(cls, secret: bytes) -> DataKey:
        """The key of at least 32 bytes; raises ValueError for fewer."""
        if len(secret) < SMALLEST_KEY:
            raise ValueError(f"a key has {len(secret)} bytes: {SMALLEST_KEY} are needed")
        key = HKDF(SHA256(), KEY_BYTES, salt=None, info=_INFO).derive(secret)
        return cls(key, hashlib.blake2b(b"id", key=key, digest_size=KEY_ID_BYTES).digest())

    def __repr__(self) -> str:
        """Name the key by its id alone."""
        return f"DataKey({self.id.hex()})"


DATA_KEYS = KeyFile("data key", DataKey.of, needed="users' keys that are wrapped by")


class StoredKey(msgspec.Struct, frozen=True):
    """A user's key as the database has it; `wrapped_by` is a data key's id, None for a plain key.

    The names are those of the columns.
    """

    key: bytes
    wrapped_by: bytes | None


class DataKeys:
    """Wraps users' keys by the newest data key; leaves them plain where there is no data key."""

    def __init__(self, path: Path | None = None, keys: tuple[DataKey, ...] = ()) -> None:
        self.newest = keys[0] if keys else None
        """The key that wraps."""
        self._path = path
        self._by_id = {key.id: key for key in keys}

    def wrap(self, key: bytes, about: str) -> StoredKey:
        """A user's key as it is to be stored, bound to what it is the key of."""
        if self.newest is None:
            return StoredKey(key, None)
        return StoredKey(sealed(self.newest.key, key, about), self.newest.id)

    def unwrap(self, stored: StoredKey, about: str) -> bytes:
        """The key that was wrapped; raises StoreUnavailable where its data key is not there."""
        if stored.wrapped_by is None:
            return stored.key
        return opened(self._named(stored.wrapped_by).key, stored.key, about)

    def _named(self, key_id: bytes) -> DataKey:
        """A data key by id. The file is read for one that another process has wrapped by since."""
        if key_id not in self._by_id:
            self._by_id.update((key.id, key) for key in self._read_again())
        if key_id in self._by_id:
            return self._by_id[key_id]
        raise unavailable(
            f"stored data needs the data key {key_id.hex()}, which this process lacks: put it into "
            f"the file of {DATA_KEYS.setting}, and start the process again"
        )

    def _read_again(self) -> tuple[DataKey, ...]:
        try:
            return () if self._path is None else DATA_KEYS.read(self._path)
        except KeysUnfit:
            return ()


PLAIN = DataKeys()
"""No data keys: users' keys are stored as they are."""
