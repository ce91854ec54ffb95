"""What tables are made of, what they hold of a person, and how values and rows are stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum, StrEnum
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec
import sqlalchemy as sa

from decision_service.domain.values import Money

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


if TYPE_CHECKING:
    Insert: TypeAlias = postgresql.Insert | sqlite.Insert

T = TypeVar("T")

# Each statement releases and retakes the interpreter's lock, so that several rows share one.
_MANY = 16
"""Rows in one statement."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Values = tuple[object, ...]

metadata = sa.MetaData()
"""Of the tables, the same for SQLite and PostgreSQL; each is declared with its statements."""

postgres_metadata = sa.MetaData()
"""Of those that PostgreSQL alone has."""

# Compared byte by byte, as SQLite does: orders and positions of pages are the same on both.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BODY = sa.LargeBinary()
"""What PostgreSQL keeps apart from the row, uncompressed: it is read far more cheaply."""

_PERSON = "person"
_WITHHELD = "withheld"


class ErasedBy(StrEnum):
    """What deletes a person's rows, before retention does.

    `ERASURE`: every erasure. `DECISIONS`: one that takes the decisions too, which ON_REVOKE says.
    `NOTHING`: no erasure.
    """

    ERASURE = "erasure"
    DECISIONS = "decisions"
    NOTHING = "nothing"


class PersonalTable(msgspec.Struct, frozen=True):
    """The column that names the person or the decision, and what becomes of the rows.

    `kept` says why an erasure leaves some of them.
    """

    found_by: str
    erased_by: ErasedBy
    kept: str = ""


def of_person(found_by: str, erased_by: ErasedBy, kept: str = "") -> dict[Any, Any]:
    """Of a table: its rows are of persons, and an export discloses what is not `withheld`."""
    return {_PERSON: PersonalTable(found_by, erased_by, kept)}


def withheld(why: str) -> dict[Any, Any]:
    """Of a column: it is in no export."""
    return {_WITHHELD: why}


SECRET = withheld("a secret key")
INNER = withheld("how the service finds or guards the row; nothing of the person")
STAFF = withheld("who of the lender's did it")


def person_of(table: sa.Table) -> PersonalTable | None:
    """None where it holds nothing of a person."""
    held: PersonalTable | None = table.info.get(_PERSON)
    return held


def disclosed(table: sa.Table) -> list[sa.Column[Any]]:
    return [column for column in table.c if _WITHHELD not in column.info]


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970; raises ValueError for an instant without a zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant that is stored needs a time zone")
    # By whole numbers: `timestamp()` is a float, which rounds microseconds.
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    return _EPOCH + count * _MICROSECOND


def as_row(table: sa.Table, record: object, **given: object) -> dict[str, object]:
    """A record as its table has it: of each column what is given, else the attribute of its name.

    Instants are whole microseconds, days `YYYY-MM-DD`, amounts minor units, enums their text.
    """
    names = table.c.keys()
    return {n: given[n] if n in given else _as_stored(getattr(record, n)) for n in names}


def _as_stored(value: object) -> object:
    if isinstance(value, datetime):
        return microseconds(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Money):
        return value.minor
    return value.value if isinstance(value, Enum) else value


def insert_new(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]
) -> int | None:
    """Insert the rows without a conflict; how many, or None where unknown."""
    if not rows:
        return 0
    statement = _insert_new(connection.dialect.name, table)
    result = connection.execute(statement, [dict(row) for row in rows])
    # A driver says -1 where it did not count.
    return result.rowcount if result.rowcount >= 0 else None


def raise_each(
    connection: sa.Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, object]],
) -> None:
    """Insert the rows, or raise each column where one is there; null is lower than all."""
    if not rows:
        return
    statement = _insert(connection.dialect.name, table)
    offered = statement.excluded
    # Null is lower than everything here, where a comparison of SQL would say neither yes nor no.
    higher = {
        name: sa.and_(
            offered[name].is_not(None),
            sa.or_(table.c[name].is_(None), offered[name] > table.c[name]),
        )
        for name in columns
    }
    raising = statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={
            name: sa.case((higher[name], offered[name]), else_=table.c[name]) for name in columns
        },
        # A row that would not change is not written at all.
        where=sa.or_(*higher.values()),
    )
    connection.execute(raising, [dict(row) for row in rows])


def raise_row(
    connection: sa.Connection,
    table: sa.Table,
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
def _insert_new(dialect: str, table: sa.Table) -> Insert:
    statement = _insert(dialect, table).on_conflict_do_nothing()
    return statement.execution_options(preserve_rowcount=True)


def _insert(dialect: str, table: sa.Table) -> Insert:
    # Imported where it is used: a dialect takes long, and a store needs one of them.
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def padded(items: Sequence[T]) -> Sequence[T]:
    """The items padded to a power of two."""
    if not items:
        return items
    # A server remembers a statement for each length of its list.
    missing = (1 << (len(items) - 1).bit_length()) - len(items)
    return [*items, *[items[-1]] * missing]


def rows(connection: sa.Connection, statement: str, values: Values) -> Sequence[Sequence[Any]]:
    return _executed(connection, statement, values).fetchall()


def insert(connection: sa.Connection, table: sa.TableClause, given: Sequence[Values]) -> int:
    """Insert rows, column by column, without those that clash with one that is there; how many."""
    new = 0
    for first in range(0, len(given), _MANY):
        some = given[first : first + _MANY]
        statement = insertion(connection.dialect.name, table, len(some))
        new += _executed(connection, statement, (*chain.from_iterable(some),)).rowcount
    return new


@cache
def insertion(dialect: str, table: sa.TableClause, count: int) -> str:
    """The statement that inserts so many rows where they clash with none that is there."""
    names = ", ".join(table.columns.keys())
    given = marks(dialect, [type_of(column.type) for column in table.columns], count)
    if dialect == "postgresql":
        return f"INSERT INTO {table} ({names}) VALUES {given} ON CONFLICT DO NOTHING"  # noqa: S608 - names alone
    # What could fail half way makes SQLite copy every page aside first, but not with `OR IGNORE`.
    return f"INSERT OR IGNORE INTO {table} ({names}) VALUES {given}"  # noqa: S608 - names alone


def marks(dialect: str, types: Sequence[str], count: int) -> str:
    """The arguments of so many rows of these types; PostgreSQL takes those of the first for all."""
    if dialect != "postgresql":
        return ", ".join([f"({', '.join('?' * len(types))})"] * count)
    return ", ".join(f"({', '.join(numbered(types, row))})" for row in range(count))


def type_of(kind: object) -> str:
    if isinstance(kind, sa.LargeBinary):
        return "bytea"
    if isinstance(kind, sa.Boolean):
        return "boolean"
    return "bigint" if isinstance(kind, sa.BigInteger) else "text"


def numbered(types: Sequence[str], row: int) -> Sequence[str]:
    first = row * len(types) + 1
    return [f"${first + place}" + ("" if row else f"::{kind}") for place, kind in enumerate(types)]


def _executed(
    connection: sa.Connection, statement: str, values: Values
) -> sqlite3.Cursor | sa.CursorResult[Any]:
    driver = connection.connection.driver_connection
    # Asked directly: what SQLAlchemy adds would be felt in the cost of a warm decision.
    if isinstance(driver, sqlite3.Connection):
        return driver.execute(statement, values)
    return connection.exec_driver_sql(statement, values)
