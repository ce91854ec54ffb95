"""Warm snapshots: a recent whole reading serves again without a vendor call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import msgspec

from decision_service.decide.codec import read_snapshot, snapshot_body
from decision_service.decide.flow import UserCache
from decision_service.domain.accounts import Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.ports import (
    DecisionLog,
    FetchResult,
    SnapshotBody,
    UserState,
    WarmMark,
)
from decision_service.domain.snapshot import KnownCount, Liability, Read, Snapshot, Task
from decision_service.domain.values import AsOf, DataReason, Missing

SECOND_LOOK = timedelta(hours=24)
"""A list that shrank is believed where a reading so much later gives the same."""

MOST_EARLIER = 20
"""So many stored snapshots are looked at for an earlier reading."""

# Decoded they take ten or more times as many.
REMEMBERED_BYTES = 5 << 20
"""How many bytes of stored snapshots are kept decoded."""

AHEAD = timedelta(seconds=5)
"""How far the clocks of processes on one store may be apart."""

_KINDS = tuple(kind.value for kind in Kind if kind is not Kind.ACCOUNTS)

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=30)
PATIENCE = timedelta(hours=4)
"""From the first reading that was not whole to the last one."""


class WarmLog(DecisionLog, Protocol):
    """The last good reading of each user; every method raises StoreUnavailable."""

    def cached_user_state(self, user_id: str) -> UserState | None:
        """What `user_state` would return, without a read of the store; None where it is not cached.

        Another process may have changed it since: it serves only for an entry that `depends_on` its
        reading, which is not stored then.
        """

    async def keep_warm(self, body: SnapshotBody, mark: WarmMark, consent: int) -> bool:
        """Store a reading that no decision waits for.

        False, and nothing is stored, where consent was withdrawn, the user was quarantined or a
        later reading was stored meanwhile.
        """

    async def looked(self, user_id: str, snapshot_id: str, now: datetime) -> None:
        """Record that the accounts behind this reading are unchanged."""

    async def quarantine(self, user_id: str, now: datetime) -> None:
        """Bar all readings until now from later decisions; durable on return."""

    async def read_users(self, after: str, limit: int) -> Sequence[str]:
        """Users who have stored data, in order of id, strictly after this one."""


class Ages(msgspec.Struct, frozen=True):
    """How old the account list and the data of a warm snapshot may be."""

    accounts: timedelta = timedelta(minutes=15)
    snapshot: timedelta = timedelta(hours=24)


class CachedSnapshot(msgspec.Struct, frozen=True):
    """A warm reading; with `needs_check` it serves only where the account list is unchanged."""

    fetch_result: FetchResult
    needs_check: bool


class _Decoded(msgspec.Struct):
    snapshot: Snapshot
    body: SnapshotBody
    part: tuple[FetchPlan, Snapshot, SnapshotBody] | None = None

    def cut(self, plan: FetchPlan) -> tuple[Snapshot, SnapshotBody]:
        if self.part is None or self.part[0] != plan:
            fitting = cut(self.snapshot, plan)
            body = self.body if fitting is self.snapshot else snapshot_body(fitting)
            self.part = (plan, fitting, body)
        return self.part[1:]


class SnapshotCache:
    """Finds warm snapshots, and caches decoded ones up to `most` stored bytes."""

    def __init__(self, log: WarmLog, ages: Ages, most: int = REMEMBERED_BYTES) -> None:
        self._log = log
        self._ages = ages
        self._decoded: UserCache[_Decoded] = UserCache(most, lambda one: len(one.body.body))

    async def find(
        self, user_id: str, plan: FetchPlan, user_state: UserState, now: datetime
    ) -> CachedSnapshot | None:
        """A reading that is young enough for this plan; None where the vendor must be read."""
        mark = user_state.last
        if mark is None or user_state.quarantined or not covers(mark.plan, plan):
            return None
        # A reading is as old as its oldest part (0102).
        if not _within(now - mark.oldest, self._ages.snapshot):
            return None
        decoded = await self._stored(user_id, mark.snapshot_id)
        if decoded is None:
            return None
        snapshot, body = decoded.cut(plan)
        fetch_result = FetchResult(
            snapshot, mark.oldest, 0, consent=user_state.consent, body=body, mark=mark
        )
        known = _within(now - mark.looked, self._ages.accounts)
        return CachedSnapshot(fetch_result, needs_check=not known)

    async def recall(self, user_id: str, plan: FetchPlan, now: datetime) -> CachedSnapshot | None:
        """As `find`, by the store's cached user state; None as well where none is cached."""
        user_state = self._log.cached_user_state(user_id)
        return None if user_state is None else await self.find(user_id, plan, user_state, now=now)

    async def unchanged(self, user_id: str, user_state: UserState, now: datetime) -> None:
        if user_state.warm is not None:
            await self._log.looked(user_id, user_state.warm.snapshot_id, now)

    def forget(self, user_id: str) -> None:
        self._decoded.forget(user_id)

    async def _stored(self, user_id: str, snapshot_id: str) -> _Decoded | None:
        key = (user_id, snapshot_id)
        # Before the first wait: of a user who is erased meanwhile nothing is kept.
        since = self._decoded.forgotten
        decoded = self._decoded.get(key)
        if decoded is not None:
            return decoded
        body = await self._log.snapshot(user_id, snapshot_id)
        if body is None:
            return None
        snapshot = await asyncio.to_thread(read_snapshot, body)
        decoded = _Decoded(snapshot, SnapshotBody(snapshot_id, user_id, body))
        self._decoded.keep(key, decoded, since)
        return decoded


