"""The statement by which PostgreSQL records a group of decisions, each on its preconditions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row

from decision_service.store.arms import arm_decisions
from decision_service.store.decisions import decisions
from decision_service.store.dialect import Values, numbered, type_of

# ruff: noqa: S608 - every statement is made of constants of this file

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
_ARM_ROW = tuple(arm_decisions.columns.keys())
_ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


def given_row(decision: Values, preconditions: Values, arm: Values | None) -> Values:
    """A decision as `statement` takes it, of its own row and that of its arm, if it has one."""
    named = dict(zip(_ARM_ROW, arm or (None,) * len(_ARM_ROW), strict=True))
    return (*decision, *preconditions, *(named[name] for name in _ARM_COLUMNS), named["outcome"])


def record_rows(connection: Connection, given: Sequence[Values]) -> Sequence[Row[Any]]:
    """Record what may be recorded; for each whether it holds, has its lease, and was recorded.

    Of several with one key the first wins. The lease of each that is recorded, or whose key was
    taken, ends. There are statements for a few numbers of rows, so that a server has few to plan:
    the last row is repeated until one fits, and clashes with itself.
    """
    place = bisect_left(_ROWS, len(given))
    rows = _ROWS[place] if place < len(_ROWS) else len(given)
    values = chain(*given, *[given[-1]] * (rows - len(given)))
    return connection.exec_driver_sql(statement(rows), (*values,)).all()[: len(given)]


@cache
def statement(rows: int) -> str:
    """The statement for so many rows, each value an argument of its own.

    Lists of values, one for each column, would be shorter; the driver takes three times as long to
    write them, since it looks at every value for whether it is a list again.
    """
    own, of_arm = ", ".join(decisions.columns.keys()), ", ".join(_ARM_ROW)
    judged = of_arm.replace("outcome", "judged")
    decided, armed = decisions.columns, arm_decisions.columns
    columns = [(column.name, type_of(column.type)) for column in decided]
    columns += _PRECONDITIONS
    columns += [(name, type_of(armed[name].type)) for name in _ARM_COLUMNS]
    columns.append(("judged", "text"))
    names, kinds = ", ".join(name for name, _ in columns), [kind for _, kind in columns]
    placed = [f"({', '.join(numbered(kinds, place))}, {place})" for place in range(rows)]
    return f"""
WITH given ({names}, place) AS MATERIALIZED (
    VALUES {", ".join(placed)}
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
