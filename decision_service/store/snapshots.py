"""Personal data under each user's key: snapshots, remains of accounts, consent, removal."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import asdict
from sqlalchemy import Connection, Table, bindparam, delete, exists, insert, select, tuple_, update

from decision_service.decide.application import IdentityKey
from decision_service.decide.flow import UserCache
from decision_service.domain.accounts import INCOME_KINDS, Kind
from decision_service.domain.ports import Disconnected, Erased, SnapshotBody, UserState
from decision_service.domain.snapshot import KnownCount
from decision_service.store import events, history
from decision_service.store.decisions import forget_applicants, from_microseconds, microseconds
from decision_service.store.dialect import insert_new, padded, raise_each
from decision_service.store.errors import unavailable
from decision_service.store.keys import PLAIN, DataKeys, StoredKey, about, new_key, opened, sealed
from decision_service.store.reviews import erase as end_reviews
from decision_service.store.tables import (
    applicants,
    arm_decisions,
    consents,
    decisions,
    ended_incomes,
    erasures,
    known_counts,
    link_tokens,
    loan_outcomes,
    notices,
    review_events,
    reviews,
    shadow_results,
    snapshots,
    warm,
)

_TABLES = (shadow_results, decisions, loan_outcomes, notices, reviews, review_events)

DecisionPlace = tuple[str, int, str]
"""A decision by product, instant and id: where its row for its rollout is, too."""

PLACE = (decisions.c.product, decisions.c.created, decisions.c.decision_id)
_HELD_DECISIONS = (
    select(decisions.c.decision_id)
    .where(decisions.c.decision_id.in_(bindparam("ids", expanding=True)))
    .order_by(decisions.c.decision_id)
    .with_for_update()
)
_HELD_REVIEWS = (
    select(reviews.c.review_id)
    .where(reviews.c.decision_id.in_(bindparam("ids", expanding=True)))
    .order_by(reviews.c.review_id)
    .with_for_update()
)
_ARM_ROW = tuple_(*(arm_decisions.c[column.name] for column in PLACE))

_C, _KNOWN = ended_incomes.c, known_counts.c
_OF_INCOME = sorted(kind.value for kind in INCOME_KINDS | {Kind.TRANSACTIONS})
_LAST_MONTHS = select(_KNOWN.source, _KNOWN.kind, _KNOWN.newest).where(
    _KNOWN.user_id == bindparam("user"),
    _KNOWN.source.in_(bindparam("accounts", expanding=True)),
    _KNOWN.kind.in_(_OF_INCOME),
    _KNOWN.newest.is_not(None),
)
_ROW = select(_C.key, _C.wrapped_by, _C.body).where(_C.user_id == bindparam("user"))
_EPOCHS = select(consents.c.user_id, consents.c.epoch).where(
    consents.c.user_id.in_(bindparam("users", expanding=True))
)
_HELD = (
    select(consents.c.user_id)
    .where(consents.c.user_id.in_(bindparam("users", expanding=True)))
    .order_by(consents.c.user_id)
    .with_for_update(key_share=True)
)
_KEYS = select(consents.c.user_id, consents.c.key, consents.c.wrapped_by).where(
    consents.c.user_id.in_(bindparam("users", expanding=True)), consents.c.key.is_not(None)
)
PackedKey = tuple[str, str]
"""(user_id, snapshot_id)"""

_KEY = tuple_(snapshots.c.user_id, snapshots.c.snapshot_id)
_PRESENT = select(*_KEY.clauses).where(_KEY.in_(bindparam("keys", expanding=True)))
_SEALED = (
    select(snapshots.c.body, consents.c.key, consents.c.wrapped_by)
    .join(consents, consents.c.user_id == snapshots.c.user_id)
    .where(
        snapshots.c.user_id == bindparam("user_id"),
        snapshots.c.snapshot_id == bindparam("snapshot_id"),
        consents.c.key.is_not(None),
    )
)
_COUNTED = (
    select(_KNOWN.source, _KNOWN.kind, _KNOWN["count"], _KNOWN.newest)
    .where(_KNOWN.user_id == bindparam("user"))
    .order_by(_KNOWN.source, _KNOWN.kind)
)
REMEMBERED_BYTES = 32 << 20
_NO_MONTH = -1


def of_user(connection: Connection, user_id: str) -> Sequence[DecisionPlace]:
    found = select(*PLACE).where(decisions.c.user_id == user_id)
    return places(connection.execute(found.order_by(decisions.c.decision_id)))


def hold_decisions(connection: Connection, rows: Sequence[DecisionPlace]) -> None:
    """Lock decisions and then their reviews until the transaction ends.

    Reports and reviews lock these before the history, which deletions change next: in another order
    each would wait for the other until the server gives up.
    """
    ids = padded([row[2] for row in rows])
    for held in (_HELD_DECISIONS, _HELD_REVIEWS):
        if ids:
            connection.execute(held, {"ids": ids})


def places(found: Iterable[Sequence[Any]]) -> Sequence[DecisionPlace]:
    return [(row[0], row[1], row[2]) for row in found]


def remove(connection: Connection, rows: Sequence[DecisionPlace]) -> None:
    if not rows:
        return
    hold_decisions(connection, rows)
    arms = _ARM_ROW.in_(bindparam("rows", expanding=True))
    connection.execute(delete(arm_decisions).where(arms), {"rows": padded(rows)})
    ids = [row[2] for row in rows]
    gone = history.remove(connection, ids)
    for table in _TABLES:
        chosen = table.c.decision_id.in_(bindparam("ids", expanding=True))
        of = gone if table is loan_outcomes else ids
        connection.execute(delete(table).where(chosen), {"ids": padded(of)})


class _Left(msgspec.Struct, frozen=True, array_like=True):
    """The newest month with income of an account and kind; `until` is in microseconds."""

    source: str
    kind: Kind
    newest: int
    until: int


_DECODER = msgspec.msgpack.Decoder(list[_Left])


def remains(connection: Connection, user_id: str, data_keys: DataKeys) -> Sequence[KnownCount]:
    """The remains of a user's accounts, in order of source and kind, without counts."""
    found = _read(connection, user_id, data_keys)
    return [KnownCount(one.source, one.kind, 0, one.newest) for one in found]


