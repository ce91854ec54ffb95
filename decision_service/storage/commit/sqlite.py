"""SQLite: a group's preconditions, decisions and arms, in one statement for each."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from decision_service.storage.commit.entry import Commit, CommitStatus, Preconditions
from decision_service.storage.queries import decisions, driver
from decision_service.storage.queries.rollout import arms
from decision_service.storage.schema import tables

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


def record(connection: Connection, group: Sequence[Commit]) -> Sequence[CommitStatus]:
    """Record a group's acceptable entries with their arms; each entry's status, in order.

    Of several with one key the first wins. One process has the file, so there are no leases.
    """
    broken = _broken(connection, group)
    fit = [commit for commit in group if commit.preconditions not in broken]
    recorded = _recorded(connection, fit)
    armed = [arms.row(c.entry, c.arm) for c in fit if c.arm is not None and _id(c) in recorded]
    driver.insert(connection, tables.arm_decisions, armed)
    return [_status(commit, broken, recorded) for commit in group]


_Identity = tuple[str, str, str]


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


def _status(commit: Commit, broken: set[Preconditions], recorded: set[_Identity]) -> CommitStatus:
    if commit.preconditions in broken:
        return CommitStatus.MOVED
    return CommitStatus.RECORDED if _id(commit) in recorded else CommitStatus.KEY_TAKEN
