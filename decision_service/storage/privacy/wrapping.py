"""Which data keys wrap the stored keys of users, and wrapping them anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    func,
    or_,
    select,
    update,
)

from decision_service.storage.privacy.data_keys import DataKey, DataKeys, StoredKey
from decision_service.storage.queries.dialect import padded
from decision_service.storage.schema.tables import consents, ended_incomes

KEYED = (consents, ended_incomes)
"""The tables with keys of users, in columns `user_id`, `key` and `wrapped_by`."""

BATCH = 256
"""Users whose keys are wrapped anew in one transaction."""


def about(table: Table, user_id: str) -> str:
    """What a stored key is bound to."""
    return f"key in {table.name} of {user_id}"


def data_key_ids(connection: Connection) -> frozenset[bytes]:
    """The ids of the data keys that wrap stored keys; a look a key in each table."""
    return frozenset(one for table in KEYED for one in _ids(connection, table))


def count_others(connection: Connection, newest: DataKey) -> int:
    """How many stored keys the newest data key does not wrap."""
    return sum(
        connection.execute(select(func.count()).where(_others(table, newest))).scalar_one()
        for table in KEYED
    )


def wrap_some(connection: Connection, data_keys: DataKeys) -> int:
    """Wrap at most `BATCH` stored keys of each table by the newest data key; how many were left."""
    return sum(_wrap_some(connection, table, data_keys) for table in KEYED)


def _wrap_some(connection: Connection, table: Table, data_keys: DataKeys) -> int:
    if data_keys.newest is None:
        return 0
    others = _others(table, data_keys.newest)
    users = connection.execute(select(table.c.user_id).where(others).limit(BATCH)).scalars().all()
    held = _hold(connection, table, users, others)
    if held:
        renewed = update(table).where(table.c.user_id == bindparam("of"))
        rows = [_wrapped(table, user_id, stored, data_keys) for user_id, stored in held]
        connection.execute(renewed, rows)
    return len(users)


def _hold(
    connection: Connection, table: Table, users: Sequence[str], others: ColumnElement[bool]
) -> list[tuple[str, StoredKey]]:
    """Lock rows in order of user, as commits do; those that changed meanwhile are left out."""
    if not users:
        return []
    c = table.c
    rows = (
        select(c.user_id, c.key, c.wrapped_by)
        .where(c.user_id.in_(bindparam("users", expanding=True)), others)
        .order_by(c.user_id)
        .with_for_update(key_share=True)
    )
    found = connection.execute(rows, {"users": padded(sorted(users))})
    return [(user_id, StoredKey(key, wrapped_by)) for user_id, key, wrapped_by in found]


def _wrapped(
    table: Table, user_id: str, stored: StoredKey, data_keys: DataKeys
) -> dict[str, object]:
    of = about(table, user_id)
    again = data_keys.wrap(data_keys.unwrap(stored, of), of)
    return {"of": user_id, "key": again.key, "wrapped_by": again.wrapped_by}


def _others(table: Table, newest: DataKey) -> ColumnElement[bool]:
    """In the words in which both databases find the index."""
    by = table.c.wrapped_by
    return table.c.key.is_not(None) & or_(by.is_(None), by < newest.id, by > newest.id)


def _ids(connection: Connection, table: Table) -> Iterator[bytes]:
    after, by = b"", table.c.wrapped_by
    following = select(by).where(table.c.key.is_not(None), by > bindparam("after"))
    following = following.order_by(by).limit(1)  # min(bytea) begins with PostgreSQL 18
    while (found := connection.execute(following, {"after": after}).scalar()) is not None:
        after = bytes(found)
        yield after
