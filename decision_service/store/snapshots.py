"""Personal data under each user's key: snapshots, which may serve, remains, and consent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import itemgetter

import msgspec
import sqlalchemy as sa
from msgspec.structs import asdict

from decision_service.decide.flow import UserCache
from decision_service.decide.snapshots import AHEAD
from decision_service.domain.accounts import INCOME_KINDS, Kind
from decision_service.domain.needs import FetchPlan
from decision_service.domain.ports import Disconnected, SnapshotBody, UserState, WarmMark
from decision_service.domain.snapshot import KnownCount
from decision_service.store import columns
from decision_service.store.decisions import decisions
from decision_service.store.engine import Database, Subject, reads
from decision_service.store.keys import DataKeys, StoredKey, about, new_key, opened, sealed

snapshots = sa.Table(
    "snapshots",
    columns.metadata,
    sa.Column("user_id", columns.TEXT, primary_key=True),
    sa.Column("snapshot_id", columns.TEXT, primary_key=True),
    sa.Column("body", columns.BODY, nullable=False),
    sa.Column("stored", sa.BigInteger, nullable=False),
    info=columns.of_person("user_id", columns.ErasedBy.ERASURE),
)
"""Bodies, encrypted by the user's key; `stored` is the first decision's instant."""

consents = sa.Table(
    "consents",
    columns.metadata,
    sa.Column("user_id", columns.TEXT, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False, info=columns.INNER),
    sa.Column("key", sa.LargeBinary, info=columns.SECRET),
    sa.Column("wrapped_by", sa.LargeBinary, info=columns.SECRET),
    info=columns.of_person(
        "user_id",
        columns.ErasedBy.NOTHING,
        "its count bars data that was read before; the key is destroyed",
    ),
)
"""How often each user withdrew consent, and the key of what is stored of it since.

The key is wrapped by the data key whose id is `wrapped_by`; where that is null it is plain.
Destroying the key makes the snapshots unreadable wherever copies of them are.
"""

warm = sa.Table(
    "warm",
    columns.metadata,
    sa.Column("user_id", columns.TEXT, primary_key=True),
    sa.Column("snapshot_id", columns.TEXT),
    sa.Column("fetched", sa.BigInteger, nullable=False),
    sa.Column("looked", sa.BigInteger, nullable=False),
    sa.Column(
        "plan", sa.LargeBinary, nullable=False, info=columns.withheld("what the rules ask for")
    ),
    sa.Column("quarantined", sa.BigInteger, nullable=False),
    sa.Column("oldest", sa.BigInteger, nullable=False),
    info=columns.of_person("user_id", columns.ErasedBy.ERASURE),
)
"""The reading of each user that may serve again, if it is later than the quarantine.

`snapshot_id` is null where a user was quarantined before anything was read. `oldest` is when the
oldest part of the reading was read.
"""

known_counts = sa.Table(
    "known_counts",
    columns.metadata,
    sa.Column("user_id", columns.TEXT, primary_key=True),
    sa.Column("source", columns.TEXT, primary_key=True),
    sa.Column("kind", columns.TEXT, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("newest", sa.BigInteger),
    info=columns.of_person("user_id", columns.ErasedBy.ERASURE),
)
"""The most records of a kind that one source of a user ever gave, and the newest month of them.

The month is a `Month.index`, of kinds of income and of records above zero alone.
"""

ended_incomes = sa.Table(
    "ended_incomes",
    columns.metadata,
    sa.Column("user_id", columns.TEXT, primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False, info=columns.SECRET),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("wrapped_by", sa.LargeBinary, info=columns.SECRET),
    info=columns.of_person("user_id", columns.ErasedBy.ERASURE),
)
"""What is left of disconnected accounts, encrypted: the last month with income of each kind.

