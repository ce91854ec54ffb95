"""Group commit: decisions that arrive together become durable together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from itertools import chain
from time import perf_counter

import msgspec
import sqlalchemy as sa
from msgspec.structs import astuple, replace

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
    Allowances,
    DayTotals,
    DecisionEntry,
    Grant,
    Lease,
    SnapshotBody,
    StoredEntry,
    cap_reached,
)
from decision_service.outbox.events import EventType
from decision_service.runtime.failpoints import Point, reach
from decision_service.store import arms, decisions, history, outbox, review_rows, snapshots
from decision_service.store import columns as driver
from decision_service.store.arms import hold_days
from decision_service.store.batches import Batches
from decision_service.store.columns import Values, microseconds, padded
from decision_service.store.engine import Database
from decision_service.store.errors import RETRY_SECONDS, unavailable
from decision_service.store.keys import DataKeys
from decision_service.store.replicas import SharedLeases, SoleProcess, spend
from decision_service.store.rollouts import texts
from decision_service.store.snapshots import Snapshots

LARGEST_GROUP = 128
# A commit costs about the same whatever is in it, most of it the wait for the disk.
LINGER_SECONDS = 0.002

_PROBE = "probe"
_PROBE_BYTES = 64 << 10
_MANY = 64
"""Places in one statement."""

Place = tuple[bytes, int, str]
"""Key, number under it, decision id."""

_PLACE = sa.tuple_(history.history_keys.c.key, history.history_keys.c.number)
_RELEASE = sa.delete(history.history_keys).where(_PLACE.in_(sa.bindparam("places", expanding=True)))
_IDENTITIES = sa.select(
    *(decisions.decisions.c[name] for name in ("decision_id", "caller", "request_id"))
).where(decisions.decisions.c.decision_id.in_(sa.bindparam("ids", expanding=True)))
_PRECONDITIONS = {
    "user_id": "text",
    "consent": "bigint",
    "reading": "text",
    "fetched": "bigint",
    "place": "bigint",
}
# PostgreSQL locks the reading that may serve, so that it serves until the commit.
# A user without a row in `consents` has never withdrawn: the count is 0.
_BROKEN = """
WITH given ({names}) AS (VALUES {values})
SELECT place, coalesce((SELECT epoch FROM consents WHERE consents.user_id = given.user_id), 0)
    = given.consent
    AND (given.reading IS NULL OR EXISTS (
        SELECT 1 FROM warm
        WHERE warm.user_id = given.user_id AND warm.snapshot_id = given.reading
        AND warm.fetched = given.fetched AND warm.quarantined < warm.fetched {lock}
    ))
    AS holds
