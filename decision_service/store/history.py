"""Past decisions by the keys of the persons they concern, and what decisions look up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import msgspec
import sqlalchemy as sa

from decision_service.decide.application import (
    CUSTOMER,
    DOCUMENT,
    KEY_ID_BYTES,
    KEYED,
    OWED,
    IdentityKey,
    owed_customer,
    owed_key,
    user_key,
)
from decision_service.decide.history import (
    MOST_PAST,
    NOTHING_PAST,
    LookedUp,
    Past,
    PastDecision,
    ReportedLoans,
)
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import HistoryEntry, StoredEntry
from decision_service.store import columns as driver
from decision_service.store.batches import Batches
from decision_service.store.columns import (
    INNER,
    TEXT,
    ErasedBy,
    from_microseconds,
    insert_new,
    metadata,
    microseconds,
    of_person,
    padded,
    withheld,
)
from decision_service.store.decisions import CallerRequest, by_keys, decisions
from decision_service.store.engine import Database, Subject

history = sa.Table(
    "history",
    metadata,
    sa.Column("decision_id", TEXT, primary_key=True),
    sa.Column("user_id", TEXT, nullable=False),
    sa.Column("caller", TEXT, nullable=False),
    sa.Column("customer_ref", TEXT, nullable=False),
    sa.Column("product", TEXT, nullable=False),
    sa.Column("outcome", TEXT, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("currency", TEXT, nullable=False),
    sa.Column("approved", sa.BigInteger),
    sa.Column("instalment", sa.BigInteger),
    sa.Column("expires", sa.BigInteger),
    sa.Column("found_by", sa.LargeBinary, nullable=False),
    sa.Column("outstanding", sa.BigInteger),
    sa.Column("due", sa.BigInteger),
    sa.Column("open_loans", sa.BigInteger),
    sa.Column("overdue_loans", sa.BigInteger),
    sa.Column("repaid_loans", sa.BigInteger),
    sa.Column("drawn", sa.BigInteger),
    sa.Column("reviewed", sa.BigInteger),
    sa.Column("replaced", sa.Boolean),
    sqlite_with_rowid=False,
    info=of_person("decision_id", ErasedBy.DECISIONS),
)
"""What later decisions on the same person need of each; of its loans the newest reports together.

Without a report the columns from `outstanding` to `drawn` are null. `drawn` is null as well where
nothing of the approved amount is left to be paid out. `reviewed` is when a person decided the
review, `replaced` is true of a decision that was made again. `found_by` are its keys in
`history_keys`, packed.
"""

history_keys = sa.Table(
    "history_keys",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True, info=withheld("shown by kind in `history`")),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False, info=INNER),
    sa.Column("decision_id", TEXT, nullable=False, info=INNER),
    sqlite_with_rowid=False,
    info=of_person(
        "decision_id",
        ErasedBy.DECISIONS,
        "hashes of accounts and persons go with every erasure, the others with decisions; of "
        "an open loan they stay until it is closed",
    ),
)
"""The decisions under each key of a user, a customer, an account or a person, numbered.

Whoever decides takes the number after the last one that was read: of two at once one finds it taken
and reads again, so that no two decisions on a person rest on the same history. Under a hash there
is one decision for each user and half a year, which leads to the others.
"""


_KEYS = history_keys.c
_PAST_COLUMNS = tuple(column for column in history.c if column.name != "found_by")
"""The columns in the order of `PastDecision`, then of `ReportedLoans`."""

_OF_DECISIONS = (
    sa.select(history.c.decision_id, history.c.found_by)
    .where(history.c.decision_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(history.c.decision_id)
    # Two transactions that meet lock decisions in one order, and so never wait in a ring.
    .with_for_update()
)
_OF_KEY = (
    sa.select(history)
    .join(history_keys, history.c.decision_id == _KEYS.decision_id)
    .where(_KEYS.key == sa.bindparam("key"))
)
_LAST = sa.select(sa.func.max(_KEYS.number)).where(_KEYS.key == sa.bindparam("key"))
_NEXT = sa.select(_KEYS.key).where(_KEYS.key > sa.bindparam("after")).order_by(_KEYS.key).limit(1)
_NOTHING_SINCE = (None,) * 8
"""The columns from `outstanding` on: of reports, a person's result, and a repetition."""
_FOUND_BY = (
    sa.update(history)
    .where(history.c.decision_id == sa.bindparam("of"))
    .values(found_by=sa.bindparam("kept"))
)
DECIDED = sa.select(decisions.c.decision_id).where(
    decisions.c.decision_id.in_(sa.bindparam("ids", expanding=True))
)
_TOGETHER = 512
"""Decisions whose keys are changed together."""
_HIGHEST = b"\xff" * 32