`until` is when the first of it is to be deleted; key and `wrapped_by` are as in `consents`.
"""
for _table in (consents, ended_incomes):
    _has_key = _table.c.key.is_not(None)
    sa.Index(
        f"{_table}_wrapped_by",
        _table.c.wrapped_by,
        sqlite_where=_has_key,
        postgresql_where=_has_key,
    )


_WARM = warm.c
# Below every instant, so that the first reading and the first quarantine are later than it.
_NEVER = -1
_UNREAD = {"snapshot_id": None, "fetched": _NEVER, "looked": _NEVER, "plan": b"", "oldest": _NEVER}
_MARK = sa.select(
    _WARM.snapshot_id, _WARM.fetched, _WARM.looked, _WARM.plan, _WARM.oldest, _WARM.quarantined
).where(_WARM.user_id == sa.bindparam("user"), _WARM.snapshot_id.is_not(None))
_PLANS = msgspec.msgpack.Decoder(FetchPlan)
_C = ended_incomes.c
_KNOWN = known_counts.c
_OF_INCOME = sorted(kind.value for kind in INCOME_KINDS | {Kind.TRANSACTIONS})
_LAST_MONTHS = sa.select(_KNOWN.source, _KNOWN.kind, _KNOWN.newest).where(
    _KNOWN.user_id == sa.bindparam("user"),
    _KNOWN.source.in_(sa.bindparam("accounts", expanding=True)),
    _KNOWN.kind.in_(_OF_INCOME),
    _KNOWN.newest.is_not(None),
)
_ROW = sa.select(_C.key, _C.wrapped_by, _C.body).where(_C.user_id == sa.bindparam("user"))
_EPOCHS = sa.select(consents.c.user_id, consents.c.epoch).where(
    consents.c.user_id.in_(sa.bindparam("users", expanding=True))
)
# An erasure begins with the same rows in the same order.
_HELD = (
    sa.select(consents.c.user_id)
    .where(consents.c.user_id.in_(sa.bindparam("users", expanding=True)))
    .order_by(consents.c.user_id)
    .with_for_update(key_share=True)
)
_KEYS = sa.select(consents.c.user_id, consents.c.key, consents.c.wrapped_by).where(
    consents.c.user_id.in_(sa.bindparam("users", expanding=True)), consents.c.key.is_not(None)
)
_KEY = sa.tuple_(snapshots.c.user_id, snapshots.c.snapshot_id)
_PRESENT = sa.select(*_KEY.clauses).where(_KEY.in_(sa.bindparam("keys", expanding=True)))
_SEALED = (
    sa.select(snapshots.c.body, consents.c.key, consents.c.wrapped_by)
    .join(consents, consents.c.user_id == snapshots.c.user_id)
    .where(
        snapshots.c.user_id == sa.bindparam("user_id"),
        snapshots.c.snapshot_id == sa.bindparam("snapshot_id"),
        consents.c.key.is_not(None),
    )
)
_COUNTED = (
    sa.select(_KNOWN.source, _KNOWN.kind, _KNOWN["count"], _KNOWN.newest)
    .where(_KNOWN.user_id == sa.bindparam("user"))
    .order_by(_KNOWN.source, _KNOWN.kind)
)
USERS = 8192
"""How many users' states are cached; one takes one or two kilobytes."""


class _Left(msgspec.Struct, frozen=True, array_like=True):
    """The newest month with income of an account and kind; `until` is in microseconds."""

    source: str
    kind: Kind
    newest: int
    until: int


_DECODER = msgspec.msgpack.Decoder(list[_Left])


def remains(connection: sa.Connection, user_id: str, data_keys: DataKeys) -> Sequence[KnownCount]:
    """The remains of a user's accounts, in order of source and kind, without counts."""
    found = _read(connection, user_id, data_keys)
    return [KnownCount(one.source, one.kind, 0, newest=one.newest) for one in found]


def settle(
    connection: sa.Connection, user_id: str, disconnected: Disconnected | None, data_keys: DataKeys
) -> bool:
    """Before a user's counts are deleted, keep the newest months of disconnected accounts.

    What is there already of an account stays as long as it was to be kept then. Returns whether
    anything was there that is not kept.
    """
    if disconnected is None or not disconnected.accounts:
        return _write(connection, user_id, [], data_keys=data_keys)
    before = _read(connection, user_id, data_keys, lock=True)
    kept = {(one.source, one.kind): one for one in before if one.source in disconnected.accounts}
    accounts = columns.padded(sorted(disconnected.accounts))
    until = columns.microseconds(disconnected.until)
    for source, kind, newest in connection.execute(
        _LAST_MONTHS, {"user": user_id, "accounts": accounts}
    ):
        kept[source, Kind(kind)] = _Left(source, Kind(kind), newest, until=until)
    _write(connection, user_id, [kept[key] for key in sorted(kept)], data_keys=data_keys)
    return any(one.source not in disconnected.accounts for one in before)


