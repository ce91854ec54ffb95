"""A decision log in memory that keeps the port's whole contract but durability."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC

from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import KnownCount
from decision_service.pipeline.ports import (
    Entry,
    Filter,
    Position,
    SnapshotBody,
    StoredEntry,
    StoredText,
)

_SHARED = tuple(field.name for field in fields(StoredEntry) if field.name != "snapshot_id")


class InMemoryDecisionLog:
    """The `DecisionLog` for tests of what stands above it.

    Set `down` to have every call fail as a store that cannot serve; `commits` counts the calls that
    were answered. `erase` does to one snapshot what an erasure does.
    """

    def __init__(self) -> None:
        self.down = False
        self.commits = 0
        self._entries: dict[tuple[str, str], StoredEntry] = {}
        self._by_id: dict[str, StoredEntry] = {}
        self._snapshots: dict[tuple[str, str], bytes] = {}
        self._known: dict[tuple[str, str, Kind], int] = {}
        self._texts: dict[str, StoredText] = {}

    def erase(self, user_id: str, snapshot_id: str) -> None:
        """Destroy a snapshot's data."""
        del self._snapshots[user_id, snapshot_id]

    async def find(self, caller: str, request_id: str) -> StoredEntry | None:
        await self._turn()
        return self._entries.get((caller, request_id))

    async def commit(self, entry: Entry) -> StoredEntry:
        await self._turn()
        self.commits += 1
        key = (entry.caller, entry.request_id)
        if key in self._entries:
            return self._entries[key]
        if entry.decision_id in self._by_id:
            raise StoreUnavailable("the decision's id belongs to another decision")
        stored = _stored(entry)
        self._entries[key] = self._by_id[entry.decision_id] = stored
        if entry.snapshot is not None:
            self._keep(entry.snapshot)
        return stored

    async def get(self, decision_id: str) -> StoredEntry | None:
        await self._turn()
        return self._by_id.get(decision_id)

    async def list(
        self, chosen: Filter, after: Position | None, limit: int
    ) -> Sequence[StoredEntry]:
        await self._turn()
        before = None if after is None else (after.created, after.decision_id)
        found = (entry for entry in self._entries.values() if _matches(entry, chosen))
        newest_first = sorted(found, key=_place, reverse=True)
        return [e for e in newest_first if before is None or _place(e) < before][:limit]

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        await self._turn()
        return self._snapshots.get((user_id, snapshot_id))

    async def known(self, user_id: str) -> Sequence[KnownCount]:
        await self._turn()
        return [
            KnownCount(source, kind, count)
            for (user, source, kind), count in sorted(self._known.items())
            if user == user_id
        ]

    async def put_texts(self, given: Iterable[StoredText]) -> None:
        await self._turn()
        for text in given:
            self._texts.setdefault(text.digest, text)

    async def last_text(self, kind: str) -> StoredText | None:
        await self._turn()
        of_kind = [text for text in self._texts.values() if text.kind == kind]
        return max(of_kind, key=lambda text: text.digest, default=None)

    async def text(self, digest: str) -> StoredText | None:
        await self._turn()
        return self._texts.get(digest)

    async def _turn(self) -> None:
        """Let others run, as every real store does, then fail where the store is down."""
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailable("the store is down: nothing was recorded", retry_after=1.0)

    def _keep(self, snapshot: SnapshotBody) -> None:
        self._snapshots.setdefault((snapshot.user_id, snapshot.id), snapshot.body)
        for one in snapshot.counts:
            key = (snapshot.user_id, one.source, one.kind)
            self._known[key] = max(one.count, self._known.get(key, 0))


def _stored(entry: Entry) -> StoredEntry:
    values = {name: getattr(entry, name) for name in _SHARED}
    values["created"] = entry.created.astimezone(UTC)
    return StoredEntry(**values, snapshot_id=entry.snapshot.id if entry.snapshot else None)


def _place(entry: StoredEntry) -> tuple[object, ...]:
    return entry.created, entry.decision_id


def _matches(entry: StoredEntry, chosen: Filter) -> bool:
    wanted = {
        name: getattr(chosen, name)
        for name in ("caller", "user_id", "application_id", "customer_ref", "product", "outcome")
    }
    if any(value and getattr(entry, name) != value for name, value in wanted.items()):
        return False
    if chosen.created_from is not None and entry.created < chosen.created_from:
        return False
    return chosen.created_before is None or entry.created < chosen.created_before