def settle(
    connection: Connection,
    user_id: str,
    disconnected: Disconnected | None,
    data_keys: DataKeys,
) -> bool:
    """Before a user's counts are deleted, keep the newest months of disconnected accounts.

    What is there already of an account stays as long as it was to be kept then. Returns whether
    anything was there that is not kept.
    """
    if disconnected is None or not disconnected.accounts:
        return _write(connection, user_id, [], data_keys)
    before = _read(connection, user_id, data_keys, lock=True)
    kept = {(one.source, one.kind): one for one in before if one.source in disconnected.accounts}
    accounts = padded(sorted(disconnected.accounts))
    until = microseconds(disconnected.until)
    for source, kind, newest in connection.execute(
        _LAST_MONTHS, {"user": user_id, "accounts": accounts}
    ):
        kept[source, Kind(kind)] = _Left(source, Kind(kind), newest, until)
    _write(connection, user_id, [kept[key] for key in sorted(kept)], data_keys)
    return any(one.source not in disconnected.accounts for one in before)


def forget(connection: Connection, now: datetime, data_keys: DataKeys) -> None:
    at = microseconds(now)
    due = select(_C.user_id).where(_C.until <= at).order_by(_C.user_id)
    for row in connection.execute(due).all():
        found = _read(connection, row[0], data_keys, lock=True)
        _write(connection, row[0], [one for one in found if one.until > at], data_keys)


def _read(
    connection: Connection, user_id: str, data_keys: DataKeys, *, lock: bool = False
) -> Sequence[_Left]:
    statement = _ROW.with_for_update() if lock else _ROW
    row = connection.execute(statement, {"user": user_id}).first()
    if row is None:
        return []
    key = data_keys.unwrap(StoredKey(row[0], row[1]), about(ended_incomes, user_id))
    return _DECODER.decode(opened(key, row[2], _about(user_id)))


def _write(
    connection: Connection, user_id: str, found: Sequence[_Left], data_keys: DataKeys
) -> bool:
    """Replace the user's remains by these, under a new key; whether there were any."""
    before = connection.execute(delete(ended_incomes).where(_C.user_id == user_id)).rowcount > 0
    if not found:
        return before
    key = new_key()
    row = {
        "user_id": user_id,
        **msgspec.structs.asdict(data_keys.wrap(key, about(ended_incomes, user_id))),
        "body": sealed(key, msgspec.msgpack.encode(found), _about(user_id)),
        "until": min(one.until for one in found),
    }
    connection.execute(insert(ended_incomes), row)
    return before


def _about(user_id: str) -> str:
    return f"ended {user_id}"


class MoreToErase(Exception):
    """Since the user's last erasure something was stored, which another one would take."""


