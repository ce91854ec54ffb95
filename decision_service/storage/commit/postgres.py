"""PostgreSQL: a group's preconditions, leases, decisions and arms, in one statement."""
# ruff: noqa: S608 - every statement is made of constants of this file

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import chain

from sqlalchemy import Connection

from decision_service.storage.commit.entry import Commit, CommitStatus
from decision_service.storage.queries import decisions
from decision_service.storage.queries.driver import numbered, type_of
from decision_service.storage.queries.rollout import arms
from decision_service.storage.schema import tables

_CONSENTED = """
coalesce((SELECT epoch FROM consents WHERE consents.user_id = given.user_id), 0) = given.consent
"""

_SERVES = """
EXISTS (
    SELECT FROM warm
    WHERE warm.user_id = given.user_id AND warm.snapshot_id = given.reading
    AND warm.fetched = given.fetched AND warm.quarantined < warm.fetched
    FOR SHARE
)
"""
"""The lock keeps the reading serving until the transaction ends, and its snapshot stored."""

_STORED = """
EXISTS (
    SELECT FROM snapshots
    WHERE snapshots.user_id = given.user_id AND snapshots.snapshot_id = given.part
    FOR KEY SHARE
)
"""

_HOLDS = f"""
given.consent IS NULL OR (
    {_CONSENTED} AND (given.reading IS NULL OR {_SERVES}) AND (given.part IS NULL OR {_STORED})
)
"""

_MATCHING = """
leases.caller = given.caller AND leases.request_id = given.request_id
AND leases.fence = given.fence
"""

_LEASED = f"given.fence IS NULL OR EXISTS (SELECT FROM leases WHERE {_MATCHING} FOR UPDATE)"
"""Another process that wants to take the lease over waits until the transaction ends: then it
finds the decision. One that came first has it."""

_PRECONDITIONS = (
    ("consent", "bigint"),
    ("reading", "text"),
    ("fetched", "bigint"),
    ("part", "text"),
    ("fence", "text"),
)
_ARM_COLUMNS = (
    "unit",
    "arm",
    "version",
    "hashed",
    "pins",
    "refer_kind",
    "rule_error",
    "approved",
    "tier",
    "granted",
)
_ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


def record(connection: Connection, group: Sequence[Commit]) -> Sequence[CommitStatus]:
    """Record a group's acceptable entries with their arms; each entry's status, in order.

    Of several with one key the first wins. The lease of each that is recorded, or whose key was
    taken, ends. There are statements for a few numbers of rows, so that a server has few to plan:
    the last row is repeated until one fits, and clashes with itself.
    """
    rows = _fitting(len(group))
    given = [_given_row(commit) for commit in group]
    given += [given[-1]] * (rows - len(given))
    found = connection.exec_driver_sql(statement(rows), (*chain.from_iterable(given),))
    return [_status(*row) for row in found][: len(group)]


def _status(holds: bool, leased: bool, recorded: bool) -> CommitStatus:  # noqa: FBT001 - a row
    if not holds:
        return CommitStatus.MOVED
    if not leased:
        return CommitStatus.LEASE_LOST
    return CommitStatus.RECORDED if recorded else CommitStatus.KEY_TAKEN


def _fitting(rows: int) -> int:
    """The least prepared number of rows that fits; beyond the largest, the given number."""
    place = bisect_left(_ROWS, rows)
    return _ROWS[place] if place < len(_ROWS) else rows


def _given_row(commit: Commit) -> tuple[object, ...]:
    needs = commit.preconditions
    asked = needs.consent, needs.reading, needs.fetched, needs.part, needs.fence
    return (*decisions.row(commit.entry), *asked, *_of_arm(commit))


def _of_arm(commit: Commit) -> tuple[object, ...]:
    """The values of the arm's row that the decision's row does not have."""
    arm = commit.arm
    if arm is None:
        return (None,) * (len(_ARM_COLUMNS) + 1)
    return (
        arm.unit,
        arm.arm.value,
        arm.version,
        arm.hashed,
        arm.pins,
        arm.refer_kind and arm.refer_kind.value,
        arm.rule_error,
        arm.approved,
        *arms.granted(arm),
        arms.judged(commit.entry, arm),
    )


@cache
def statement(rows: int) -> str:
    """The statement for so many rows, each value an argument of its own.

    Lists of values, one for each column, would be shorter; the driver takes three times as long to
    write them, since it looks at every value for whether it is a list again.
    """
    own, of_arm = (
        ", ".join(table.columns.keys()) for table in (tables.decisions, tables.arm_decisions)
    )
    judged = of_arm.replace("outcome", "judged")
    columns = _columns()
    names = ", ".join(name for name, _ in columns)
    return f"""
WITH given ({names}, place) AS MATERIALIZED (
    VALUES {", ".join(_placed_row(place, columns) for place in range(rows))}
),
checked AS MATERIALIZED (
    SELECT given.*, ({_HOLDS}) AS holds, ({_LEASED}) AS leased FROM given
),
recorded AS (
    INSERT INTO decisions ({own})
    SELECT {own} FROM checked
    WHERE holds AND leased
    ORDER BY caller, request_id, place
    ON CONFLICT DO NOTHING
    RETURNING decision_id AS new_id, caller AS new_caller, request_id AS new_request
),
done AS MATERIALIZED (
    SELECT checked.*, new_id IS NOT NULL AND holds AND leased AS done
    FROM checked LEFT JOIN recorded
    ON new_id = decision_id AND new_caller = caller AND new_request = request_id
),
counted AS (
    INSERT INTO arm_decisions ({of_arm})
    SELECT {judged} FROM done WHERE done AND arm IS NOT NULL
    ON CONFLICT DO NOTHING
),
spent AS (
    DELETE FROM leases USING checked AS given WHERE holds AND {_MATCHING}
)
SELECT holds, leased, done FROM done ORDER BY place
"""


def _columns() -> Sequence[tuple[str, str]]:
    """The names and types of a given row."""
    decided, armed = tables.decisions.columns, tables.arm_decisions.columns
    columns = [(column.name, type_of(column.type)) for column in decided]
    columns += _PRECONDITIONS
    columns += [(name, type_of(armed[name].type)) for name in _ARM_COLUMNS]
    return [*columns, ("judged", "text")]


def _placed_row(place: int, columns: Sequence[tuple[str, str]]) -> str:
    """One row's arguments and its place."""
    return f"({', '.join(numbered([kind for _, kind in columns], place))}, {place})"