def _within(age: timedelta, most: timedelta) -> bool:
    """Whether an age is at most so long."""
    # What comes from the future was dated by a clock that was wrong.
    return -AHEAD <= age <= most


def has_lost(snapshot: Snapshot) -> bool:
    return bool(_shrunken(snapshot) or _fewer_loans(snapshot))


def _shrunken(snapshot: Snapshot) -> list[Missing]:
    faults = [fault for kind in kinds_of(snapshot) for fault in getattr(snapshot, kind).faults]
    return [fault for fault in faults if fault.code is DataReason.DATA_SHRANK]


def _fewer_loans(snapshot: Snapshot) -> list[KnownCount]:
    loans = [k for k in snapshot.known if k.kind is Kind.LIABILITIES]
    read = snapshot.liabilities is not None
    return [k for k in loans if read and len(_of(snapshot, k.kind, k.source)) < k.count]


def with_losses_settled(
    snapshot: Snapshot, earlier: Sequence[tuple[datetime, Snapshot]], as_of: AsOf
) -> Snapshot:
    """The snapshot without DATA_SHRANK where a loss is explained.

    A list is taken that is no shorter than the reading before, or that a reading of a day ago or
    longer gave with equal content. `earlier` are stored snapshots with when each was stored, the
    newest first. Loans may leave that owed at most two instalments or were past their end; what is
    known of an account's loans is then what it lists.
    """
    settled = {
        (fault.kind, fault.source)
        for fault in _shrunken(snapshot)
        if fault.kind
        and fault.source
        and _settles(snapshot, fault.kind, fault.source, earlier=earlier, as_of=as_of)
    }
    fewer = _fewer_loans(snapshot)
    repaid = {k.source for k in fewer if _repaid(snapshot, k.source, earlier, as_of=as_of)}
    settled |= {(Kind.LIABILITIES, source) for source in repaid}
    if not settled:
        return snapshot
    parts: dict[str, Any] = {}
    for name in kinds_of(snapshot):
        read: Read[Any] = getattr(snapshot, name)
        faults = tuple(
            fault
            for fault in read.faults
            if fault.code is not DataReason.DATA_SHRANK or (fault.kind, fault.source) not in settled
        )
        if faults != read.faults:
            parts[name] = msgspec.structs.replace(read, faults=faults)
    known = [
        msgspec.structs.replace(k, count=len(_of(snapshot, k.kind, k.source)))
        if k.kind is Kind.LIABILITIES and k.source in repaid
        else k
        for k in snapshot.known
    ]
    return msgspec.structs.replace(snapshot, known=tuple(k for k in known if k.count), **parts)


def _of(snapshot: Snapshot, kind: Kind, source: str) -> Sequence[Any]:
    read: Read[Any] | None = getattr(snapshot, kind.value)
    return [record for record in read.records if record.source == source] if read else []


def _settles(
    snapshot: Snapshot,
    kind: Kind,
    source: str,
    earlier: Sequence[tuple[datetime, Snapshot]],
    as_of: AsOf,
) -> bool:
    now = _of(snapshot, kind, source)
    before = _before(kind, source, earlier)
    # A fifth fewer is no loss, as where DATA_SHRANK is found.
    if before and len(now) * 5 >= len(before) * 4:
        return True
    return any(
        as_of.instant - stored >= SECOND_LOOK
        and _content(_of(old, kind, source)) == _content(now)
        and getattr(old, kind.value) is not None
        for stored, old in earlier
    )


def _before(kind: Kind, source: str, earlier: Sequence[tuple[datetime, Snapshot]]) -> Sequence[Any]:
    """The source's records by the newest reading that nothing was wrong with."""
    readings = [old for _, old in earlier if getattr(old, kind.value) is not None]
    sound = (old for old in readings if not getattr(old, kind.value).faults)
    return next((records for old in sound if (records := _of(old, kind, source))), ())


def _content(records: Sequence[Any]) -> list[str]:
    """What records say, whatever their ids and order."""
    return sorted(repr(msgspec.structs.astuple(record)[1:]) for record in records)


