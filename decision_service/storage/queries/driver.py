"""Statements that run with every decision, in the driver's own form and with its own marks.

SQLAlchemy takes as long for one of them as SQLite itself, so SQLite's driver is asked directly.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, CursorResult, LargeBinary, Table

_MANY = 16
"""Rows in one statement; each statement releases and retakes the interpreter's lock."""

Values = tuple[object, ...]


def rows(connection: Connection, statement: str, values: Values) -> Sequence[Sequence[Any]]:
    """The rows that a statement returns."""
    return _executed(connection, statement, values).fetchall()


def insert(connection: Connection, table: Table, given: Sequence[Values]) -> int:
    """Insert rows, column by column, without those that clash with one that is there; how many."""
    new = 0
    for first in range(0, len(given), _MANY):
        some = given[first : first + _MANY]
        statement = insertion(connection.dialect.name, table, len(some))
        new += _executed(connection, statement, (*chain.from_iterable(some),)).rowcount
    return new


@cache
def insertion(dialect: str, table: Table, count: int) -> str:
    """The statement that inserts so many rows where they clash with none that is there.

    SQLite takes `OR IGNORE`, since what could fail half way makes it copy every page aside first.
    """
    names = ", ".join(table.columns.keys())
    given = marks(dialect, [type_of(column.type) for column in table.columns], count)
    if dialect == "postgresql":
        return f"INSERT INTO {table} ({names}) VALUES {given} ON CONFLICT DO NOTHING"  # noqa: S608 - names
    return f"INSERT OR IGNORE INTO {table} ({names}) VALUES {given}"  # noqa: S608 - names of tables


def marks(dialect: str, types: Sequence[str], count: int) -> str:
    """The arguments of so many rows of these types; PostgreSQL takes those of the first for all."""
    if dialect != "postgresql":
        return ", ".join([f"({', '.join('?' * len(types))})"] * count)
    return ", ".join(f"({', '.join(numbered(types, row))})" for row in range(count))


def type_of(kind: object) -> str:
    """PostgreSQL's name of a column's type."""
    if isinstance(kind, LargeBinary):
        return "bytea"
    if isinstance(kind, Boolean):
        return "boolean"
    return "bigint" if isinstance(kind, BigInteger) else "text"


def numbered(types: Sequence[str], row: int) -> Sequence[str]:
    """PostgreSQL's arguments of one row."""
    first = row * len(types) + 1
    return [f"${first + place}" + ("" if row else f"::{kind}") for place, kind in enumerate(types)]


def _executed(
    connection: Connection, statement: str, values: Values
) -> sqlite3.Cursor | CursorResult[Any]:
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        return driver.execute(statement, values)
    return connection.exec_driver_sql(statement, values)