def under(connection: sa.Connection, keys: Collection[bytes]) -> Mapping[bytes, Past]:
    if not keys:
        return {}
    found: dict[bytes, list[PastDecision]] = {}
    last: dict[bytes, int] = {}
    known: dict[str, PastDecision] = {}
    wanted = padded(sorted(keys))
    statement = _under(connection.dialect.name, len(wanted))
    for key, number, *columns in driver.rows(connection, statement, (*wanted,)):
        # One decision is found under several keys: its row is made into a value once.
        decided = known.get(columns[0])
        if decided is None:
            decided = known[columns[0]] = _past(columns)
        found.setdefault(key, []).append(decided)
        last[key] = max(number, last.get(key, 0))
    return {key: Past(last[key], tuple(decided)) for key, decided in found.items()}


@cache
def _under(dialect: str, count: int) -> str:
    columns = ", ".join(f"history.{column.name}" for column in _PAST_COLUMNS)
    return f"""
    SELECT places.key, places.number, {columns}
    FROM history_keys AS places JOIN history ON history.decision_id = places.decision_id
    WHERE places.key IN (VALUES {driver.marks(dialect, ["bytea"], count)})
    AND places.number > {-MOST_PAST} + (
        SELECT max(others.number) FROM history_keys AS others WHERE others.key = places.key
    )
    """  # noqa: S608 - names of columns and a number


def row(entry: StoredEntry, place: HistoryEntry) -> tuple[object, ...]:
    return (
        entry.decision_id,
        entry.user_id,
        entry.caller,
        entry.customer_ref,
        entry.product,
        entry.outcome.value,
        microseconds(entry.created),
        place.currency,
        place.approved,
        place.instalment,
        None if place.expires is None else microseconds(place.expires),
        packed(key for key, _ in place.keys),
        *_NOTHING_SINCE,
    )


def replace(connection: sa.Connection, decision_ids: Sequence[str]) -> None:
    """Mark decisions that were made again; their loans, reported or yet to be, count on."""
    if decision_ids:
        ids = {"ids": padded(decision_ids)}
        chosen = history.c.decision_id.in_(sa.bindparam("ids", expanding=True))
        connection.execute(sa.update(history).where(chosen).values(replaced=True), ids)


def take_next(connection: sa.Connection, key: bytes, decision_id: str) -> None:
    """Give a decision a further place under a key: whoever has read what is there reads again."""
    # Whoever decides at the same time may take the number first: then the next one is tried.
    while True:
        last = connection.execute(_LAST, {"key": key}).scalar() or 0
        place = {"key": key, "number": last + 1, "decision_id": decision_id}
        if insert_new(connection, history_keys, [place]):
            return


def remove(connection: sa.Connection, decision_ids: Sequence[str]) -> Sequence[str]:
    """Delete decisions, but what an erasure left of open loans; those of which all is gone."""
    if not decision_ids:
        return []
    keys = keys_of(connection, decision_ids)
    owed = {one for one, of in keys.items() if _is_owed(of)}
    for one in owed:
        left = [key for key in keys[one] if key[:1] == CUSTOMER]
        # The loan counts on by keys of its own kinds; the application counts no more.
        take_out(connection, one, keys[one], gone=left, customer_ref="", replaced=True)
    gone = [one for one in decision_ids if one not in owed]
    _unlink(connection, {one: of for one, of in keys.items() if one not in owed})
    chosen = history.c.decision_id.in_(sa.bindparam("ids", expanding=True))
    connection.execute(sa.delete(history).where(chosen), {"ids": padded(gone)})
    return gone


def _is_owed(keys: Sequence[bytes]) -> bool:
    """Whether an erasure left an open loan under these keys."""
    return any(key[:1] in OWED for key in keys)


def open_loans(connection: sa.Connection, user_id: str) -> Sequence[str]:
    """The decisions that were erased of a user, and of which an open loan is left."""
    found = connection.execute(_OF_KEY, {"key": user_key(user_id)}).all()
    ids = {"ids": padded([row.decision_id for row in found])}
    decided = {*connection.execute(DECIDED, ids).scalars()} if found else set()
    return [row.decision_id for row in found if row.decision_id not in decided]


def unlink(connection: sa.Connection, user_id: str, secrets: Sequence[IdentityKey] = ()) -> bool:
    """Delete what links a user to others: hashes of accounts and person, and shared entries.

    Decisions stay under their own user and customer. While a loan of one is open it stays under
    hashes of account, person and customer of kinds of their own, for that purpose alone. Returns
    whether there was anything to delete or to change.
    """
    own = user_key(user_id)
    changed = False
    found = [
        (row, unpacked(bytes(row.found_by))) for row in connection.execute(_OF_KEY, {"key": own})
    ]
    mine = [key for row, keys in found if row.user_id == user_id for key in keys]
    hashes = {owed_key(key) for key in mine if key[:1] in KEYED and key[:1] != DOCUMENT}
    for row, keys in found:
        owed = set[bytes]()
        gone = [own]
        if row.user_id == user_id:
            if row.open_loans:
                owed = hashes | {*owed_customer(row.caller, row.customer_ref, secrets)}
            stays = {own, *owed}
            gone = [key for key in keys if key not in stays and key[:1] != CUSTOMER]
        new = sorted(owed.difference(keys))
        for key in new:
            take_next(connection, key, row.decision_id)
        if new or gone:
            changed = True
            take_out(connection, row.decision_id, [*keys, *new], gone=gone)
    return changed