def forget(connection: sa.Connection, now: datetime, data_keys: DataKeys) -> None:
    at = columns.microseconds(now)
    # In order of users, so that two processes that do this never wait in a ring.
    due = sa.select(_C.user_id).where(_C.until <= at).order_by(_C.user_id)
    for row in connection.execute(due).all():
        found = _read(connection, row[0], data_keys, lock=True)
        _write(connection, row[0], [one for one in found if one.until > at], data_keys=data_keys)


def _read(
    connection: sa.Connection, user_id: str, data_keys: DataKeys, *, lock: bool = False
) -> Sequence[_Left]:
    statement = _ROW.with_for_update() if lock else _ROW
    row = connection.execute(statement, {"user": user_id}).first()
    if row is None:
        return []
    key = data_keys.unwrap(StoredKey(row[0], row[1]), about(ended_incomes, user_id))
    return _DECODER.decode(opened(key, row[2], _about(user_id)))


def _write(
    connection: sa.Connection, user_id: str, found: Sequence[_Left], data_keys: DataKeys
) -> bool:
    """Replace the user's remains by these, under a new key; whether there were any."""
    before = connection.execute(sa.delete(ended_incomes).where(_C.user_id == user_id)).rowcount > 0
    if not found:
        return before
    # A new key each time: the old one could still open a copy of what was just deleted.
    key = new_key()
    row = {
        "user_id": user_id,
        **msgspec.structs.asdict(data_keys.wrap(key, about(ended_incomes, user_id))),
        "body": sealed(key, msgspec.msgpack.encode(found), _about(user_id)),
        "until": min(one.until for one in found),
    }
    connection.execute(sa.insert(ended_incomes), row)
    return before


def _about(user_id: str) -> str:
    return f"ended {user_id}"


def epochs(connection: sa.Connection, users: Collection[str]) -> Mapping[str, int]:
    if not users:
        return {}
    found = connection.execute(_EPOCHS, {"users": columns.padded(sorted(users))})
    return {row[0]: row[1] for row in found}


def hold_consents(connection: sa.Connection, users: Collection[str]) -> None:
    """Lock these users' consents until the transaction ends.

    On PostgreSQL an erasure by another connection waits meanwhile, and one that came first is seen
    by the next look. A user of whom nothing is known gets a row, since there is no lock on none.
    """
    # A file of SQLite has one writer, which is lock enough.
    if not users or connection.dialect.name != "postgresql":
        return
    wanted = sorted(users)
    rows = [{"user_id": user, "epoch": 0, "key": None} for user in wanted]
    columns.insert_new(connection, consents, rows)
    connection.execute(_HELD, {"users": columns.padded(wanted)})


def user_keys(
    connection: sa.Connection, users: Collection[str], data_keys: DataKeys
) -> Mapping[str, bytes]:
    wanted = sorted(users)
    found = _found(connection, wanted, data_keys)
    lacking = [user for user in wanted if user not in found]
    if not lacking:
        return found
    fresh = {user: asdict(data_keys.wrap(new_key(), about(consents, user))) for user in lacking}
    rows = [{"user_id": user, "epoch": 0, **key} for user, key in fresh.items()]
    columns.insert_new(connection, consents, rows)
    # A user who withdrew has a row without a key: what is read after a new consent gets a new one.
    for user, key in fresh.items():
        renewed = sa.update(consents).where(consents.c.user_id == user, consents.c.key.is_(None))
        connection.execute(renewed.values(key))
    # Read again, as the key that counts may be another transaction's.
    return found | _found(connection, lacking, data_keys)


def _found(connection: sa.Connection, users: list[str], data_keys: DataKeys) -> dict[str, bytes]:
    found = connection.execute(_KEYS, {"users": columns.padded(users)})
    return {
        user_id: data_keys.unwrap(StoredKey(key, wrapped_by), about(consents, user_id))
        for user_id, key, wrapped_by in found
    }