FROM given
"""

OnCommit = Callable[[float, int], None]
"""Called after each committed group with its seconds and its number of decisions."""


def no_op(_: float, __: int) -> None:
    """Ignore the group."""


class Preconditions(msgspec.Struct, frozen=True):
    """Conditions that must hold at the commit; None where one does not matter.

    `consent` is the user's count of withdrawals. `reading` is the snapshot that may serve and
    `fetched` when it was read.
    """

    user_id: str
    consent: int | None = None
    reading: str | None = None
    fetched: int | None = None


class Commit(msgspec.Struct, frozen=True):
    """An entry to be committed, as it is read back later."""

    entry: DecisionEntry
    stored: StoredEntry
    preconditions: Preconditions

    @property
    def snapshot(self) -> SnapshotBody | None:
        """The one to be stored; a whole warm reading is there already, as the commit checks."""
        snapshot = self.entry.snapshot
        mark = self.entry.depends_on
        if snapshot is not None and mark is not None and mark.snapshot_id == snapshot.id:
            return None
        return snapshot

    @property
    def key(self) -> tuple[str, str]:
        return self.entry.caller, self.entry.request_id


class Commits(Snapshots):
    """Commits decisions in groups: one transaction, one wait for the disk, many callers."""

    def __init__(
        self,
        database: Database,
        data_keys: DataKeys,
        leases: SharedLeases | SoleProcess,
        linger: float,
        largest_group: int,
        on_commit: OnCommit,
    ) -> None:
        Snapshots.__init__(self, database, data_keys)
        self.leases = leases
        self._groups = Batches(
            self._commit_group, most=largest_group, linger=linger, split=database.split_batches
        )
        self._on_commit = on_commit
        self._failed = False

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        """The entry, or an earlier one under its key; raises StoreUnavailable or EntryRefused."""
        if entry.warm is not None:
            # The commit changes the user's mark: whoever looks meanwhile must read the store.
            self._held.forget(entry.user_id)
        commit = Commit(entry, decisions.stored(entry), preconditions_of(entry))
        try:
            answer = await self._groups.submit(commit)
        except ReadingMoved:
            # What is remembered led to the refusal, and would lead to the same one again.
            self._held.forget(entry.user_id)
            raise
        if entry.fence:
            # The commit deleted the lease's row, so there is nothing left to renew.
            self.leases.forget(entry.fence)
        return answer

    async def check(self) -> None:
        # No decision has an empty id: the look-up alone shows whether the store answers.
        await self._database.read(partial(decisions.by_id, decision_id=""))
        await self.check_writing()

    async def check_writing(self) -> None:
        """After a failed group this writes and removes a row: nothing else shows a full disk."""
        if not self._failed:
            await self._database.write(_touch)
            # `_failed` stays as it is: a group that failed meanwhile is still to be tried out.
            return
        await self._database.write(_write_and_remove)
        self._failed = False

    async def _commit_group(self, group: Sequence[Commit]) -> Sequence[StoredEntry | StoreError]:
        reach(Point.BEFORE_COMMIT)
        began = perf_counter()
        try:
            # After a lost connection it is run again, which shows whether it was committed.
            work = partial(record_group, group=group, data_keys=self.data_keys)
            answers = await self._database.commit(work)
        except StoreUnavailable:
            self._failed = True
            raise
        self._failed = False
        self._on_commit(perf_counter() - began, len(group))
        reach(Point.AFTER_COMMIT)
        return answers


def preconditions_of(entry: DecisionEntry) -> Preconditions:
    if entry.snapshot is None:
        return Preconditions(entry.user_id)
    mark = entry.depends_on
    if mark is None:
        return Preconditions(entry.user_id, entry.consent)
    fetched = microseconds(mark.fetched)
    return Preconditions(entry.user_id, entry.consent, mark.snapshot_id, fetched=fetched)


def record_group(
    connection: sa.Connection, group: Sequence[Commit], data_keys: DataKeys
) -> Sequence[StoredEntry | StoreError]:
    """An answer per member, in order; of several with one key the first wins. It may run twice."""
    # First of all, as an erasure does: in another order the two could wait for each other.
    snapshots.hold_consents(connection, {c.entry.user_id for c in group if c.snapshot is not None})
    refused = _refused(connection, group)
    recorded = [commit for commit in group if commit.entry.decision_id not in refused]
    entries = [commit.entry for commit in recorded]
    history.replace(connection, [one.replaces for one in entries if one.replaces])
    rows = [history.row(c.stored, c.entry.history) for c in recorded if c.entry.history is not None]
    driver.insert(connection, history.history, rows)
    driver.insert(connection, outbox.GIVEN, [*map(_event, entries)])
    if opened := [one.review for one in entries if one.review is not None]:
        review_rows.open_all(connection, opened)
    given = [(c.snapshot, c.entry.created) for c in recorded if c.snapshot is not None]
    snapshots.record(connection, given, data_keys)
    marks = [(one.user_id, one.warm) for one in entries if one.warm is not None]
    snapshots.record_marks(connection, marks)
    answers = _answers(connection, group, refused)
    reach(Point.IN_COMMIT)
    return answers


def _refused(connection: sa.Connection, group: Sequence[Commit]) -> Mapping[str, StoreError]:
    """Record those that the day allows and that have their places; why the others are not, by id.

    The places of what is not recorded go back.
    """
    refused: dict[str, StoreError] = {}
    # Before the places: what the day refuses must take none of them.
    for decision_id in _over_allowance(connection, group):
        refused[decision_id] = AllowancesMoved("the day allows less by now: nothing was recorded")
    allowed = [commit for commit in group if commit.entry.decision_id not in refused]
    taken, moved = _claim(connection, allowed)
    for decision_id in moved:
        what = "the person's history has moved on: nothing was recorded"
        refused[decision_id] = HistoryMoved(what)
    fit = [commit for commit in allowed if commit.entry.decision_id not in moved]
    refused |= _insert(connection, fit) if fit else {}
    # A reading finds no place without a decision: whoever came next would find it taken for ever.
    _release(connection, [place for place in taken if place[2] in refused])
    return refused


def _over_allowance(connection: sa.Connection, group: Sequence[Commit]) -> set[str]:
    """The ids of decisions that no longer hold by what is on record.

    Other processes that approve for the same products wait until the transaction ends. Of a group
    each approval counts for those after it, whether it is recorded or not.
    """
    bound: list[tuple[DecisionEntry, Allowances, Grant]] = []
    for commit in group:
        entry = commit.entry
        grant = None if entry.arm is None else entry.arm.grant
        if entry.allowances is not None and grant is not None:
            bound.append((entry, entry.allowances, grant))
    if bound:
        hold_days(connection, {entry.product for entry, _, _ in bound})
    days: dict[tuple[str, datetime], DayTotals] = {}
    over = set[str]()
    for entry, found, grant in bound:
        day = (entry.product, found.limits.midnight)
        if day not in days:
            days[day] = arms.day_totals(connection, *day)
        # Also of one that is not recorded after all: for a moment one too few is approved, never
        # one too many.
        if cap_reached(replace(found, totals=days[day]), grant) is None:
            days[day] = days[day].plus(grant)
        else:
            over.add(entry.decision_id)
    return over


def _claim(connection: sa.Connection, group: Sequence[Commit]) -> tuple[Sequence[Place], set[str]]:
    """Take the places of a group; a decision that found one taken gives all of its own back.

    Returns the places that were taken, and the decisions that gave theirs back. Where two of the
    group want one place, the first has it.
    """
    # In order of keys, so that two transactions never wait for each other.
    ordered = sorted(
        (key, last + 1, order, commit.entry.decision_id)
        for order, commit in enumerate(group)
        if commit.entry.history is not None
        for key, last in commit.entry.history.keys
    )
    wanted = [(key, number, decision_id) for key, number, _, decision_id in ordered]
    taken: list[Place] = []
    for first in range(0, len(wanted), _MANY):
        some = wanted[first : first + _MANY]
        insertion = driver.insertion(connection.dialect.name, history.history_keys, len(some))
        statement = f"{insertion} RETURNING key, number, decision_id"
        # A place that is taken is not returned, which is how a conflict shows.
        found = driver.rows(connection, statement, (*chain.from_iterable(some),))
        taken += [(bytes(row[0]), row[1], row[2]) for row in found]
    moved = {place[2] for place in {*wanted}.difference(taken)}
    _release(connection, [place for place in taken if place[2] in moved])
    return [place for place in taken if place[2] not in moved], moved


def _release(connection: sa.Connection, places: Sequence[Place]) -> None:
    if places:
        pairs = [(key, number) for key, number, _ in places]
        connection.execute(_RELEASE, {"places": padded(pairs)})


def _insert(connection: sa.Connection, group: Sequence[Commit]) -> Mapping[str, StoreError]:
    """Insert decisions with their arms; why the others are not, by id. Of one key the first wins.

    The lease of each that is recorded, or whose key was taken, ends.
    """
    asked = {c.preconditions for c in group if c.preconditions.consent is not None}
    broken = _broken(connection, asked)
    whole = [commit for commit in group if commit.preconditions not in broken]
    # Whoever wants to take a lease over waits until this transaction ends, and finds the decision.
    leases = [Lease(*commit.key, commit.entry.fence) for commit in whole if commit.entry.fence]
    # A process that has the store to itself decides without a fence.
    leased = {"", *spend(connection, leases)} if leases else {""}
    fit = [commit for commit in whole if commit.entry.fence in leased]
    # In order of keys, so that two transactions never wait for each other.
    rows = [decisions.row(commit.stored) for commit in sorted(fit, key=lambda commit: commit.key)]
    there = {(commit.entry.decision_id, *commit.key) for commit in fit}
    # The count says whether all went in: only after a clash is it worth another statement.
    if driver.insert(connection, decisions.decisions, rows) != len(rows):
        ids = {"ids": padded([commit.entry.decision_id for commit in fit])}
        there = {tuple(row) for row in connection.execute(_IDENTITIES, ids)}
    refused: dict[str, StoreError] = {}
    for commit in group:
        if commit.preconditions in broken:
            refused[commit.entry.decision_id] = _moved(commit.preconditions)
        elif commit.entry.fence not in leased:
            refused[commit.entry.decision_id] = LeaseLost(
                "another process decides this request by now: ask again with the same request_id",
                retry_after=RETRY_SECONDS,
            )
        elif (commit.entry.decision_id, *commit.key) not in there:
            what = "the decision's id belongs to another decision: nothing was recorded"
            refused[commit.entry.decision_id] = unavailable(what)
    armed = [_arm_row(commit) for commit in group if commit.entry.decision_id not in refused]
    driver.insert(connection, arms.arm_decisions, [row for row in armed if row is not None])
    return refused


def _moved(preconditions: Preconditions) -> StoreError:
    if preconditions.reading is not None:
        return ReadingMoved("the reading may not serve any more: nothing was recorded")
    return ConsentMoved("the user withdrew consent meanwhile: nothing was recorded")


def _broken(connection: sa.Connection, asked: Collection[Preconditions]) -> set[Preconditions]:
    if not asked:
        return set()
    given = padded([*asked])
    values = chain.from_iterable((*astuple(one), place) for place, one in enumerate(given))
    found = driver.rows(connection, looking(connection.dialect.name, len(given)), (*values,))
    return {given[place] for place, holds in found if not holds}


@cache
def looking(dialect: str, count: int) -> str:
    """The statement that says of so many preconditions whether they hold."""
    lock = "FOR SHARE" if dialect == "postgresql" else ""
    values = driver.marks(dialect, [*_PRECONDITIONS.values()], count)
    names = ", ".join(_PRECONDITIONS)
    return _BROKEN.format(names=names, values=values, lock=lock)


def _arm_row(commit: Commit) -> Values | None:
    """A decision's row for its rollout, column by column; its outcome is the rules' own."""
    entry = commit.stored
    arm = commit.entry.arm
    if arm is None:
        return None
    grant = arm.grant
    return (
        entry.decision_id,
        entry.product,
        arm.unit,
        arm.arm.value,
        arm.version,
        arm.hashed,
        arm.pins,
        # The rules' own outcome: a full day must not look like a version that refers too much.
        (arm.judged or entry.outcome).value,
        arm.refer_kind and arm.refer_kind.value,
        arm.rule_error,
        arm.approved,
        microseconds(entry.created),
        None if grant is None else grant.tier,
        # Zero where the amount is unknown: null would say that nothing was approved.
        None if grant is None else grant.amount or 0,
    )


def _event(entry: DecisionEntry) -> Values:
    name = EventType.DECISION_AGAIN if entry.replaces else EventType.DECISION_RECORDED
    of = entry.decision_id
    at = microseconds(entry.created)
    body = msgspec.json.encode({"replaces": entry.replaces}).decode()
    return f"evt_{of}", name.value, at, entry.caller, of, body


def _answers(
    connection: sa.Connection, group: Sequence[Commit], refused: Mapping[str, StoreError]
) -> Sequence[StoredEntry | StoreError]:
    """For each entry: the recorded one, the earlier one under its key, or an error."""
    # Whoever lost to an earlier decision under the same key is given that one.
    others = {commit.key for commit in group if commit.entry.decision_id in refused}
    entries = {**decisions.by_keys(connection, others)}
    for commit in group:
        if commit.entry.decision_id not in refused:
            entries.setdefault(commit.key, commit.stored)
    return [entries.get(commit.key) or refused[commit.entry.decision_id] for commit in group]


def _touch(connection: sa.Connection) -> None:
    connection.execute(sa.select(sa.literal(1))).close()


def _write_and_remove(connection: sa.Connection) -> None:
    filler = {"digest": _PROBE, "kind": _PROBE, "body": bytes(_PROBE_BYTES)}
    connection.execute(sa.insert(texts), filler)
    connection.execute(sa.delete(texts).where(texts.c.digest == _PROBE))