def epochs(connection: Connection, users: Collection[str]) -> Mapping[str, int]:
    if not users:
        return {}
    found = connection.execute(_EPOCHS, {"users": padded(sorted(users))})
    return {row[0]: row[1] for row in found}


def hold_consents(connection: Connection, users: Collection[str]) -> None:
    """Lock these users' consents until the transaction ends.

    On PostgreSQL an erasure by another connection waits meanwhile, and one that came first is seen
    by the next look. A user of whom nothing is known gets a row, since there is no lock on none.
    """
    if not users or connection.dialect.name != "postgresql":
        return
    wanted = sorted(users)
    rows = [{"user_id": user, "epoch": 0, "key": None} for user in wanted]
    insert_new(connection, consents, rows)
    connection.execute(_HELD, {"users": padded(wanted)})


def user_keys(
    connection: Connection, users: Collection[str], data_keys: DataKeys
) -> Mapping[str, bytes]:
    wanted = sorted(users)
    found = _found(connection, wanted, data_keys)
    lacking = [user for user in wanted if user not in found]
    if not lacking:
        return found
    fresh = {user: asdict(data_keys.wrap(new_key(), about(consents, user))) for user in lacking}
    rows = [{"user_id": user, "epoch": 0, **key} for user, key in fresh.items()]
    insert_new(connection, consents, rows)
    for user, key in fresh.items():
        renewed = update(consents).where(consents.c.user_id == user, consents.c.key.is_(None))
        connection.execute(renewed.values(key))
    return found | _found(connection, lacking, data_keys)


def erase(
    connection: Connection,
    user_id: str,
    erasure_ids: Collection[str],
    disconnected: Disconnected | None = None,
    *,
    now: datetime,
    data_keys: DataKeys = PLAIN,
    identity_keys: Sequence[IdentityKey] = (),
    with_decisions: bool = False,
    repeats: bool = False,
) -> Erased:
    """Destroy a user's key and data, end reviews, bar what was read before, record the erasure.

    Of an open loan the amounts stay, under hashes by the `identity_keys`.

    Earlier erasures that failed, and are in the journal alone, are carried out by this one too: no
    later start repeats them on data that was given since. One that `repeats` an earlier one has no
    id of its own, and raises MoreToErase where something was stored since.
    """
    known = is_known(connection, user_id)
    noted = [{"erasure_id": one, "user_id": user_id} for one in sorted(erasure_ids)]
    insert_new(connection, erasures, noted)
    insert_new(connection, consents, [{"user_id": user_id, "epoch": 0, "key": None}])
    mine = consents.c.user_id == user_id
    had_key = connection.execute(select(consents.c.key.is_not(None)).where(mine)).scalar_one()
    counted = update(consents).where(mine)
    connection.execute(counted.values(epoch=consents.c.epoch + 1, key=None, wrapped_by=None))
    held = of_user(connection, user_id)
    hold_decisions(connection, held)
    taken = [
        had_key,
        end_reviews(connection, user_id, now),
        forget_applicants(connection, user_id),
        history.unlink(connection, user_id, identity_keys),
        settle(connection, user_id, disconnected, data_keys),
        with_decisions and bool(held),
    ]
    gone = _delete(connection, snapshots, user_id)
    others = [_delete(connection, table, user_id) for table in (known_counts, link_tokens)]
    _delete(connection, warm, user_id)  # no more than a quarantine, where there is no snapshot
    events.end_postponed(connection, user_id)
    if with_decisions:
        remove(connection, of_user(connection, user_id))
    if repeats and any((*taken, gone, *others)):
        raise MoreToErase
    return Erased(gone, known)


def _delete(connection: Connection, table: Table, user_id: str) -> int:
    return connection.execute(delete(table).where(table.c.user_id == user_id)).rowcount


def is_known(connection: Connection, user_id: str) -> bool:
    tables = (snapshots, decisions, applicants, link_tokens, warm, known_counts, ended_incomes)
    return any(_has(connection, table, user_id) for table in tables)


def is_erased(connection: Connection, user_id: str) -> bool:
    return _has(connection, erasures, user_id)


def _has(connection: Connection, table: Table, user_id: str) -> bool:
    return connection.execute(select(exists().where(table.c.user_id == user_id))).scalar_one()


def _found(connection: Connection, users: list[str], data_keys: DataKeys) -> dict[str, bytes]:
    found = connection.execute(_KEYS, {"users": padded(users)})
    return {
        user_id: data_keys.unwrap(StoredKey(key, wrapped_by), about(consents, user_id))
        for user_id, key, wrapped_by in found
    }


class PackedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot with its body compressed; `stored` is in microseconds since 1970."""

    user_id: str
    snapshot_id: str
    body: bytes
    counts: tuple[KnownCount, ...]
    stored: int

    @property
    def key(self) -> PackedKey:
        return self.user_id, self.snapshot_id


class Packing:
    """Compresses bodies off the event loop, and caches the last `most` compressed bytes.

    A warm applicant's decisions all carry the same snapshot; compressing it costs more than all
    else that is stored with them.
    """

    def __init__(self, most: int = REMEMBERED_BYTES) -> None:
        self._bodies: UserCache[bytes] = UserCache(most, len)

    async def pack(self, snapshot: SnapshotBody, stored: int) -> PackedSnapshot:
        key, since = (snapshot.user_id, snapshot.id), self._bodies.forgotten
        body = self._bodies.get(key)
        if body is None:
            body = await asyncio.to_thread(zlib.compress, snapshot.body)
            self._bodies.keep(key, body, since)
        return PackedSnapshot(*key, body, snapshot.counts, stored)

    def forget(self, user_id: str) -> None:
        self._bodies.forget(user_id)


async def unpack(body: bytes) -> bytes:
    """The body as it was given, expanded off the event loop; raises StoreUnavailable on damage."""
    try:
        return await asyncio.to_thread(zlib.decompress, body)
    except zlib.error as error:
        raise unavailable("a stored snapshot is damaged: restore the store's backup") from error


def record(connection: Connection, packed: Iterable[PackedSnapshot], data_keys: DataKeys) -> None:
    """Store new snapshots and raise the known counts; one that is there has left its counts."""
    by_key = {one.key: one for one in packed}
    keys = {"keys": padded([*by_key])}
    for user_id, snapshot_id in connection.execute(_PRESENT, keys) if by_key else ():
        del by_key[user_id, snapshot_id]
    new = [by_key[key] for key in sorted(by_key)]
    if not new:
        return
    of_users = user_keys(connection, {one.user_id for one in new}, data_keys)
    rows = [
        {
            "user_id": one.user_id,
            "snapshot_id": one.snapshot_id,
            "body": sealed(of_users[one.user_id], one.body, one.snapshot_id),
            "stored": one.stored,
        }
        for one in new
    ]
    insert_new(connection, snapshots, rows)
    raise_each(connection, known_counts, ("count", "newest"), _counts(new))


def drop_unused(connection: Connection, user_id: str, snapshot_id: str) -> None:
    decided = select(decisions.c.decision_id).where(
        decisions.c.user_id == user_id, decisions.c.snapshot_id == snapshot_id
    )
    serving = select(warm.c.user_id).where(
        warm.c.user_id == user_id, warm.c.snapshot_id == snapshot_id
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
    key = data_keys.unwrap(StoredKey(found[1], found[2]), about(consents, user_id))
    return opened(key, found[0], snapshot_id)


def earlier(connection: Connection, user_id: str, most: int) -> Sequence[tuple[str, datetime]]:
    c = snapshots.c
    found = select(c.snapshot_id, c.stored).where(c.user_id == user_id)
    rows = connection.execute(found.order_by(c.stored.desc(), c.snapshot_id).limit(most))
    return [(row[0], from_microseconds(row[1])) for row in rows]


def user_state(connection: Connection, user_id: str, data_keys: DataKeys) -> UserState:
    epoch = epochs(connection, (user_id,)).get(user_id, 0)
    last, quarantined = events.mark(connection, user_id)
    counts = connection.execute(_COUNTED, {"user": user_id})
    known = tuple(KnownCount(row[0], Kind(row[1]), *row[2:]) for row in counts)
    left = tuple(remains(connection, user_id, data_keys))
    return UserState(known, epoch, last, quarantined, left)


def _counts(packed: Sequence[PackedSnapshot]) -> Sequence[Mapping[str, object]]:
    """One row per (user, source, kind), the highest where several snapshots have one."""
    highest: dict[tuple[str, str, str], tuple[int, int]] = {}
    for one in packed:
        for count in one.counts:
            key = (one.user_id, count.source, count.kind.value)
            most, newest = highest.get(key, (0, _NO_MONTH))
            month = _NO_MONTH if count.newest is None else count.newest
            highest[key] = (max(count.count, most), max(month, newest))
    return [
        {
            "user_id": user_id,
            "source": source,
            "kind": kind,
            "count": most,
            "newest": None if newest == _NO_MONTH else newest,
        }
        for (user_id, source, kind), (most, newest) in sorted(highest.items())
    ]
