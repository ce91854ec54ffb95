"""A store in memory that keeps the ports' whole contracts but durability."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta

from decision_service.domain.decision import Arm
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import KnownCount
from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.pipeline.arm_figures import ArmTally, Cell, Total
from decision_service.pipeline.pairs import Group, Pair, grouped
from decision_service.pipeline.ports import (
    ArmDecision,
    Entry,
    Filter,
    Position,
    SnapshotBody,
    StoredEntry,
    StoredText,
)
from decision_service.pipeline.rollout_ports import JournalEntry, JournalMovedOn
from decision_service.rollout.gate import Pin

_SHARED = tuple(field.name for field in fields(StoredEntry) if field.name != "snapshot_id")


class InMemoryDecisionLog:
    """The `DecisionLog`, `ArmLog` and `RolloutJournal` for tests of what stands above them.

    Set `down` to have every call fail as a store that cannot serve; `commits` counts the calls that
    were answered. `erase` does to one snapshot what an erasure does.
    """

    def __init__(self) -> None:
        self.down = False
        self.commits = 0
        self._entries: dict[tuple[str, str], StoredEntry] = {}
        self._by_id: dict[str, StoredEntry] = {}
        self._snapshots: dict[tuple[str, str], bytes] = {}
        self._arms: list[tuple[StoredEntry, ArmDecision]] = []
        self._known: dict[tuple[str, str, Kind], int] = {}
        self._texts: dict[str, StoredText] = {}
        self._journal: dict[str, dict[int, JournalEntry]] = {}
        self._cells: dict[tuple[str, Cell], int] = {}
        self._pairs: dict[tuple[str, int], Pair] = {}

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
        if entry.arm is not None:
            self._arms.append((stored, entry.arm))
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

    async def pin(self, product: str, unit: str, since: datetime) -> Pin | None:
        await self._turn()
        set_by = [
            (*_place(entry), arm)
            for entry, arm in self._arms
            if arm.pins and (entry.product, arm.unit) == (product, unit) and entry.created >= since
        ]
        if not set_by:
            return None
        created, _, arm = max(set_by, key=lambda found: found[:2])
        return Pin(arm.arm, arm.version, created)

    async def approved(self, product: str, arm: Arm, since: datetime) -> int:
        await self._turn()
        return sum(
            decided.approved or 0
            for entry, decided in self._arms
            if (entry.product, decided.arm) == (product, arm) and entry.created >= since
        )

    async def append(self, entry: JournalEntry) -> None:
        await self._turn()
        entries = self._journal.setdefault(entry.product, {})
        if entries.setdefault(entry.position, entry) != entry:
            raise JournalMovedOn

    async def latest(self) -> Mapping[str, JournalEntry]:
        await self._turn()
        return {product: steps[max(steps)] for product, steps in self._journal.items()}

    async def history(self, product: str, before: int | None, limit: int) -> Sequence[JournalEntry]:
        await self._turn()
        steps = self._journal.get(product, {})
        places = (place for place in steps if before is None or place < before)
        return [steps[place] for place in sorted(places, reverse=True)[:limit]]

    async def put_cells(self, process: str, cells: Mapping[Cell, int]) -> None:
        await self._turn()
        for cell, count in cells.items():
            self._cells[process, cell] = max(count, self._cells.get((process, cell), 0))

    async def totals(self, product: str, since: datetime, position: int) -> Sequence[Total]:
        await self._turn()
        sums: dict[tuple[object, ...], Total] = {}
        for (_, cell), count in self._cells.items():
            late = cell.hour + timedelta(hours=1) > since and cell.position >= position
            if cell.product != product or not late:
                continue
            place = (cell.arm or "", cell.version, cell.counted, cell.bucket)
            before = sums[place].count if place in sums else 0
            sums[place] = Total(cell.arm, cell.version, cell.counted, cell.bucket, before + count)
        return [sums[place] for place in sorted(sums)]

    async def tallies(
        self, product: str, since: datetime, before: datetime | None = None, *, hashed: bool
    ) -> Sequence[ArmTally]:
        await self._turn()
        chosen = [
            (entry, arm)
            for entry, arm in sorted(self._arms, key=lambda pair: _place(pair[0]))
            if entry.product == product
            and since <= entry.created
            and (before is None or entry.created < before)
            and (arm.hashed or not hashed)
        ]
        firsts = {arm.unit: (entry, arm) for entry, arm in reversed(chosen)}.values()
        arms = sorted({(arm.arm, arm.version) for _, arm in chosen})
        return [_tally(arm, version, chosen, [*firsts]) for arm, version in arms]

    async def put_pairs(self, pairs: Sequence[Pair]) -> None:
        await self._turn()
        for pair in pairs:
            self._pairs.setdefault((pair.decision_id, pair.version), pair)

    async def groups(self, product: str, version: int, since: datetime) -> Sequence[Group]:
        await self._turn()
        chosen = [
            pair
            for pair in self._pairs.values()
            if (pair.product, pair.version) == (product, version) and pair.created >= since
        ]
        return grouped(chosen)

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


def _place(entry: StoredEntry) -> tuple[datetime, str]:
    return entry.created, entry.decision_id


def _matches(entry: StoredEntry, chosen: Filter) -> bool:
    wanted = {
        name: getattr(chosen, name)
        for name in ("user_id", "application_id", "customer_ref", "product", "outcome")
    }
    if any(value and getattr(entry, name) != value for name, value in wanted.items()):
        return False
    if chosen.created_from is not None and entry.created < chosen.created_from:
        return False
    return chosen.created_before is None or entry.created < chosen.created_before


Decided = tuple[StoredEntry, ArmDecision]


def _tally(arm: Arm, version: int, chosen: list[Decided], firsts: list[Decided]) -> ArmTally:
    own = [
        (entry.outcome, decided.refer_kind)
        for entry, decided in firsts
        if (decided.arm, decided.version) == (arm, version)
    ]
    outcomes = [outcome for outcome, _ in own]
    return ArmTally(
        arm,
        version,
        decisions=sum((d.arm, d.version) == (arm, version) for _, d in chosen),
        units=len(own),
        approved=outcomes.count(Outcome.APPROVE),
        referred=outcomes.count(Outcome.REFER),
        declined=outcomes.count(Outcome.DECLINE),
        missing=[kind for _, kind in own].count(ReferKind.DATA),
    )
