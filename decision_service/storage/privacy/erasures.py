"""The erasures that the database has carried out, and the users with data to erase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, union

from decision_service.pipeline.history.keys import IdentityKey
from decision_service.storage.privacy import consents
from decision_service.storage.queries.dialect import insert_new
from decision_service.storage.schema import tables
from decision_service.storage.schema.tables import (
    ended_incomes,
    erasures,
    known_counts,
    link_tokens,
    snapshots,
    warm,
)

_DONE = select(erasures.c.erasure_id, erasures.c.user_id)
_OF_USERS = (
    tables.consents, snapshots, known_counts, ended_incomes, link_tokens, warm, tables.decisions
)  # fmt: skip
_USERS = union(*(select(table.c.user_id) for table in _OF_USERS))


def done(connection: Connection) -> Mapping[str, str | None]:
    """Every erasure's id with its user; None for a user of whom no data was ever stored."""
    return {row[0]: row[1] for row in connection.execute(_DONE)}


def users(connection: Connection) -> Sequence[str]:
    """All users of whom there may be something to erase: data, or hashes and reviews beside it."""
    return [row[0] for row in connection.execute(_USERS)]


def carry_out(
    connection: Connection,
    wanted: Mapping[str, str | None],
    now: datetime,
    *,
    identity_keys: Sequence[IdentityKey] = (),
    with_decisions: bool = False,
) -> None:
    """Erase each of these users, by erasure id; for unknown users only the id is recorded.

    What another process has carried out since is left out: the user may have given data again.
    """
    strangers = [one for one, user_id in wanted.items() if user_id is None]
    consents.hold(connection, {user_id for user_id in wanted.values() if user_id is not None})
    carried_out = done(connection)
    for erasure_id, user_id in wanted.items():
        if user_id is not None and erasure_id not in carried_out:
            consents.erase(
                connection,
                user_id,
                [erasure_id],
                now=now,
                identity_keys=identity_keys,
                with_decisions=with_decisions,
            )
    rows = [{"erasure_id": one, "user_id": None} for one in strangers]
    insert_new(connection, erasures, rows)