def _repaid(
    snapshot: Snapshot, source: str, earlier: Sequence[tuple[datetime, Snapshot]], as_of: AsOf
) -> bool:
    now = {(r.type, r.start, r.loan_amount) for r in _of(snapshot, Kind.LIABILITIES, source)}
    before: Sequence[Liability] = _before(Kind.LIABILITIES, source, earlier)
    left = [r for r in before if (r.type, r.start, r.loan_amount) not in now]
    faults = snapshot.liabilities.faults if snapshot.liabilities else ()
    whole = all(f.code is DataReason.DATA_SHRANK for f in faults if f.source in (None, source))
    return whole and bool(before) and all(_about_to_end(loan, as_of.date) for loan in left)


def _about_to_end(loan: Liability, today: date) -> bool:
    if loan.end is not None and loan.end < today:
        return True
    return loan.outstanding is not None and loan.outstanding <= 2 * (loan.amortization or 0)


def kinds_of(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(kind for kind in _KINDS if getattr(snapshot, kind) is not None)


def is_whole(snapshot: Snapshot) -> bool:
    if snapshot.account_faults:
        return False
    return not any(getattr(snapshot, kind).faults for kind in kinds_of(snapshot))


def is_settled(snapshot: Snapshot) -> bool:
    """Whether a snapshot is whole with no collection in progress, so that it may serve again."""
    tasks: Read[Task] = snapshot.tasks or Read()
    return is_whole(snapshot) and not tasks.faults and not any(one.runs for one in tasks.records)


def covers(read: FetchPlan, wanted: FetchPlan) -> bool:
    """Whether a reading by one plan holds everything that another asks for.

    Transactions that only may stand in for income harm nothing where they do not: factors decide
    that by the records.
    """
    # First what is nearly always so.
    if wanted == read:
        return True
    if not wanted.kinds <= read.kinds or (wanted.people and not read.people):
        return False
    if wanted.transactions is WhenTransactions.NEVER:
        return True
    if wanted.transactions is WhenTransactions.ALWAYS is not read.transactions:
        return False
    had = _first_day(read)
    needed = _first_day(wanted)
    return had is not None and needed is not None and had <= needed


def _first_day(plan: FetchPlan) -> date | None:
    days = {
        WhenTransactions.NEVER: (),
        WhenTransactions.IF_STANDING_IN: (plan.stand_in_from,),
        WhenTransactions.ALWAYS: (plan.transactions_from, plan.stand_in_from),
    }[plan.transactions]
    return min((day for day in days if day is not None), default=None)


def cut(snapshot: Snapshot, plan: FetchPlan) -> Snapshot:
    """The snapshot without what the plan does not ask for, as a reading by it would be."""
    kept = {kind.value for kind in plan.kinds}
    if plan.transactions is not WhenTransactions.NEVER:
        kept.add(Kind.TRANSACTIONS.value)
    extra = [kind for kind in _KINDS if kind not in kept and getattr(snapshot, kind) is not None]
    parts: dict[str, Any] = dict.fromkeys(extra)
    identities = snapshot.identities
    if not plan.people and identities is not None and identities.people is not None:
        parts.setdefault("identities", msgspec.structs.replace(identities, people=None))
    return msgspec.structs.replace(snapshot, **parts) if parts else snapshot


def merged(old: Snapshot, new: Snapshot, kinds: frozenset[Kind]) -> Snapshot:
    """The old reading with these kinds, and all that is said of accounts, of the new one."""
    fresh = {kind.value: getattr(new, kind.value) for kind in kinds}
    sources = {one.id: one for one in (*old.sources, *new.sources)}
    providers = {one.id: one for one in (*old.providers, *new.providers)}
    changed = {
        "accounts": new.accounts,
        "account_faults": new.account_faults,
        # The later reading had no need to ask for them, and says nothing of them.
        "tasks": old.tasks if new.tasks is None else new.tasks,
        "sources": tuple(sources[key] for key in sorted(sources)),
        "providers": tuple(providers[key] for key in sorted(providers)),
        **fresh,
    }
    return msgspec.structs.replace(old, **changed)


def gained(before: Snapshot, after: Snapshot) -> frozenset[Kind]:
    """ACCOUNTS where one is connected that was not, or the reading before was not whole."""
    found = {
        Kind(kind)
        for kind in kinds_of(after)
        if _has_more(getattr(before, kind) or Read(), getattr(after, kind))
    }
    if not is_settled(before) or _connections(after) - _connections(before):
        found.add(Kind.ACCOUNTS)
    return frozenset(found)


def _has_more(before: Read[Any], after: Read[Any]) -> bool:
    known = {record.id for record in before.records}
    readable = bool(before.faults) and not after.faults
    return readable or any(record.id not in known for record in after.records)


def _connections(snapshot: Snapshot) -> frozenset[tuple[str, str]]:
    return frozenset((account.id, account.connection_status) for account in snapshot.accounts)


def next_reading(since: datetime, now: datetime) -> datetime:
    """When to read again: after as long as it has taken so far, within both pauses."""
    return now + min(max(now - since, FIRST_PAUSE), LONGEST_PAUSE)


def is_over(since: datetime, now: datetime) -> bool:
    """Whether nothing is read again."""
    # An instant from the future was set by a clock that was wrong, and would have no end.
    return not -AHEAD <= now - since < PATIENCE
