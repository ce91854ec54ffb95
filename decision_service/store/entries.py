"""Entries about to be committed with their preconditions, as one statement of each database."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum, auto
from functools import cache
from itertools import chain

import msgspec
from sqlalchemy import Connection

from decision_service.domain.ports import (
    Allowances,
    ArmDecision,
    DecisionEntry,
    HistoryEntry,
    StoredEntry,
    WarmMark,
)
from decision_service.domain.reviews import OpenedReview
from decision_service.store import arms, decisions, tables
from decision_service.store import dialect as driver
from decision_service.store.decisions import microseconds
from decision_service.store.dialect import numbered, type_of
from decision_service.store.snapshots import PackedSnapshot

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
_ARM_ROW = tuple(tables.arm_decisions.columns.keys())
_ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_BROKEN = """
SELECT given.key FROM json_each(?) AS given
LEFT JOIN consents ON consents.user_id = given.value ->> 0
LEFT JOIN warm ON warm.user_id = given.value ->> 0
WHERE coalesce(consents.epoch, 0) <> given.value ->> 1 OR (
    given.value ->> 2 IS NOT NULL AND NOT (
        warm.snapshot_id IS given.value ->> 2
        AND warm.fetched IS given.value ->> 3
        AND warm.quarantined < warm.fetched
    )
) OR (
    given.value ->> 4 IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM snapshots
        WHERE snapshots.user_id = given.value ->> 0 AND snapshots.snapshot_id = given.value ->> 4
    )
)
"""
"""The indexes of failed preconditions, given as a JSON array of arrays."""

_IDENTITIES = """
SELECT decision_id, caller, request_id FROM decisions
WHERE decision_id IN (SELECT value FROM json_each(?))
"""

_Identity = tuple[str, str, str]


class Preconditions(msgspec.Struct, frozen=True, array_like=True):
    """Conditions that must hold at the commit; None where one does not matter.

    `consent` is the user's count of withdrawals. `reading` is the snapshot that may serve and
    `fetched` when it was read. `part` is a snapshot that must be stored. `fence` is that of the
    lease that must be held.
    """

    user_id: str
    consent: int | None = None
    reading: str | None = None
    fetched: int | None = None
    part: str | None = None
    fence: str | None = None


class Commit(msgspec.Struct, frozen=True):
    """`snapshot` is None where none has to be stored, `warm` where no mark is set."""

    entry: StoredEntry
    preconditions: Preconditions
    snapshot: PackedSnapshot | None = None
    arm: ArmDecision | None = None
    warm: WarmMark | None = None
    history: HistoryEntry | None = None
    allowances: Allowances | None = None
    review: OpenedReview | None = None
    replaces: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.entry.caller, self.entry.request_id


class CommitStatus(Enum):
    RECORDED = auto()
    KEY_TAKEN = auto()
    """The entry's key, or its decision's id, belongs to another decision."""
    MOVED = auto()
    """A precondition failed: consent, reading or stored snapshot has changed."""
    HISTORY_MOVED = auto()
    """Another decision came first under a key of its history."""
    ALLOWANCES_MOVED = auto()
    """Others have used up what the day allowed."""
    LEASE_LOST = auto()


def preconditions_of(entry: DecisionEntry, *, stored: bool) -> Preconditions:
    """What an entry depends on; with `stored` also that its snapshot is there already."""
    fence = entry.fence or None
    if entry.snapshot is None:
        return Preconditions(entry.user_id, fence=fence)
    mark = entry.depends_on
    if mark is None:
        return Preconditions(entry.user_id, entry.consent, fence=fence)
    part = entry.snapshot.id if stored and entry.snapshot.id != mark.snapshot_id else None
    fetched = microseconds(mark.fetched)
    return Preconditions(entry.user_id, entry.consent, mark.snapshot_id, fetched, part, fence)


def record_postgres(connection: Connection, group: Sequence[Commit]) -> Sequence[CommitStatus]:
    """Record a group's acceptable entries with their arms; each entry's status, in order.

    Of several with one key the first wins. The lease of each that is recorded, or whose key was
    taken, ends. There are statements for a few numbers of rows, so that a server has few to plan:
    the last row is repeated until one fits, and clashes with itself.
    """
    place = bisect_left(_ROWS, len(group))
    rows = _ROWS[place] if place < len(_ROWS) else len(group)
    given = [_given_row(commit) for commit in group]
    given += [given[-1]] * (rows - len(given))
    found = connection.exec_driver_sql(statement(rows), (*chain.from_iterable(given),))
    return [_postgres_status(*row) for row in found][: len(group)]


def _postgres_status(holds: bool, leased: bool, recorded: bool) -> CommitStatus:  # noqa: FBT001 - a row
    if not holds:
        return CommitStatus.MOVED
    if not leased:
        return CommitStatus.LEASE_LOST
    return CommitStatus.RECORDED if recorded else CommitStatus.KEY_TAKEN


def _given_row(commit: Commit) -> tuple[object, ...]:
    needs = commit.preconditions
    asked = needs.consent, needs.reading, needs.fetched, needs.part, needs.fence
    return (*decisions.row(commit.entry), *asked, *_of_arm(commit))


def _of_arm(commit: Commit) -> tuple[object, ...]:
    """The values of the arm's row that the decision's row does not have."""
    arm = commit.arm
    if arm is None:
        return (None,) * (len(_ARM_COLUMNS) + 1)
    row = dict(zip(_ARM_ROW, arms.row(commit.entry, arm), strict=True))
    return (*(row[name] for name in _ARM_COLUMNS), row["outcome"])


@cache
def statement(rows: int) -> str:
    """The statement for so many rows, each value an argument of its own.

    Lists of values, one for each column, would be shorter; the driver takes three times as long to
    write them, since it looks at every value for whether it is a list again.
    """
    own, of_arm = ", ".join(tables.decisions.columns.keys()), ", ".join(_ARM_ROW)
    judged = of_arm.replace("outcome", "judged")
    decided, armed = tables.decisions.columns, tables.arm_decisions.columns
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


def record_sqlite(connection: Connection, group: Sequence[Commit]) -> Sequence[CommitStatus]:
    """Each entry's status, in order; of several with one key the first wins."""
    broken = _broken(connection, group)
    fit = [commit for commit in group if commit.preconditions not in broken]
    recorded = _recorded(connection, fit)
    armed = [arms.row(c.entry, c.arm) for c in fit if c.arm is not None and _id(c) in recorded]
    driver.insert(connection, tables.arm_decisions, armed)
    return [_sqlite_status(commit, broken, recorded) for commit in group]


def _id(commit: Commit) -> _Identity:
    return (commit.entry.decision_id, *commit.key)


def _broken(connection: Connection, group: Sequence[Commit]) -> set[Preconditions]:
    asked = [*{c.preconditions for c in group if c.preconditions.consent is not None}]
    if not asked:
        return set()
    found = driver.rows(connection, _BROKEN, (msgspec.json.encode(asked).decode(),))
    return {asked[row[0]] for row in found}


def _recorded(connection: Connection, fit: Sequence[Commit]) -> set[_Identity]:
    """Insert the decisions; the identities that are stored afterwards."""
    rows = [decisions.row(commit.entry) for commit in fit]
    if driver.insert(connection, tables.decisions, rows) == len(rows):
        return {_id(commit) for commit in fit}
    ids = msgspec.json.encode([commit.entry.decision_id for commit in fit]).decode()
    return {tuple(row) for row in driver.rows(connection, _IDENTITIES, (ids,))}


def _sqlite_status(
    commit: Commit, broken: set[Preconditions], recorded: set[_Identity]
) -> CommitStatus:
    if commit.preconditions in broken:
        return CommitStatus.MOVED
    return CommitStatus.RECORDED if _id(commit) in recorded else CommitStatus.KEY_TAKEN
