"""Plain commits: decisions that leave nothing but their own rows, recorded in very few statements.

Nearly every decision on a warm reading is one. What cannot be recorded in this way (its rest has
moved, its key is taken) is not told why here: it is committed again the long way, which knows.
The statements go to the driver itself, since SQLAlchemy's part would cost more than the database's.
"""
# ruff: noqa: S608 - every statement is made of constants of this file

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left
from collections.abc import Sequence, Set
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Boolean, LargeBinary, Table

from decision_service.failpoints import Point, reach
from decision_service.pipeline.ports import ArmDecision, StoredEntry
from decision_service.storage import arms, decisions, resting, tables
from decision_service.storage.commits import Commit

NONE: Set[str] = frozenset()


def on_sqlite(connection: sqlite3.Connection, group: Sequence[Commit]) -> Set[str]:
    """Record those of a group whose key is free in one transaction; the ids that are recorded.

    None are where the rest of one has moved. Raises sqlite3.Error, having recorded nothing.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        recorded = _written(connection, group)
        reach(Point.IN_COMMIT)
        connection.execute("COMMIT" if recorded else "ROLLBACK")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return recorded


def _written(connection: sqlite3.Connection, group: Sequence[Commit]) -> Set[str]:
    rests = {commit.rest for commit in group if commit.rest is not None}
    if rests and connection.execute(resting.SQLITE, (json.dumps([*rests]),)).fetchone():
        return NONE
    rows = [decisions.row(commit.entry) for commit in group]
    if not _all_new(connection, tables.decisions, rows):
        group = _recorded(connection, group)
    armed = [_arm_row(commit.entry, commit.arm) for commit in group if commit.arm is not None]
    _all_new(connection, tables.arm_decisions, armed)
    return {commit.entry.decision_id for commit in group}


def _recorded(connection: sqlite3.Connection, group: Sequence[Commit]) -> Sequence[Commit]:
    """Those whose row is theirs: another may have their key, or their id."""
    ids = json.dumps([commit.entry.decision_id for commit in group])
    found = set(connection.execute(_IDENTITIES, (ids,)))
    return [commit for commit in group if (commit.entry.decision_id, *commit.key) in found]


_IDENTITIES = """
SELECT decision_id, caller, request_id FROM decisions
WHERE decision_id IN (SELECT value FROM json_each(?))
"""


def _arm_row(entry: StoredEntry, arm: ArmDecision) -> tuple[object, ...]:
    """An arm's row with numbers for bools: the driver looks long for what a bool becomes."""
    values = arms.row(entry, arm)
    return (
        *values[:5],
        int(arm.hashed),
        int(arm.pins),
        *values[7:9],
        int(arm.rule_error),
        *values[10:],
    )


def _all_new(
    connection: sqlite3.Connection, table: Table, rows: Sequence[tuple[object, ...]]
) -> bool:
    """Insert rows, many at a time; whether none of them clashed.

    Each statement gives the interpreter's lock away and waits for it again: so few of them.
    """
    new = 0
    for first in range(0, len(rows), _MANY):
        some = rows[first : first + _MANY]
        values = [*chain.from_iterable(some)]
        new += connection.execute(_insert(table, len(some)), values).rowcount
    return new == len(rows)


@cache
def _insert(table: Table, rows: int) -> str:
    """`OR IGNORE`, since what could fail half way makes SQLite copy every page aside first."""
    names = table.columns.keys()
    marks = f"({', '.join('?' * len(names))})"
    return f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES {', '.join([marks] * rows)}"


_MANY = 16


def postgres(group: Sequence[Commit]) -> tuple[str, Sequence[Any]]:
    """A statement that records those of a group whose rest holds and whose key is free, and tells
    their ids; and its arguments, row after row.

    There are statements for a few numbers of rows, so that a server has few to plan and remember:
    the last row is repeated until one fits, and clashes with itself.
    """
    rows = _fitting(len(group))
    given = [_given_row(commit) for commit in group]
    given += [given[-1]] * (rows - len(given))
    return postgres_statement(rows), [*chain.from_iterable(given)]


_ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


def _fitting(rows: int) -> int:
    """The least number of rows that there is a statement for; beyond the last, as many as given."""
    place = bisect_left(_ROWS, rows)
    return _ROWS[place] if place < len(_ROWS) else rows


def _given_row(commit: Commit) -> tuple[object, ...]:
    rest = commit.rest or _NO_REST
    return (*decisions.row(commit.entry), *rest[1:], *_of_arm(commit.arm))


_NO_REST = ("", None, None, None, None)
_ARM_COLUMNS = ("unit", "arm", "version", "hashed", "pins", "refer_kind", "rule_error", "approved")


def _of_arm(arm: ArmDecision | None) -> tuple[object, ...]:
    """What the arm's row has beside the decision's."""
    if arm is None:
        return (None,) * len(_ARM_COLUMNS)
    return (
        arm.unit,
        arm.arm.value,
        arm.version,
        arm.hashed,
        arm.pins,
        arm.refer_kind and arm.refer_kind.value,
        arm.rule_error,
        arm.approved,
    )


def _postgres_type(kind: object) -> str:
    if isinstance(kind, LargeBinary):
        return "bytea"
    if isinstance(kind, Boolean):
        return "boolean"
    return "bigint" if isinstance(kind, BigInteger) else "text"


@cache
def postgres_statement(rows: int) -> str:
    """The statement for so many rows, each value an argument of its own.

    Lists of values, one for each column, would be shorter; the driver takes three times as long to
    write them, since it looks at every value for whether it is a list again.
    """
    decided, armed = tables.decisions.columns, tables.arm_decisions.columns
    columns = [(column.name, _postgres_type(column.type)) for column in decided]
    columns += [("consent", "bigint"), ("mark", "text"), ("fetched", "bigint"), ("asked", "text")]
    columns += [(name, _postgres_type(armed[name].type)) for name in _ARM_COLUMNS]
    names = ", ".join(name for name, _ in columns)
    own, of_arm = ", ".join(decided.keys()), ", ".join(armed.keys())
    return f"""
WITH given ({names}, place) AS MATERIALIZED (
    VALUES {", ".join(_placed_row(place, columns) for place in range(rows))}
),
recorded AS (
    INSERT INTO decisions ({own})
    SELECT {own} FROM given
    WHERE consent IS NULL OR ({resting.HOLDS})
    ORDER BY caller, request_id, place
    ON CONFLICT DO NOTHING
    RETURNING decisions.decision_id AS id
),
counted AS (
    INSERT INTO arm_decisions ({of_arm})
    SELECT {of_arm} FROM given JOIN recorded ON recorded.id = given.decision_id
    WHERE arm IS NOT NULL
    ON CONFLICT DO NOTHING
)
SELECT id FROM recorded
"""


def _placed_row(place: int, columns: Sequence[tuple[str, str]]) -> str:
    """One row's arguments and its place; the types of the first are those of all."""
    first = place * len(columns) + 1
    marks = [f"${first + number}" for number in range(len(columns))]
    if not place:
        marks = [f"{mark}::{kind}" for mark, (_, kind) in zip(marks, columns, strict=True)]
    return f"({', '.join(marks)}, {place})"
