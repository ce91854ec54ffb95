"""Remains of disconnected accounts: their newest months with income."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.snapshot import KnownCount
from decision_service.pipeline.ports import Disconnected
from decision_service.storage.privacy.data_keys import DataKeys, StoredKey
from decision_service.storage.privacy.sealing import new_key, opened, sealed
from decision_service.storage.privacy.wrapping import about
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.queries.dialect import padded
from decision_service.storage.schema.tables import ended_incomes, known_counts

_C, _KNOWN = ended_incomes.c, known_counts.c
_TELLING = sorted(kind.value for kind in INCOME_KINDS | {Kind.TRANSACTIONS})
_TOLD = select(_KNOWN.source, _KNOWN.kind, _KNOWN.newest).where(
    _KNOWN.user_id == bindparam("user"),
    _KNOWN.source.in_(bindparam("accounts", expanding=True)),
    _KNOWN.kind.in_(_TELLING),
    _KNOWN.newest.is_not(None),
)
_ROW = select(_C.key, _C.wrapped_by, _C.body).where(_C.user_id == bindparam("user"))


class _Left(msgspec.Struct, frozen=True, array_like=True):
    """The newest month with income of an account and kind; `until` is in microseconds."""

    source: str
    kind: Kind
    newest: int
    until: int


_DECODER = msgspec.msgpack.Decoder(list[_Left])


def left(connection: Connection, user_id: str, data_keys: DataKeys) -> Sequence[KnownCount]:
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
    for source, kind, newest in connection.execute(_TOLD, {"user": user_id, "accounts": accounts}):
        kept[source, Kind(kind)] = _Left(source, Kind(kind), newest, until)
    _write(connection, user_id, [kept[key] for key in sorted(kept)], data_keys)
    return any(one.source not in disconnected.accounts for one in before)


def forget(connection: Connection, now: datetime, data_keys: DataKeys) -> None:
    """Delete the remains whose time is over."""
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
