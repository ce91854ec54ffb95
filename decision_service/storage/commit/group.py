"""The transaction that records a group of decisions with their snapshots and arms."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from decision_service.domain.errors import (
    AllowancesMoved,
    ConsentMoved,
    HistoryMoved,
    LeaseLost,
    ReadingMoved,
    StoreError,
)
from decision_service.failpoints import Point, reach
from decision_service.pipeline.ports import StoredEntry
from decision_service.storage.commit import allowances, history
from decision_service.storage.commit import postgres as postgres_commit
from decision_service.storage.commit import sqlite as sqlite_commit
from decision_service.storage.commit.entry import Commit, CommitStatus
from decision_service.storage.errors import RETRY_SECONDS, unavailable
from decision_service.storage.privacy import consents, snapshots
from decision_service.storage.privacy.data_keys import DataKeys
from decision_service.storage.queries import decisions, warm
from decision_service.storage.queries import history as own_history
from decision_service.storage.reviews import rows as reviews


def record_group(
    connection: Connection, group: Sequence[Commit], data_keys: DataKeys
) -> Sequence[StoredEntry | StoreError]:
    """Record a group in the connection's transaction; an answer per member, in order.

    Of several with one key the first wins. Running it twice records nothing twice.
    """
    consents.hold(connection, {c.entry.user_id for c in group if c.snapshot is not None})
    statuses = _recorded(connection, group)
    recorded = [
        commit
        for commit, status in zip(group, statuses, strict=True)
        if status is CommitStatus.RECORDED
    ]
    own_history.replace(connection, [c.replaces for c in recorded if c.replaces])
    history.record(connection, recorded)
    reviews.open_all(connection, [c.review for c in recorded if c.review is not None])
    given = [c.snapshot for c in recorded if c.snapshot is not None]
    snapshots.record(connection, given, data_keys)
    warm.record(connection, [(c.entry.user_id, c.warm) for c in recorded if c.warm is not None])
    answers = _answers(connection, group, statuses)
    reach(Point.IN_COMMIT)
    return answers


def _recorded(connection: Connection, group: Sequence[Commit]) -> Sequence[CommitStatus]:
    """Record those that the day allows and that have their places in the history.

    The places of the others are given back.
    """
    database = postgres_commit if connection.dialect.name == "postgresql" else sqlite_commit
    exceeding = allowances.exceeding(connection, group)
    allowed = [commit for commit in group if commit.entry.decision_id not in exceeding]
    claimed = history.claim(connection, allowed)
    fit = [commit for commit in allowed if commit.entry.decision_id not in claimed.moved]
    statuses = dict.fromkeys(claimed.moved, CommitStatus.HISTORY_MOVED)
    statuses |= dict.fromkeys(exceeding, CommitStatus.ALLOWANCES_MOVED)
    statuses |= {
        commit.entry.decision_id: status
        for commit, status in zip(fit, database.record(connection, fit) if fit else (), strict=True)
    }
    lost = {one for one, status in statuses.items() if status is not CommitStatus.RECORDED}
    claimed.release(connection, frozenset(lost))
    return [statuses[commit.entry.decision_id] for commit in group]


def _answers(
    connection: Connection, group: Sequence[Commit], statuses: Sequence[CommitStatus]
) -> Sequence[StoredEntry | StoreError]:
    """For each entry: the recorded one, the earlier one under its key, or an error."""
    results = [*zip(group, statuses, strict=True)]
    refused = {c.key for c, status in results if status is not CommitStatus.RECORDED}
    entries = {**decisions.by_keys(connection, refused)}
    for commit, status in results:
        if status is CommitStatus.RECORDED:
            entries.setdefault(commit.key, commit.entry)
    return [entries.get(commit.key) or _refusal(commit, status) for commit, status in results]


def _refusal(commit: Commit, status: CommitStatus) -> StoreError:
    if status is CommitStatus.LEASE_LOST:
        return LeaseLost(
            "another process decides this request by now: ask again with the same request_id",
            retry_after=RETRY_SECONDS,
        )
    if status is CommitStatus.HISTORY_MOVED:
        return HistoryMoved("the person's history has moved on: nothing was recorded")
    if status is CommitStatus.ALLOWANCES_MOVED:
        return AllowancesMoved("the day allows less by now: nothing was recorded")
    if status is CommitStatus.KEY_TAKEN:
        return unavailable("the decision's id belongs to another decision: nothing was recorded")
    if commit.preconditions.reading is not None:
        return ReadingMoved("the reading may not serve any more: nothing was recorded")
    return ConsentMoved("the user withdrew consent meanwhile: nothing was recorded")
