"""Group commit: decisions that arrive together become durable together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from time import perf_counter

from sqlalchemy import Connection, delete, insert, literal, select

from decision_service.domain.errors import (
    ConsentMoved,
    LeaseLost,
    ReadingMoved,
    StoreError,
    StoreUnavailable,
)
from decision_service.failpoints import Point, reach
from decision_service.pipeline.ports import Entry, Lease, SnapshotBody, StoredEntry, WarmMark
from decision_service.storage import (
    arms,
    consents,
    decisions,
    lease_rows,
    resting,
    snapshots,
    tables,
    warm,
)
from decision_service.storage.batches import Batches
from decision_service.storage.commits import Commit, rest_of
from decision_service.storage.engine import Database
from decision_service.storage.errors import (
    RETRY_SECONDS,
    ConnectionLost,
    RolledBack,
    unavailable,
)
from decision_service.storage.snapshots import DecidedOn, PackedSnapshot, Packing

LARGEST_GROUP = 128
LINGER_SECONDS = 0.002
_PROBE = "probe"
_PROBE_BYTES = 64 << 10

OnCommit = Callable[[float, int], None]
"""Hears of each committed group: how many seconds it took, and how many decisions it held."""


def unheard(_: float, __: int) -> None:
    """Nobody counts."""


class Writer:
    """Commits decisions in groups: one transaction, one wait for the disk, many callers."""

    def __init__(
        self,
        database: Database,
        linger: float,
        largest_group: int,
        on_commit: OnCommit = unheard,
    ) -> None:
        self._database = database
        self._packing = Packing()
        self._decided_on = DecidedOn()
        self._groups = Batches(
            self._commit_group, most=largest_group, linger=linger, turns=database.turns
        )
        self._on_commit = on_commit
        self._failed = False

    async def commit(self, entry: Entry) -> StoredEntry:
        """Durable on return: the entry, or the one that had its key before.

        Raises StoreUnavailable, when nothing was acknowledged, or EntryRefused.
        """
        stored = decisions.stored(entry)
        packed = None
        if entry.snapshot is not None and not self._is_stored(entry, entry.snapshot):
            instant = decisions.microseconds(entry.created)
            packed = await self._packing.pack(entry.snapshot, instant)
        rest = rest_of(entry, stored=packed is None)
        commit = Commit(stored, rest, packed, entry.arm, entry.warm, entry.fence)
        try:
            answer = await self._groups.ask(commit)
        except ReadingMoved:
            self._decided_on.forget(entry)
            raise
        if packed is not None and answer.decision_id == entry.decision_id:
            self._decided_on.keep(packed.key, entry.consent)
        return answer

    async def keep_warm(self, body: SnapshotBody, mark: WarmMark, consent: int) -> bool:
        """Store a reading beside the groups; False where it may not serve any more."""
        packed = await self._packing.pack(body, decisions.microseconds(mark.fetched))
        work = partial(_keep_warm, packed=packed, mark=mark, consent=consent)
        return await self._database.write(work)

    def _is_stored(self, entry: Entry, snapshot: SnapshotBody) -> bool:
        """Whether a snapshot need not be written: the commit looks whether it is there.

        That of the reading that may serve is. A part of it is, most likely, where a decision on it
        was recorded since the user last withdrew consent.
        """
        mark = entry.rests_on
        if mark is None:
            return False
        if mark.snapshot_id == snapshot.id:
            return True
        return self._decided_on.epoch((snapshot.user_id, snapshot.id)) == entry.consent

    def forget(self, user_id: str) -> None:
        """Drop what is remembered of a user's data."""
        self._packing.forget(user_id)

    async def aclose(self) -> None:
        """Take no more decisions and commit those that wait."""
        await self._groups.aclose()

    async def check(self) -> None:
        """Raises StoreUnavailable where nothing can be written.

        After a failed group this writes and removes a row, since that alone tells a full disk.
        """
        await self._database.write(_write_and_remove if self._failed else _begin)
        self._failed = False

    async def _commit_group(self, group: Sequence[Commit]) -> Sequence[StoredEntry | StoreError]:
        reach(Point.BEFORE_COMMIT)
        began = perf_counter()
        try:
            answers = await self._recorded(group)
        except StoreUnavailable:
            self._failed = True
            raise
        self._failed = False
        self._on_commit(perf_counter() - began, len(group))
        reach(Point.AFTER_COMMIT)
        return answers

    async def _recorded(self, group: Sequence[Commit]) -> Sequence[StoredEntry | StoreError]:
        """Plain commits in few statements, and what cannot be recorded so the long way."""
        plain = [commit for commit in group if commit.is_plain]
        distinct = len({commit.entry.decision_id for commit in plain}) == len(plain)
        done: Set[str] = await self._plain(plain) if plain and distinct else frozenset()
        if len(done) == len(group):
            return [commit.entry for commit in group]
        rest = [commit for commit in group if commit.entry.decision_id not in done]
        told = iter(await self._write(partial(record_group, group=rest)))
        return [c.entry if c.entry.decision_id in done else next(told) for c in group]

    async def _plain(self, group: Sequence[Commit]) -> Set[str]:
        """Where a connection breaks, the long way settles what became of the transaction."""
        try:
            return await self._database.record(group)
        except (ConnectionLost, RolledBack):
            return frozenset()

    async def _write(
        self, work: Callable[[Connection], Sequence[StoredEntry | StoreError]]
    ) -> Sequence[StoredEntry | StoreError]:
        """Where a connection breaks, the same work settles what became of its transaction."""
        try:
            return await self._database.commit(work)
        except ConnectionLost:
            return await self._database.commit(work)


