"""Group commit: decisions that arrive together become durable together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, delete, insert, literal, select

from decision_service.domain.errors import StoreError, StoreUnavailable
from decision_service.failpoints import Point, reach
from decision_service.pipeline.ports import Entry, StoredEntry
from decision_service.storage import decisions, snapshots, tables
from decision_service.storage.batches import Batches
from decision_service.storage.engine import Database
from decision_service.storage.errors import ConnectionLost, unavailable
from decision_service.storage.snapshots import PackedSnapshot, Packing

LARGEST_GROUP = 128
LINGER_SECONDS = 0.002
_PROBE = "probe"
_PROBE_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Commit:
    """A decision and its snapshot as they will be written."""

    entry: StoredEntry
    snapshot: PackedSnapshot | None


class Writer:
    """Commits decisions in groups: one transaction, one wait for the disk, many callers."""

    def __init__(self, database: Database, linger: float, largest_group: int) -> None:
        self._database = database
        self._packing = Packing()
        self._groups = Batches(self._commit_group, most=largest_group, linger=linger)
        self._failed = False

    async def commit(self, entry: Entry) -> StoredEntry:
        """Durable on return: the entry, or the one that had its key before.

        Raises StoreUnavailable, when nothing was acknowledged, or EntryRefused.
        """
        stored = decisions.stored(entry)
        packed = None
        if entry.snapshot is not None:
            instant = decisions.microseconds(entry.created)
            packed = await self._packing.pack(entry.snapshot, instant)
        return await self._groups.ask(Commit(stored, packed))

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
        try:
            answers = await self._write(partial(record_group, group=group))
        except StoreUnavailable:
            self._failed = True
            raise
        self._failed = False
        reach(Point.AFTER_COMMIT)
        return answers

    async def _write(
        self, work: Callable[[Connection], Sequence[StoredEntry | StoreError]]
    ) -> Sequence[StoredEntry | StoreError]:
        """Where a connection breaks, the same work settles what became of its transaction."""
        try:
            return await self._database.write(work)
        except ConnectionLost:
            return await self._database.write(work)


def record_group(
    connection: Connection, group: Sequence[Commit]
) -> Sequence[StoredEntry | StoreError]:
    """Record a group in the connection's transaction; an answer per member, in order.

    Of several with one key the first wins. Running it twice records nothing twice.
    """
    first = {_key(commit): commit for commit in reversed(group)}
    recorded = decisions.record(connection, [commit.entry for commit in first.values()])
    won = {key: c for key, c in first.items() if c.entry.decision_id in recorded}
    snapshots.record(connection, [c.snapshot for c in won.values() if c.snapshot is not None])
    entries = {key: commit.entry for key, commit in won.items()}
    entries |= decisions.by_keys(connection, first.keys() - won.keys())
    reach(Point.IN_COMMIT)
    return [entries.get(_key(commit)) or _id_taken() for commit in group]


def _begin(connection: Connection) -> None:
    connection.execute(select(literal(1)))


def _write_and_remove(connection: Connection) -> None:
    filler = {"digest": _PROBE, "kind": _PROBE, "body": bytes(_PROBE_BYTES)}
    connection.execute(insert(tables.texts), filler)
    connection.execute(delete(tables.texts).where(tables.texts.c.digest == _PROBE))


def _key(commit: Commit) -> decisions.Key:
    return decisions.key(commit.entry)


def _id_taken() -> StoreError:
    return unavailable("the decision's id belongs to another decision: nothing was recorded")
