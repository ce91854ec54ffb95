"""Group commit: decisions that arrive together become durable together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

from sqlalchemy import Connection, delete, insert, literal, select

from decision_service.domain.errors import ReadingMoved, StoreError, StoreUnavailable
from decision_service.failpoints import Point, reach
from decision_service.pipeline.ports import DecisionEntry, SnapshotBody, StoredEntry, WarmMark
from decision_service.storage.commit.batches import Batches
from decision_service.storage.commit.entry import Commit, preconditions_of
from decision_service.storage.commit.group import record_group
from decision_service.storage.engine import Database
from decision_service.storage.errors import ConnectionLost
from decision_service.storage.privacy import consents, snapshots
from decision_service.storage.privacy.data_keys import PLAIN, DataKeys
from decision_service.storage.privacy.snapshots import PackedSnapshot, Packing
from decision_service.storage.queries import decisions, warm
from decision_service.storage.schema import tables
from decision_service.user_cache import UserCache

LARGEST_GROUP = 128
LINGER_SECONDS = 0.002
DECIDED_ON = 8192
"""How many decided-on snapshots are cached with their count of withdrawals."""

_PROBE = "probe"
_PROBE_BYTES = 64 << 10

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
        """Durable on return: the entry, or an earlier one under its key.

        Raises StoreUnavailable, when nothing was acknowledged, or EntryRefused.
        """
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
        """Drop the cached snapshots of a user."""
        self._packing.forget(user_id)
        self._decided_on.forget(user_id)

    async def aclose(self) -> None:
        """Take no more decisions and commit those that wait."""
        await self._groups.aclose()

    async def check(self) -> None:
        """Raises StoreUnavailable where nothing can be written.

        After a failed group this writes and removes a row, since that alone tells a full disk.
        """
        if not self._failed:
            await self._database.write(_begin)
            return  # a group that failed meanwhile is still to be tried out
        await self._database.write(_write_and_remove)
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
        """Write; after a lost connection, repeat, which shows whether the transaction committed."""
        work = partial(record_group, group=group, data_keys=self._data_keys)
        try:
            return await self._database.commit(work)
        except ConnectionLost:
            return await self._database.commit(work)


def _keep_warm(
    connection: Connection,
    packed: PackedSnapshot,
    mark: WarmMark,
    consent: int,
    data_keys: DataKeys,
) -> bool:
    """Store a reading; the snapshot of a refused or a replaced one is removed."""
    user_id = packed.user_id
    consents.hold(connection, (user_id,))
    if consents.epochs(connection, (user_id,)).get(user_id, 0) != consent:
        return False
    before, _ = warm.mark(connection, user_id)
    snapshots.record(connection, [packed], data_keys)
    warm.record(connection, [(user_id, mark)])
    kept = warm.mark(connection, user_id)
    for one in (before, mark):
        if one is not None:
            snapshots.drop_unused(connection, user_id, one.snapshot_id)
    return kept == (mark, False)


def _begin(connection: Connection) -> None:
    connection.execute(select(literal(1)))


def _write_and_remove(connection: Connection) -> None:
    filler = {"digest": _PROBE, "kind": _PROBE, "body": bytes(_PROBE_BYTES)}
    connection.execute(insert(tables.texts), filler)
    connection.execute(delete(tables.texts).where(tables.texts.c.digest == _PROBE))