def record_group(
    connection: Connection, group: Sequence[Commit]
) -> Sequence[StoredEntry | StoreError]:
    """Record a group in the connection's transaction; an answer per member, in order.

    Of several with one key the first wins. Running it twice records nothing twice.
    """
    consents.hold(connection, {c.entry.user_id for c in group if c.snapshot is not None})
    moved = resting.moved(connection, (c.rest for c in group if c.rest is not None))
    first = {commit.key: commit for commit in reversed(group) if commit.rest not in moved}
    lost = _lost(connection, first)
    open_ = [commit.entry for key, commit in first.items() if key not in lost]
    recorded = decisions.record(connection, open_)
    won = {key: c for key, c in first.items() if c.entry.decision_id in recorded}
    snapshots.record(connection, [c.snapshot for c in won.values() if c.snapshot is not None])
    marks = [(c.entry.user_id, c.warm) for c in won.values() if c.warm is not None]
    warm.record(connection, marks)
    arms.record(connection, [(c.entry, c.arm) for c in won.values() if c.arm is not None])
    entries = {key: commit.entry for key, commit in won.items()}
    entries |= decisions.by_keys(connection, first.keys() - won.keys())
    reach(Point.IN_COMMIT)
    return [entries.get(commit.key) or _refused(commit, first, lost) for commit in group]


def _refused(
    commit: Commit, first: Mapping[decisions.Key, Commit], lost: Set[decisions.Key]
) -> StoreError:
    if commit.key in lost:
        return _lease_lost()
    if commit.key not in first:
        return _moved(commit)
    return _id_taken()


def _moved(commit: Commit) -> StoreError:
    if commit.rest is not None and commit.rest[2] is not None:
        return ReadingMoved("the reading may not serve any more: nothing was recorded")
    return ConsentMoved("the user withdrew consent meanwhile: nothing was recorded")


def _keep_warm(
    connection: Connection, packed: PackedSnapshot, mark: WarmMark, consent: int
) -> bool:
    """A reading that does not come to serve, and the one that it replaces, are not kept for it."""
    user_id = packed.user_id
    consents.hold(connection, (user_id,))
    if consents.epochs(connection, (user_id,)).get(user_id, 0) != consent:
        return False
    before, _ = warm.mark(connection, user_id)
    snapshots.record(connection, [packed])
    warm.record(connection, [(user_id, mark)])
    kept = warm.mark(connection, user_id)
    for one in (before, mark):
        if one is not None:
            snapshots.drop_unused(connection, user_id, one.snapshot_id)
    return kept == (mark, False)


def _lost(connection: Connection, first: Mapping[decisions.Key, Commit]) -> set[decisions.Key]:
    """End the leases of these commits; the keys of those whose lease is not held any more.

    A lease that another process wants to take over is locked from here to the end of the
    transaction: either it is had here, and the other finds the decision, or the other has it.
    """
    leases = [Lease(*key, commit.fence) for key, commit in first.items() if commit.fence]
    had = lease_rows.spend(connection, leases)
    return {(x.caller, x.request_id) for x in leases if x.fence not in had}


def _begin(connection: Connection) -> None:
    connection.execute(select(literal(1)))


def _write_and_remove(connection: Connection) -> None:
    filler = {"digest": _PROBE, "kind": _PROBE, "body": bytes(_PROBE_BYTES)}
    connection.execute(insert(tables.texts), filler)
    connection.execute(delete(tables.texts).where(tables.texts.c.digest == _PROBE))


def _id_taken() -> StoreError:
    return unavailable("the decision's id belongs to another decision: nothing was recorded")


def _lease_lost() -> StoreError:
    return LeaseLost(
        "another process decides this request by now: ask again with the same request_id",
        retry_after=RETRY_SECONDS,
    )
