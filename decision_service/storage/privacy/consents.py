"""Each user's key, and the count of withdrawals that bars data read before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import Connection, Table, bindparam, delete, exists, select, update

from decision_service.pipeline.history.keys import IdentityKey
from decision_service.pipeline.ports import Disconnected, Erased
from decision_service.storage.privacy import ended, removing
from decision_service.storage.privacy.data_keys import PLAIN, DataKeys, StoredKey
from decision_service.storage.privacy.sealing import new_key
from decision_service.storage.privacy.wrapping import about
from decision_service.storage.queries import decisions as recorded
from decision_service.storage.queries import events, history
from decision_service.storage.queries.dialect import insert_new, padded
from decision_service.storage.reviews import steps as reviews
from decision_service.storage.schema.tables import (
    applicants,
    consents,
    decisions,
    ended_incomes,
    erasures,
    known_counts,
    link_tokens,
    snapshots,
    warm,
)


class MoreToErase(Exception):
    """Since the user's last erasure something was stored, which another one would take."""


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


def epochs(connection: Connection, users: Collection[str]) -> Mapping[str, int]:
    """How often each of these users withdrew consent; a user that is not named never did."""
    if not users:
        return {}
    found = connection.execute(_EPOCHS, {"users": padded(sorted(users))})
    return {row[0]: row[1] for row in found}


def hold(connection: Connection, users: Collection[str]) -> None:
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


def keys(
    connection: Connection, users: Collection[str], data_keys: DataKeys
) -> Mapping[str, bytes]:
    """The key of each of these users, made where there is none."""
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
    held = removing.of_user(connection, user_id)
    removing.hold(connection, held)
    taken = [
        had_key,
        reviews.erase(connection, user_id, now),
        recorded.forget_applicants(connection, user_id),
        history.unlink(connection, user_id, identity_keys),
        ended.settle(connection, user_id, disconnected, data_keys),
        with_decisions and bool(held),
    ]
    gone = _delete(connection, snapshots, user_id)
    others = [_delete(connection, table, user_id) for table in (known_counts, link_tokens)]
    _delete(connection, warm, user_id)  # no more than a quarantine, where there is no snapshot
    events.end_postponed(connection, user_id)
    if with_decisions:
        removing.remove(connection, removing.of_user(connection, user_id))
    if repeats and any((*taken, gone, *others)):
        raise MoreToErase
    return Erased(gone, known)


def _delete(connection: Connection, table: Table, user_id: str) -> int:
    return connection.execute(delete(table).where(table.c.user_id == user_id)).rowcount


def is_known(connection: Connection, user_id: str) -> bool:
    """Whether anything is stored of a user beside earlier erasures."""
    return any(
        _has(connection, table, user_id)
        for table in (
            *(snapshots, decisions, applicants, link_tokens, warm),
            *(known_counts, ended_incomes),
        )
    )


def is_erased(connection: Connection, user_id: str) -> bool:
    """Whether the user was erased before, whatever was stored since."""
    return _has(connection, erasures, user_id)


def _has(connection: Connection, table: Table, user_id: str) -> bool:
    return connection.execute(select(exists().where(table.c.user_id == user_id))).scalar_one()


def _found(connection: Connection, users: list[str], data_keys: DataKeys) -> dict[str, bytes]:
    found = connection.execute(_KEYS, {"users": padded(users)})
    return {
        user_id: data_keys.unwrap(StoredKey(key, wrapped_by), about(consents, user_id))
        for user_id, key, wrapped_by in found
    }