def record(
    connection: sa.Connection, given: Iterable[tuple[SnapshotBody, datetime]], data_keys: DataKeys
) -> None:
    """Store new snapshots and raise the known counts; one that is there has left its counts."""
    by_key = {(body.user_id, body.id): (body, stored) for body, stored in given}
    keys = {"keys": columns.padded([*by_key])}
    for user_id, snapshot_id in connection.execute(_PRESENT, keys) if by_key else ():
        del by_key[user_id, snapshot_id]
    # In order of keys, so that two commits never wait for each other.
    new = [by_key[key] for key in sorted(by_key)]
    if not new:
        return
    of_users = user_keys(connection, {body.user_id for body, _ in new}, data_keys)
    rows = [
        {
            "user_id": body.user_id,
            "snapshot_id": body.id,
            "body": sealed(of_users[body.user_id], body.body, body.id),
            "stored": columns.microseconds(stored),
        }
        for body, stored in new
    ]
    columns.insert_new(connection, snapshots, rows)
    counts = [
        columns.as_row(known_counts, count, user_id=body.user_id)
        for body, _ in new
        for count in body.counts
    ]
    # Two commits raise the counts of one user in the same order of rows.
    counts.sort(key=itemgetter("user_id", "source", "kind"))
    columns.raise_each(connection, known_counts, ("count", "newest"), rows=counts)


def _drop_unused(connection: sa.Connection, user_id: str, snapshot_id: str) -> None:
    decided = sa.select(decisions.c.decision_id).where(
        decisions.c.user_id == user_id, decisions.c.snapshot_id == snapshot_id
    )
    serving = sa.select(warm.c.user_id).where(
        warm.c.user_id == user_id, warm.c.snapshot_id == snapshot_id
    )
    unused = sa.delete(snapshots).where(
        snapshots.c.user_id == user_id,
        snapshots.c.snapshot_id == snapshot_id,
        ~decided.exists(),
        ~serving.exists(),
    )
    connection.execute(unused)


def body(
    connection: sa.Connection, user_id: str, snapshot_id: str, data_keys: DataKeys
) -> bytes | None:
    """The body of a snapshot, if it is there and its key was not destroyed."""
    found = connection.execute(_SEALED, {"user_id": user_id, "snapshot_id": snapshot_id}).first()
    if found is None:
        return None
    key = data_keys.unwrap(StoredKey(found[1], found[2]), about(consents, user_id))
    return opened(key, found[0], snapshot_id)


def earlier(connection: sa.Connection, user_id: str, most: int) -> Sequence[tuple[str, datetime]]:
    c = snapshots.c
    found = sa.select(c.snapshot_id, c.stored).where(c.user_id == user_id)
    rows = connection.execute(found.order_by(c.stored.desc(), c.snapshot_id).limit(most))
    return [(row[0], columns.from_microseconds(row[1])) for row in rows]


def user_state(connection: sa.Connection, user_id: str, data_keys: DataKeys) -> UserState:
    epoch = epochs(connection, (user_id,)).get(user_id, 0)
    last, quarantined = mark(connection, user_id)
    counts = connection.execute(_COUNTED, {"user": user_id})
    known = tuple(KnownCount(row[0], Kind(row[1]), *row[2:]) for row in counts)
    left = tuple(remains(connection, user_id, data_keys))
    return UserState(known, epoch, last, quarantined=quarantined, ended=left)


def mark(connection: sa.Connection, user_id: str) -> tuple[WarmMark | None, bool]:
    row = connection.execute(_MARK, {"user": user_id}).first()
    if row is None:
        return None, False
    found = WarmMark(
        row.snapshot_id,
        columns.from_microseconds(row.fetched),
        columns.from_microseconds(row.looked),
        plan=_PLANS.decode(row.plan),
        oldest=columns.from_microseconds(row.oldest),
    )
    # A reading of the very instant of the event may be from before it.
    return found, row.quarantined >= row.fetched


def record_marks(connection: sa.Connection, marks: Iterable[tuple[str, WarmMark]]) -> None:
    """Store each user's mark where it is later than the stored mark and the quarantine."""
    rows = [
        columns.as_row(
            warm,
            one,
            user_id=user_id,
            plan=msgspec.msgpack.encode(one.plan, order="deterministic"),
            quarantined=_NEVER,
        )
        for user_id, one in sorted(marks, key=itemgetter(0))
    ]
    names = ("snapshot_id", "looked", "plan", "oldest")
    columns.raise_row(connection, warm, by="fetched", columns=names, rows=rows)


