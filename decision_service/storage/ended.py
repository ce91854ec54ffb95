"""What is left of accounts that were disconnected: when they last told of income."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.snapshot import KnownCount
from decision_service.pipeline.ports import Disconnected
from decision_service.storage.decisions import microseconds
from decision_service.storage.rows import padded, raise_each
from decision_service.storage.tables import ended_incomes, known_counts

_C, _KNOWN = ended_incomes.c, known_counts.c
_TELLING = sorted(kind.value for kind in INCOME_KINDS | {Kind.TRANSACTIONS})
_TOLD = (
    select(_KNOWN.user_id, _KNOWN.source, _KNOWN.kind, _KNOWN.newest)
    .where(
        _KNOWN.user_id == bindparam("user"),
        _KNOWN.source.in_(bindparam("accounts", expanding=True)),
        _KNOWN.kind.in_(_TELLING),
        _KNOWN.newest.is_not(None),
    )
    .order_by(_KNOWN.source, _KNOWN.kind)
)


def left(connection: Connection, user_id: str) -> Sequence[KnownCount]:
    """The newest month with income of each disconnected account and kind; counts are not kept."""
    found = select(_C.source, _C.kind, _C.newest).where(_C.user_id == user_id)
    rows = connection.execute(found.order_by(_C.source, _C.kind))
    return [KnownCount(row[0], Kind(row[1]), 0, row[2]) for row in rows]


def settle(connection: Connection, user_id: str, disconnected: Disconnected | None) -> None:
    """Before a user's counts go, keep what may be kept of them, and drop what was kept of others.

    What is there already of an account stays as long as it was to be kept then.
    """
    accounts = sorted(disconnected.accounts) if disconnected else []
    dropped = delete(ended_incomes).where(_C.user_id == user_id)
    if not accounts or disconnected is None:
        connection.execute(dropped)
        return
    connection.execute(dropped.where(_C.source.not_in(padded(accounts))))
    until = microseconds(disconnected.until)
    told = connection.execute(_TOLD, {"user": user_id, "accounts": padded(accounts)})
    names = ("user_id", "source", "kind", "newest")
    rows = [dict(zip(names, row, strict=True)) | {"until": until} for row in told]
    raise_each(connection, ended_incomes, ("newest", "until"), rows)


def forget(connection: Connection, now: datetime) -> None:
    """Delete what was to be kept until now at most."""
    connection.execute(delete(ended_incomes).where(_C.until <= microseconds(now)))
