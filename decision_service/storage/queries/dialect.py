"""Statements of both dialects that standard SQL does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from sqlalchemy import Connection, Table, and_, case, or_

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

    Insert: TypeAlias = postgresql.Insert | sqlite.Insert

T = TypeVar("T")


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]
) -> int | None:
    """Insert the rows without a conflict; how many, or None where unknown."""
    if not rows:
        return 0
    statement = _insert_new(connection.dialect.name, table)
    result = connection.execute(statement, [dict(row) for row in rows])
    return result.rowcount if result.rowcount >= 0 else None


def raise_each(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, object]],
) -> None:
    """Insert the rows, or where one is there already raise each of the columns, never lower.

    Null is lower than everything.
    """
    if not rows:
        return
    statement = _insert(connection.dialect.name, table)
    offered = statement.excluded
    higher = {
        name: and_(
            offered[name].is_not(None),
            or_(table.c[name].is_(None), offered[name] > table.c[name]),
        )
        for name in columns
    }
    raising = statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: case((higher[name], offered[name]), else_=table.c[name]) for name in columns},
        where=or_(*higher.values()),
    )
    connection.execute(raising, [dict(row) for row in rows])


def raise_row(
    connection: Connection,
    table: Table,
    *,
    by: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, object]],
) -> None:
    """Insert the rows, or where one is there with a lower `by` set that and these columns of it."""
    if not rows:
        return
    statement = _insert(connection.dialect.name, table)
    offered = statement.excluded[by]
    raising = statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: statement.excluded[name] for name in (by, *columns)},
        where=offered > table.c[by],
    )
    connection.execute(raising, [dict(row) for row in rows])


@cache
def _insert_new(dialect: str, table: Table) -> Insert:
    statement = _insert(dialect, table).on_conflict_do_nothing()
    return statement.execution_options(preserve_rowcount=True)


def _insert(dialect: str, table: Table) -> Insert:
    """The store's own insert; a dialect takes long to import, and a store needs one of them."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def padded(items: Sequence[T]) -> Sequence[T]:
    """The items with the last repeated up to a power of two.

    Lists of every length would make as many statements for the server to prepare and remember.
    """
    if not items:
        return items
    missing = (1 << (len(items) - 1).bit_length()) - len(items)
    return [*items, *[items[-1]] * missing]
