"""Snapshots of applicants, once per content, and the record counts taken from them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, tuple_

from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import KnownCount
from decision_service.pipeline.ports import SnapshotBody, UserState
from decision_service.storage.errors import unavailable
from decision_service.storage.privacy import consents, ended
from decision_service.storage.privacy.data_keys import DataKeys, StoredKey
from decision_service.storage.privacy.sealing import opened, sealed
from decision_service.storage.privacy.wrapping import about
from decision_service.storage.queries import warm
from decision_service.storage.queries.decisions import from_microseconds
from decision_service.storage.queries.dialect import insert_new, padded, raise_each
from decision_service.storage.schema import tables
from decision_service.storage.schema.tables import known_counts, snapshots
from decision_service.user_cache import UserCache

PackedKey = tuple[str, str]
"""(user_id, snapshot_id)"""

_KEY = tuple_(snapshots.c.user_id, snapshots.c.snapshot_id)
_PRESENT = select(*_KEY.clauses).where(_KEY.in_(bindparam("keys", expanding=True)))
_SEALED = (
    select(snapshots.c.body, tables.consents.c.key, tables.consents.c.wrapped_by)
    .join(tables.consents, tables.consents.c.user_id == snapshots.c.user_id)
    .where(
        snapshots.c.user_id == bindparam("user_id"),
        snapshots.c.snapshot_id == bindparam("snapshot_id"),
        tables.consents.c.key.is_not(None),
    )
)
REMEMBERED_BYTES = 32 << 20


class PackedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot with its body compressed; `stored` is in microseconds since 1970."""

    user_id: str
    snapshot_id: str
    body: bytes
    counts: tuple[KnownCount, ...]
    stored: int

    @property
    def key(self) -> PackedKey:
        """User id and snapshot id."""
        return self.user_id, self.snapshot_id


class Packing:
    """Compresses bodies off the event loop, and caches the last `most` compressed bytes.

    A warm applicant's decisions all carry the same snapshot; compressing it costs more than all
    else that is stored with them.
    """

    def __init__(self, most: int = REMEMBERED_BYTES) -> None:
        self._bodies: UserCache[bytes] = UserCache(most, len)

    async def pack(self, snapshot: SnapshotBody, stored: int) -> PackedSnapshot:
        """The snapshot ready to be stored."""
        key, since = (snapshot.user_id, snapshot.id), self._bodies.forgotten
        body = self._bodies.get(key)
        if body is None:
            body = await asyncio.to_thread(zlib.compress, snapshot.body)
            self._bodies.keep(key, body, since)
        return PackedSnapshot(*key, body, snapshot.counts, stored)

    def forget(self, user_id: str) -> None:
        """Drop a user's bodies."""
        self._bodies.forget(user_id)


async def unpack(body: bytes) -> bytes:
    """The body as it was given, expanded off the event loop; raises StoreUnavailable on damage."""
    try:
        return await asyncio.to_thread(zlib.decompress, body)
    except zlib.error as error:
        raise unavailable("a stored snapshot is damaged: restore the store's backup") from error


def record(connection: Connection, packed: Iterable[PackedSnapshot], data_keys: DataKeys) -> None:
    """Store each new snapshot, and raise the known counts to its counts.

    One that is there already has left its counts: they follow from its content.
    """
    by_key = {one.key: one for one in packed}
    for key in _present(connection, by_key):
        del by_key[key]
    new = [by_key[key] for key in sorted(by_key)]
    if not new:
        return
    keys = consents.keys(connection, {one.user_id for one in new}, data_keys)
    insert_new(connection, snapshots, [_row(one, keys[one.user_id]) for one in new])
    raise_each(connection, known_counts, ("count", "newest"), _counts(new))


def drop_unused(connection: Connection, user_id: str, snapshot_id: str) -> None:
    """Delete a snapshot that no decision rests on and that may not serve."""
    decided = select(tables.decisions.c.decision_id).where(
        tables.decisions.c.user_id == user_id, tables.decisions.c.snapshot_id == snapshot_id
    )
    serving = select(tables.warm.c.user_id).where(
        tables.warm.c.user_id == user_id, tables.warm.c.snapshot_id == snapshot_id
    )
    unused = delete(snapshots).where(
        snapshots.c.user_id == user_id,
        snapshots.c.snapshot_id == snapshot_id,
        ~decided.exists(),
        ~serving.exists(),
    )
    connection.execute(unused)


def body(
    connection: Connection, user_id: str, snapshot_id: str, data_keys: DataKeys
) -> bytes | None:
    """The compressed body of a snapshot, if it is there and its key was not destroyed."""
    found = connection.execute(_SEALED, {"user_id": user_id, "snapshot_id": snapshot_id}).first()
    if found is None:
        return None
    key = data_keys.unwrap(StoredKey(found[1], found[2]), about(tables.consents, user_id))
    return opened(key, found[0], snapshot_id)


def earlier(connection: Connection, user_id: str, most: int) -> Sequence[tuple[str, datetime]]:
    """The ids of a user's newest snapshots with when each was stored first, the last one first."""
    c = snapshots.c
    found = select(c.snapshot_id, c.stored).where(c.user_id == user_id)
    rows = connection.execute(found.order_by(c.stored.desc(), c.snapshot_id).limit(most))
    return [(row[0], from_microseconds(row[1])) for row in rows]


def user_state(connection: Connection, user_id: str, data_keys: DataKeys) -> UserState:
    """A user's state: counts in order of source and kind, consent, last reading."""
    epoch = consents.epochs(connection, (user_id,)).get(user_id, 0)
    last, quarantined = warm.mark(connection, user_id)
    known = tuple(_known(connection, user_id))
    left = tuple(ended.left(connection, user_id, data_keys))
    return UserState(known, epoch, last, quarantined, left)


def _known(connection: Connection, user_id: str) -> Sequence[KnownCount]:
    c = known_counts.c
    columns = (c.source, c.kind, c["count"], c.newest)
    found = select(*columns).where(c.user_id == user_id).order_by(c.source, c.kind)
    return [KnownCount(row[0], Kind(row[1]), *row[2:]) for row in connection.execute(found)]


def _present(connection: Connection, keys: Mapping[PackedKey, object]) -> Sequence[PackedKey]:
    if not keys:
        return ()
    found = connection.execute(_PRESENT, {"keys": padded([*keys])})
    return [(row[0], row[1]) for row in found]


def _row(one: PackedSnapshot, key: bytes) -> Mapping[str, object]:
    return {
        "user_id": one.user_id,
        "snapshot_id": one.snapshot_id,
        "body": sealed(key, one.body, one.snapshot_id),
        "stored": one.stored,
    }


def _counts(packed: Sequence[PackedSnapshot]) -> Sequence[Mapping[str, object]]:
    """One row per (user, source, kind), the highest where several snapshots tell."""
    highest: dict[tuple[str, str, str], tuple[int, int]] = {}
    for one in packed:
        for count in one.counts:
            key = (one.user_id, count.source, count.kind.value)
            most, newest = highest.get(key, (0, _NO_MONTH))
            month = _NO_MONTH if count.newest is None else count.newest
            highest[key] = (max(count.count, most), max(month, newest))
    return [_count_row(key, *highest[key]) for key in sorted(highest)]


def _count_row(key: tuple[str, str, str], most: int, newest: int) -> Mapping[str, object]:
    names = ("user_id", "source", "kind", "count", "newest")
    month = None if newest == _NO_MONTH else newest
    return dict(zip(names, (*key, most, month), strict=True))


_NO_MONTH = -1