def quarantine_reading(connection: sa.Connection, user_id: str, now: datetime) -> None:
    row = {"user_id": user_id, **_UNREAD, "quarantined": columns.microseconds(now)}
    columns.raise_row(connection, warm, by="quarantined", columns=(), rows=[row])


def forget_future(connection: sa.Connection, now: datetime) -> None:
    """End readings that are dated after an instant; a quarantine from after it begins with it."""
    # A little ahead is normal, as clocks of processes differ.
    at = columns.microseconds(now + AHEAD)
    later = sa.or_(_WARM.fetched > at, _WARM.looked > at, _WARM.oldest > at)
    connection.execute(sa.update(warm).where(later).values(_UNREAD))
    quarantined = sa.update(warm).where(_WARM.quarantined > at)
    connection.execute(quarantined.values(quarantined=columns.microseconds(now)))


def users(connection: sa.Connection, after: str, limit: int) -> Sequence[str]:
    of = snapshots.c.user_id
    query = sa.select(of).where(of > after).distinct().order_by(of).limit(limit)
    return [row[0] for row in connection.execute(query)]


def _keep_warm(
    connection: sa.Connection,
    snapshot: SnapshotBody,
    warm_mark: WarmMark,
    consent: int,
    data_keys: DataKeys,
) -> bool:
    user_id = snapshot.user_id
    hold_consents(connection, (user_id,))
    # Consent was withdrawn while the data was read: it may not be kept.
    if epochs(connection, (user_id,)).get(user_id, 0) != consent:
        return False
    # Looked at before it is replaced, to delete its snapshot if no decision rests on it.
    before, _ = mark(connection, user_id)
    record(connection, [(snapshot, warm_mark.fetched)], data_keys)
    record_marks(connection, [(user_id, warm_mark)])
    kept = mark(connection, user_id)
    for one in (before, warm_mark):
        if one is not None:
            _drop_unused(connection, user_id, one.snapshot_id)
    # A quarantine or a newer reading may have come first, and is kept.
    return kept == (warm_mark, False)


class Snapshots(Subject):
    """Users' snapshots and states; a state is cached until this process changes it."""

    def __init__(self, database: Database, data_keys: DataKeys) -> None:
        self._database = database
        self.data_keys = data_keys
        self._held: UserCache[UserState] = UserCache(USERS)

    earlier_snapshots = reads(earlier)
    read_users = reads(users)

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        work = partial(body, user_id=user_id, snapshot_id=snapshot_id, data_keys=self.data_keys)
        return await self._database.read(work)

    async def user_state(self, user_id: str) -> UserState:
        # Whatever is erased while this reads must not be remembered afterwards.
        since = self._held.forgotten
        work = partial(user_state, user_id=user_id, data_keys=self.data_keys)
        held = await self._database.read(work)
        self._held.keep((user_id,), held, since)
        return held

    def cached_user_state(self, user_id: str) -> UserState | None:
        return self._held.get((user_id,))

    async def keep_warm(self, snapshot: SnapshotBody, warm_mark: WarmMark, consent: int) -> bool:
        """Store a reading without a decision; False where it may not serve any more."""
        # Forgotten before the write, so that no decision starts from the mark that ends here.
        self._held.forget(snapshot.user_id)
        work = partial(_keep_warm, snapshot=snapshot, warm_mark=warm_mark, consent=consent)
        return await self._database.write(partial(work, data_keys=self.data_keys))

    async def looked(self, user_id: str, snapshot_id: str, now: datetime) -> None:
        found = sa.update(warm).where(_WARM.user_id == user_id, _WARM.snapshot_id == snapshot_id)
        later = found.values(looked=columns.microseconds(now))
        await self._database.write(lambda connection: connection.execute(later).close())
        self._held.forget(user_id)

    async def quarantine(self, user_id: str, now: datetime) -> None:
        self._held.forget(user_id)
        await self._database.write(partial(quarantine_reading, user_id=user_id, now=now))

    async def forget_future(self, now: datetime) -> None:
        await self._database.write(partial(forget_future, now=now))

    async def forget_ended(self, now: datetime) -> None:
        await self._database.write(partial(forget, now=now, data_keys=self.data_keys))
