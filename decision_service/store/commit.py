"""Group commit: decisions that arrive together become durable together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from time import perf_counter

from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, delete, insert, literal, select, tuple_

from decision_service.decide.flow import UserCache
from decision_service.domain.errors import (
    AllowancesMoved,
    ConsentMoved,
    HistoryMoved,
    LeaseLost,
    ReadingMoved,
    StoreError,
    StoreUnavailable,
)
from decision_service.domain.ports import (
    DayTotals,
    DecisionEntry,
    SnapshotBody,
    StoredEntry,
    WarmMark,
    cap_reached,
)
from decision_service.runtime.failpoints import Point, reach
from decision_service.store import arms, decisions, events, history, reviews, snapshots, tables
from decision_service.store import dialect as driver
from decision_service.store.arms import hold_days
from decision_service.store.batches import Batches
from decision_service.store.dialect import padded
from decision_service.store.engine import Database
from decision_service.store.entries import (
    Commit,
    CommitStatus,
    preconditions_of,
    record_postgres,
    record_sqlite,
)
from decision_service.store.errors import RETRY_SECONDS, repeated, unavailable
from decision_service.store.keys import PLAIN, DataKeys
from decision_service.store.snapshots import PackedSnapshot, Packing

LARGEST_GROUP = 128
LINGER_SECONDS = 0.002
DECIDED_ON = 8192
"""How many decided-on snapshots are cached with their count of withdrawals."""

_PROBE = "probe"
_PROBE_BYTES = 64 << 10
_MANY = 64
"""Places in one statement."""

Place = tuple[bytes, int, str]
"""Key, number under it, decision id."""

_PLACE = tuple_(tables.history_keys.c.key, tables.history_keys.c.number)
_RELEASE = delete(tables.history_keys).where(_PLACE.in_(bindparam("places", expanding=True)))

OnCommit = Callable[[float, int], None]
"""Called after each committed group with its seconds and its number of decisions."""


def no_op(_: float, __: int) -> None:
    """Ignore the group."""


class Writer:
    """Commits decisions in groups: one transaction, one wait for the disk, many callers."""

    def __init__(
        self,
        database: Database,
        linger: float,
        largest_group: int,
        on_commit: OnCommit = no_op,
        data_keys: DataKeys = PLAIN,
    ) -> None:
        self._database = database
        self._data_keys = data_keys
        self._packing = Packing()
        self._decided_on: UserCache[int] = UserCache(DECIDED_ON)
        self._groups = Batches(
            self._commit_group, most=largest_group, linger=linger, split=database.split_batches
        )
        self._on_commit = on_commit
        self._failed = False

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        """The entry, or an earlier one under its key; raises StoreUnavailable or EntryRefused."""
        stored, since = decisions.stored(entry), self._decided_on.forgotten
        packed = None
        if entry.snapshot is not None and not self._is_stored(entry, entry.snapshot):
            instant = decisions.microseconds(entry.created)
            packed = await self._packing.pack(entry.snapshot, instant)
        preconditions = preconditions_of(entry, stored=packed is None)
        commit = Commit(
            stored,
            preconditions,
            packed,
            entry.arm,
            entry.warm,
            entry.history,
            entry.allowances,
            entry.review,
            entry.replaces,
        )
        try:
            answer = await self._groups.submit(commit)
        except ReadingMoved:
            if entry.snapshot is not None:
                self._decided_on.pop((entry.user_id, entry.snapshot.id), None)
            raise
        if packed is not None and answer.decision_id == entry.decision_id:
            self._decided_on.keep(packed.key, entry.consent, since)
        return answer

    async def keep_warm(self, body: SnapshotBody, mark: WarmMark, consent: int) -> bool:
        """Store a reading outside the groups; False where it may not serve any more."""
        packed = await self._packing.pack(body, decisions.microseconds(mark.fetched))
        work = partial(_keep_warm, packed=packed, mark=mark, consent=consent)
        return await self._database.write(partial(work, data_keys=self._data_keys))

    def _is_stored(self, entry: DecisionEntry, snapshot: SnapshotBody) -> bool:
        """Whether a snapshot need not be written, as the commit checks that it is stored.

        That of the reading that may serve is. A part of it is, most likely, where a decision on it
        was recorded since the user last withdrew consent.
        """
        mark = entry.depends_on
        if mark is None:
            return False
        if mark.snapshot_id == snapshot.id:
            return True
        return self._decided_on.get((snapshot.user_id, snapshot.id)) == entry.consent

    def forget(self, user_id: str) -> None:
        self._packing.forget(user_id)
        self._decided_on.forget(user_id)

    async def aclose(self) -> None:
        await self._groups.aclose()

    async def check(self) -> None:
        """After a failed group this writes and removes a row: nothing else shows a full disk."""
        if not self._failed:
            await self._database.write(lambda connection: connection.scalar(select(literal(1))))
            return  # a group that failed meanwhile is still to be tried out
        await self._database.write(_write_and_remove)
        self._failed = False

    async def _commit_group(self, group: Sequence[Commit]) -> Sequence[StoredEntry | StoreError]:
        reach(Point.BEFORE_COMMIT)
        began = perf_counter()
        try:
            # After a lost connection it is run again, which shows whether it was committed.
            work = partial(record_group, group=group, data_keys=self._data_keys)
            answers = await repeated(self._database.commit, work)
        except StoreUnavailable:
            self._failed = True
            raise
        self._failed = False
        self._on_commit(perf_counter() - began, len(group))
        reach(Point.AFTER_COMMIT)
        return answers


def record_group(
    connection: Connection, group: Sequence[Commit], data_keys: DataKeys
) -> Sequence[StoredEntry | StoreError]:
    """An answer per member, in order; of several with one key the first wins. It may run twice."""
    snapshots.hold_consents(connection, {c.entry.user_id for c in group if c.snapshot is not None})
    statuses = _recorded(connection, group)
    answered = zip(group, statuses, strict=True)
    recorded = [commit for commit, status in answered if status is CommitStatus.RECORDED]
    history.replace(connection, [c.replaces for c in recorded if c.replaces])
    rows = [history.row(c.entry, c.history) for c in recorded if c.history is not None]
    driver.insert(connection, tables.history, rows)
    reviews.open_all(connection, [c.review for c in recorded if c.review is not None])
    given = [c.snapshot for c in recorded if c.snapshot is not None]
    snapshots.record(connection, given, data_keys)
    events.record(connection, [(c.entry.user_id, c.warm) for c in recorded if c.warm is not None])
    answers = _answers(connection, group, statuses)
    reach(Point.IN_COMMIT)
    return answers


def _recorded(connection: Connection, group: Sequence[Commit]) -> Sequence[CommitStatus]:
    """Record those that the day allows and that have their places; other places go back."""
    insert_group = record_postgres if connection.dialect.name == "postgresql" else record_sqlite
    exceeding = _over_allowance(connection, group)
    allowed = [commit for commit in group if commit.entry.decision_id not in exceeding]
    taken, moved = _claim(connection, allowed)
    fit = [commit for commit in allowed if commit.entry.decision_id not in moved]
    statuses = dict.fromkeys(moved, CommitStatus.HISTORY_MOVED)
    statuses |= dict.fromkeys(exceeding, CommitStatus.ALLOWANCES_MOVED)
    statuses |= {
        commit.entry.decision_id: status
        for commit, status in zip(fit, insert_group(connection, fit) if fit else (), strict=True)
    }
    lost = {one for one, status in statuses.items() if status is not CommitStatus.RECORDED}
    _release(connection, [place for place in taken if place[2] in lost])
    return [statuses[commit.entry.decision_id] for commit in group]


def _over_allowance(connection: Connection, group: Sequence[Commit]) -> set[str]:
    """The ids of decisions that no longer hold by what is on record.

    Other processes that approve for the same products wait until the transaction ends. Of a group
    each approval counts for those after it, whether it is recorded or not: one too few is approved
    for a moment, never one too many.
    """
    bound = [
        (commit.entry, commit.allowances, commit.arm.grant)
        for commit in group
        if commit.allowances is not None and commit.arm is not None and commit.arm.grant is not None
    ]
    if bound:
        hold_days(connection, {entry.product for entry, _, _ in bound})
    days: dict[tuple[str, datetime], DayTotals] = {}
    over = set[str]()
    for entry, found, grant in bound:
        day = (entry.product, found.limits.midnight)
        if day not in days:
            days[day] = arms.day_totals(connection, *day)
        if cap_reached(replace(found, totals=days[day]), grant) is None:
            days[day] = days[day].plus(grant)
        else:
            over.add(entry.decision_id)
    return over


def _claim(connection: Connection, group: Sequence[Commit]) -> tuple[Sequence[Place], set[str]]:
    """Take the places of a group; a decision that found one taken gives all of its own back.

    Returns the places that were taken, and the decisions that gave theirs back. In order of keys,
    so that two transactions never wait for each other; where two of the group want one place, the
    first has it.
    """
    ordered = sorted(
        (key, last + 1, order, commit.entry.decision_id)
        for order, commit in enumerate(group)
        if commit.history is not None
        for key, last in commit.history.keys
    )
    wanted = [(key, number, decision_id) for key, number, _, decision_id in ordered]
    taken: list[Place] = []
    for first in range(0, len(wanted), _MANY):
        some = wanted[first : first + _MANY]
        insertion = driver.insertion(connection.dialect.name, tables.history_keys, len(some))
        statement = f"{insertion} RETURNING key, number, decision_id"
        found = driver.rows(connection, statement, (*chain.from_iterable(some),))
        taken += [(bytes(row[0]), row[1], row[2]) for row in found]
    moved = {place[2] for place in {*wanted}.difference(taken)}
    _release(connection, [place for place in taken if place[2] in moved])
    return [place for place in taken if place[2] not in moved], moved


def _release(connection: Connection, places: Sequence[Place]) -> None:
    if places:
        pairs = [(key, number) for key, number, _ in places]
        connection.execute(_RELEASE, {"places": padded(pairs)})


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


def _keep_warm(
    connection: Connection,
    packed: PackedSnapshot,
    mark: WarmMark,
    consent: int,
    data_keys: DataKeys,
) -> bool:
    user_id = packed.user_id
    snapshots.hold_consents(connection, (user_id,))
    if snapshots.epochs(connection, (user_id,)).get(user_id, 0) != consent:
        return False
    before, _ = events.mark(connection, user_id)
    snapshots.record(connection, [packed], data_keys)
    events.record(connection, [(user_id, mark)])
    kept = events.mark(connection, user_id)
    for one in (before, mark):
        if one is not None:
            snapshots.drop_unused(connection, user_id, one.snapshot_id)
    return kept == (mark, False)


def _write_and_remove(connection: Connection) -> None:
    filler = {"digest": _PROBE, "kind": _PROBE, "body": bytes(_PROBE_BYTES)}
    connection.execute(insert(tables.texts), filler)
    connection.execute(delete(tables.texts).where(tables.texts.c.digest == _PROBE))