def key_ids(connection: sa.Connection) -> frozenset[bytes]:
    """The ids of the identity keys under which hashes are stored; a look a kind and key."""
    found: set[bytes] = set()
    for kind in sorted(KEYED):
        # From id to id by the index: to read every hash for the few ids in them would take long.
        after = kind
        while (key := connection.execute(_NEXT, {"after": after}).scalar()) is not None:
            if key[:1] != kind:
                break
            found.add(bytes(key[1 : 1 + KEY_ID_BYTES]))
            after = bytes(key[: 1 + KEY_ID_BYTES]) + _HIGHEST
    return frozenset(found)


def forget_key(connection: sa.Connection, key_id: bytes) -> int:
    """Delete the hashes under an identity key, also from the decisions found by them; how many."""
    gone = 0
    for kind in sorted(KEYED):
        low = kind + key_id
        under = _KEYS.key >= low, _KEYS.key <= low + _HIGHEST
        found = connection.execute(sa.select(_KEYS.decision_id).where(*under).distinct())
        _forget_in(connection, [*found.scalars()], low)
        gone += connection.execute(sa.delete(history_keys).where(*under)).rowcount
    return gone


def packed(keys: Iterable[bytes]) -> bytes:
    return b"".join(bytes([len(key)]) + key for key in keys)


def unpacked(body: bytes) -> Sequence[bytes]:
    keys = []
    place = 0
    while place < len(body):
        end = place + 1 + body[place]
        keys.append(body[place + 1 : end])
        place = end
    return keys


def keys_of(connection: sa.Connection, decision_ids: Sequence[str]) -> dict[str, Sequence[bytes]]:
    found = connection.execute(_OF_DECISIONS, {"ids": padded(decision_ids)})
    return {one: unpacked(bytes(keys)) for one, keys in found}


def _forget_in(connection: sa.Connection, decision_ids: Sequence[str], start: bytes) -> None:
    for first in range(0, len(decision_ids), _TOGETHER):
        keys = keys_of(connection, decision_ids[first : first + _TOGETHER])
        rows: list[dict[str, object]] = []
        for one, of in keys.items():
            kept = packed(key for key in of if not key.startswith(start))
            rows.append({"of": one, "kept": kept})
        connection.execute(_FOUND_BY, rows)


def take_out(
    connection: sa.Connection,
    decision_id: str,
    keys: Sequence[bytes],
    gone: Collection[bytes],
    **values: object,
) -> None:
    """Delete some of the keys that a decision is found by, and change its row otherwise."""
    _unlink(connection, {decision_id: [*gone]})
    kept = packed(key for key in keys if key not in gone)
    chosen = sa.update(history).where(history.c.decision_id == decision_id)
    connection.execute(chosen.values(found_by=kept, **values))


def _unlink(connection: sa.Connection, keys: Mapping[str, Sequence[bytes]]) -> None:
    wanted = sorted({key for all_ in keys.values() for key in all_})
    if not wanted:
        return
    chosen = sa.delete(history_keys).where(
        _KEYS.key.in_(sa.bindparam("keys", expanding=True)),
        _KEYS.decision_id.in_(sa.bindparam("ids", expanding=True)),
    )
    connection.execute(chosen, {"keys": padded(wanted), "ids": padded([*keys])})


def _past(columns: Sequence[Any]) -> PastDecision:
    """The decision of a row, whose columns are those of `_PAST_COLUMNS`, in that order."""
    made = (
        *columns[:5],
        Outcome(columns[5]),
        from_microseconds(columns[6]),
        *columns[7:10],
        None if columns[10] is None else from_microseconds(columns[10]),
        None if columns[11] is None else ReportedLoans(*columns[11:17]),
        None if columns[17] is None else from_microseconds(columns[17]),
        bool(columns[18]),
    )
    return PastDecision(*made)


class _Question(msgspec.Struct, frozen=True):
    request: CallerRequest | None
    keys: Collection[bytes]


class Lookups(Subject):
    """What decisions look up, many together, on a connection that no list or export takes."""

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._lookups: Batches[_Question, LookedUp] = Batches(self._look_up_together, most=most)

    async def look_up(self, caller: str, request_id: str, keys: Collection[bytes] = ()) -> LookedUp:
        return await self._lookups.submit(_Question((caller, request_id), keys))

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        return (await self._lookups.submit(_Question(None, keys))).past

    async def _look_up_together(self, asked: Sequence[_Question]) -> Sequence[LookedUp]:
        return await self._database.look_up(partial(_looked_up, questions=asked))


def _looked_up(connection: sa.Connection, questions: Sequence[_Question]) -> Sequence[LookedUp]:
    requests = [asked.request for asked in questions if asked.request is not None]
    entries = by_keys(connection, requests)
    past = under(connection, {key for asked in questions for key in asked.keys})
    found: list[LookedUp] = []
    for asked in questions:
        entry = None if asked.request is None else entries.get(asked.request)
        of_keys = {key: past.get(key, NOTHING_PAST) for key in asked.keys}
        found.append(LookedUp(entry, of_keys))
    return found
