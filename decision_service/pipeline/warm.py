"""Warm snapshots: a recent whole reading serves again without asking the vendor."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import Snapshot
from decision_service.pipeline.ports import Gathering, Held, SnapshotBody
from decision_service.pipeline.snapshots import read_snapshot
from decision_service.pipeline.warm_ports import WarmLog

MOST_REMEMBERED = 512
_KINDS = tuple(kind.value for kind in Kind if kind is not Kind.ACCOUNTS)


@dataclass(frozen=True, slots=True)
class Ages:
    """How old the account list and the data of a warm snapshot may be."""

    accounts: timedelta = timedelta(minutes=15)
    snapshot: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Found:
    """A warm reading; with `look` it may serve only once the account list was found unchanged."""

    gathering: Gathering
    look: bool


class WarmShelf:
    """Finds warm snapshots; remembers the last few hundred decoded ones."""

    def __init__(self, log: WarmLog, ages: Ages) -> None:
        self._log = log
        self._ages = ages
        self._decoded: OrderedDict[tuple[str, str], tuple[Snapshot, SnapshotBody]] = OrderedDict()

    async def find(self, user_id: str, plan: FetchPlan, held: Held, now: datetime) -> Found | None:
        """A reading that is young enough for this plan; None where the vendor must be asked."""
        mark = held.warm
        if mark is None or not covers(mark.plan, plan) or now - mark.oldest > self._ages.snapshot:
            return None
        stored = await self._stored(user_id, mark.snapshot_id)
        if stored is None:
            return None
        snapshot, body = stored
        fitting = cut(snapshot, plan)
        known = body if fitting is snapshot else None
        gathering = Gathering(fitting, mark.oldest, 0, held.consent, body=known)
        return Found(gathering, look=now - mark.looked > self._ages.accounts)

    async def unchanged(self, user_id: str, held: Held, now: datetime) -> None:
        """The accounts behind a user's warm reading were found as they were."""
        if held.warm is not None:
            await self._log.looked(user_id, held.warm.snapshot_id, now)

    async def _stored(self, user_id: str, snapshot_id: str) -> tuple[Snapshot, SnapshotBody] | None:
        key = (user_id, snapshot_id)
        if key not in self._decoded:
            body = await self._log.snapshot(user_id, snapshot_id)
            if body is None:
                return None
            snapshot = read_snapshot(body)
            self._decoded[key] = (snapshot, SnapshotBody(snapshot_id, user_id, body))
        self._decoded.move_to_end(key)
        while len(self._decoded) > MOST_REMEMBERED:
            self._decoded.popitem(last=False)
        return self._decoded[key]


def kinds_of(snapshot: Snapshot) -> tuple[str, ...]:
    """The names of the kinds that a snapshot holds."""
    return tuple(kind for kind in _KINDS if getattr(snapshot, kind) is not None)


def is_whole(snapshot: Snapshot) -> bool:
    """Whether nothing that was asked for failed."""
    if snapshot.account_faults:
        return False
    return not any(getattr(snapshot, kind).faults for kind in kinds_of(snapshot))


def covers(read: FetchPlan, wanted: FetchPlan) -> bool:
    """Whether a reading by one plan holds everything that another asks for.

    Transactions that only may stand in for income harm nothing where they do not: factors decide
    that by the records.
    """
    if not wanted.kinds <= read.kinds:
        return False
    if wanted.transactions is WhenTransactions.NEVER:
        return True
    if wanted.transactions is WhenTransactions.ALWAYS is not read.transactions:
        return False
    had, needed = _first_day(read), _first_day(wanted)
    return had is not None and needed is not None and had <= needed


def _first_day(plan: FetchPlan) -> date | None:
    """The first day of transactions that a plan reads; None where it reads none."""
    days = {
        WhenTransactions.NEVER: (),
        WhenTransactions.IF_STANDING_IN: (plan.stand_in_from,),
        WhenTransactions.ALWAYS: (plan.transactions_from, plan.stand_in_from),
    }[plan.transactions]
    return min((day for day in days if day is not None), default=None)


def cut(snapshot: Snapshot, plan: FetchPlan) -> Snapshot:
    """The snapshot without kinds that the plan does not ask for, as a reading by it would be."""
    kept = {kind.value for kind in plan.kinds}
    if plan.transactions is not WhenTransactions.NEVER:
        kept.add(Kind.TRANSACTIONS.value)
    extra = [kind for kind in _KINDS if kind not in kept and getattr(snapshot, kind) is not None]
    if not extra:
        return snapshot
    return msgspec.structs.replace(snapshot, **dict.fromkeys(extra))


def merged(old: Snapshot, new: Snapshot, kinds: frozenset[Kind]) -> Snapshot:
    """A snapshot with some kinds, and the accounts, of a later reading."""
    fresh = {kind.value: getattr(new, kind.value) for kind in kinds}
    sources = {one.id: one for one in (*old.sources, *new.sources)}
    providers = {one.id: one for one in (*old.providers, *new.providers)}
    changed = {
        "accounts": new.accounts,
        "account_faults": new.account_faults,
        "sources": tuple(sources[key] for key in sorted(sources)),
        "providers": tuple(providers[key] for key in sorted(providers)),
        **fresh,
    }
    return msgspec.structs.replace(old, **changed)
