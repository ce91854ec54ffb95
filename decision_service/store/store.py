"""The store: the durable record of decisions and of the data behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self

from decision_service.casework.onboarding import Applicant, ApplicantRecord, IssuedToken
from decision_service.casework.outcomes import (
    Compared,
    Lent,
    LoanOutcome,
    OutcomePosition,
    RecordedOutcome,
)
from decision_service.decide.events import Event, Receipt
from decision_service.decide.history import LookedUp, Past
from decision_service.decide.identity import IdentityKey
from decision_service.decide.replica_check import ProcessRules
from decision_service.domain.decision import Arm
from decision_service.domain.errors import ReadingMoved
from decision_service.domain.ports import (
    DayTotals,
    DecisionEntry,
    Disconnected,
    Erased,
    Filter,
    PagePosition,
    SnapshotBody,
    StoredEntry,
    StoredText,
    UserState,
    WarmMark,
)
from decision_service.rollout.assign import Pin
from decision_service.rollout.impact import ImpactSums
from decision_service.rollout.ports import JournalEntry, JournalMovedOn
from decision_service.runtime.flow import UserCache
from decision_service.steering.counters import ArmTally, CounterTotal, FigureCell
from decision_service.steering.pairs import DecisionPair
from decision_service.store import (
    applicants,
    arms,
    decisions,
    erasure,
    errors,
    events,
    history,
    outcomes,
    replicas,
    rollouts,
    snapshots,
)
from decision_service.store.address import SqliteFile, parse_journal, parse_store_url
from decision_service.store.batches import Lookups
from decision_service.store.commit import LARGEST_GROUP, LINGER_SECONDS, OnCommit, Writer, no_op
from decision_service.store.engine import READERS, Database, is_shared, open_database
from decision_service.store.erasure import Erasing
from decision_service.store.erasure_journal import ErasureJournal, open_journal
from decision_service.store.errors import repeated
from decision_service.store.keys import (
    IDENTITY_KEYS,
    PLAIN,
    DataKeys,
    count_others,
    open_data_keys,
    take_over,
)
from decision_service.store.notices import StoredNotices
from decision_service.store.replicas import LEASE_SECONDS, SharedLeases, SoleProcess
from decision_service.store.reviews import StoredReviews
from decision_service.store.subject_access import StoredSubjectAccess

USERS = 8192
"""How many users' states are cached; one takes one or two kilobytes."""


class Store:
    """The `DecisionLog`, `ArmLog` and `RolloutJournal` on SQLite or PostgreSQL."""

    def __init__(
        self,
        database: Database,
        linger: float,
        largest_group: int,
        leases: SharedLeases | SoleProcess | None = None,
        on_commit: OnCommit = no_op,
        erasing: Erasing | None = None,
        identity_keys: tuple[IdentityKey, ...] = (),
        data_keys: DataKeys = PLAIN,
    ) -> None:
        self._database = database
        self._erasing = erasing or Erasing(database, None)
        self.keeps_journal = self._erasing.keeps_journal
        self.identity_keys = identity_keys
        self.data_keys = data_keys
        self.leases = leases or SoleProcess()
        self.reviews = StoredReviews(database, identity_keys)
        self.notices = StoredNotices(database)
        self.subject_access = StoredSubjectAccess(database, data_keys)
        self._writer = Writer(database, linger, largest_group, on_commit, data_keys)
        self._held: UserCache[UserState] = UserCache(USERS)
        self._on_erase: list[Callable[[str], None]] = []
        self._lookups = Lookups(database, largest_group)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        linger: float = LINGER_SECONDS,
        largest_group: int = LARGEST_GROUP,
        readers: int = READERS,
        lease: float = LEASE_SECONDS,
        init: bool = False,
        on_commit: OnCommit = no_op,
        journal: str | Path | None = None,
        erase_decisions: bool = False,
        identity_keys: Path | None = None,
        data_keys: Path | None = None,
        keep_data_keys: bool = False,
    ) -> Self:
        """Open the store that DECISION_STORE_URL names; raises StoreRefused with what to do.

        A group of commits waits `linger` seconds for more and holds at most `largest_group`.
        A process that hangs keeps what it decides from the others for `lease` seconds.
        Where a SQLite file is missing that was there once, only `init` begins a new one.
        `on_commit` is called with each group's seconds and decisions. `journal` is the erasure
        journal's file or PostgreSQL URL, by default the SQLite file's name with `.erasures`, and
        none for PostgreSQL; what it has and the database lacks is erased before this returns.
        With `erase_decisions` an erasure takes a user's decisions as well as the data behind them.
        `identity_keys` is the file of the keys by which accounts and persons are hashed, by default
        the SQLite file's name with `.identity-keys`, made where there is none; with PostgreSQL
        there is none, and nothing is hashed. `data_keys` is the file of the keys that wrap users'
        keys; with `keep_data_keys` it is by default the SQLite file's name with `.data-keys`, made
        where there is none. A file of SQLite is wrapped by the newest of them before this returns.
        """
        database = await open_database(url, readers, init=init)
        noted: ErasureJournal | None = None
        try:
            address = parse_store_url(url)
            with errors.opening(address.shown):
                if not journal and isinstance(address, SqliteFile):
                    journal = address.companion(".erasures")
                noted = await open_journal(parse_journal(journal)) if journal else None
                wrapping = await open_data_keys(url, data_keys, database, make=keep_data_keys)
                used = await database.read(history.key_ids)
                beside = IDENTITY_KEYS.beside(url) if identity_keys is None else None
                keys = await asyncio.to_thread(IDENTITY_KEYS.open, identity_keys, used, beside)
                erasing = Erasing(database, noted, wrapping, keys, with_decisions=erase_decisions)
                await erasing.catch_up()
                await take_over(database, wrapping)
        except BaseException:
            if noted is not None:
                await noted.aclose()
            await database.aclose()
            raise
        leases = SharedLeases(database, lease) if is_shared(database) else None
        return cls(database, linger, largest_group, leases, on_commit, erasing, keys, wrapping)

    async def aclose(self) -> None:
        await self._erasing.aclose()
        await self._writer.aclose()
        await self.leases.aclose()
        await self._lookups.aclose()
        await self._database.aclose()

    async def check(self) -> None:
        await self._database.read(partial(decisions.by_id, decision_id=""))
        await self._writer.check()

    async def look_up(self, caller: str, request_id: str, keys: Collection[bytes] = ()) -> LookedUp:
        return await self._lookups.look_up((caller, request_id), keys)

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        return await self._lookups.past(keys)

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        if entry.warm is not None:
            self._held.forget(entry.user_id)
        try:
            stored = await self._writer.commit(entry)
        except ReadingMoved:
            self._held.forget(entry.user_id)
            raise
        self.leases.forget(entry.fence)
        return stored

    async def get(self, decision_id: str) -> StoredEntry | None:
        return await self._database.read(partial(decisions.by_id, decision_id=decision_id))

    async def list(
        self, chosen: Filter, after: PagePosition | None, limit: int
    ) -> Sequence[StoredEntry]:
        work = partial(decisions.page, chosen=chosen, after=after, limit=limit)
        return await self._database.read(work)

    async def newest_decision(self) -> datetime | None:
        """When the newest decision was recorded, by the clock of then."""
        return await self._database.read(decisions.newest)

    async def forget_future(self, now: datetime) -> None:
        """End what readings serve that a clock which was ahead has dated after `now`."""
        await self._database.write(partial(events.forget_future, now=now))

    async def count_others(self) -> int:
        """How many users' keys the newest data key does not wrap; none where there is no key."""
        if self.data_keys.newest is None:
            return 0
        return await self._database.read(partial(count_others, newest=self.data_keys.newest))

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        work = partial(snapshots.body, user_id=user_id, snapshot_id=snapshot_id)
        packed = await self._database.read(partial(work, data_keys=self.data_keys))
        return None if packed is None else await snapshots.unpack(packed)

    async def earlier_snapshots(self, user_id: str, most: int) -> Sequence[tuple[str, datetime]]:
        return await self._database.read(partial(snapshots.earlier, user_id=user_id, most=most))

    async def user_state(self, user_id: str) -> UserState:
        since = self._held.forgotten
        work = partial(snapshots.user_state, user_id=user_id, data_keys=self.data_keys)
        held = await self._database.read(work)
        self._held.keep((user_id,), held, since)
        return held

    def cached_user_state(self, user_id: str) -> UserState | None:
        return self._held.get((user_id,))

    def on_erase(self, forget: Callable[[str], None]) -> None:
        """Call a cache's `forget` for each erased user, before and after the erasure."""
        self._on_erase.append(forget)

    async def erase(
        self, user_id: str, disconnected: Disconnected | None = None, *, known_only: bool = False
    ) -> Erased:
        self._forget(user_id)
        try:
            return await self._erasing.erase(user_id, disconnected, known_only=known_only)
        finally:
            self._forget(user_id)

    def _forget(self, user_id: str) -> None:
        for forget in (self._held.forget, self._writer.forget, *self._on_erase):
            forget(user_id)

    async def expire(self, before: datetime, most: int) -> int:
        return await self._database.write(partial(erasure.expire, before=before, most=most))

    async def forget_ended(self, now: datetime) -> None:
        await self._database.write(partial(snapshots.forget, now=now, data_keys=self.data_keys))

    async def keep_warm(self, body: SnapshotBody, mark: WarmMark, consent: int) -> bool:
        self._held.forget(body.user_id)
        return await self._writer.keep_warm(body, mark, consent)

    async def looked(self, user_id: str, snapshot_id: str, now: datetime) -> None:
        work = partial(events.looked, user_id=user_id, snapshot_id=snapshot_id, now=now)
        await self._database.write(work)
        self._held.forget(user_id)

    async def quarantine(self, user_id: str, now: datetime) -> None:
        self._held.forget(user_id)
        await self._database.write(partial(events.quarantine_reading, user_id=user_id, now=now))

    async def read_users(self, after: str, limit: int) -> Sequence[str]:
        return await self._database.read(partial(events.users, after=after, limit=limit))

    async def receive(self, event: Event, now: datetime, *, quarantine: bool) -> Receipt:
        self._held.forget(event.user_id)
        work = partial(events.receive, event=event, now=now, quarantine=quarantine)
        return await self._database.write(work)

    async def pending(self, limit: int, now: datetime, *, withdrawals: bool) -> Sequence[Event]:
        work = partial(events.pending, limit=limit, now=now, withdrawals=withdrawals)
        return await self._database.read(work)

    async def postpone(
        self, event_ids: Sequence[str], now: datetime, since: datetime, until: datetime
    ) -> bool:
        work = partial(events.postpone, event_ids=event_ids, now=now, since=since, until=until)
        return await self._database.write(work)

    async def done(self, event_ids: Sequence[str]) -> None:
        named = await self._database.write(partial(events.done, event_ids=event_ids))
        if named and not self._database.shared:
            await self._database.scrub()

    async def put_texts(self, given: Iterable[StoredText]) -> None:
        await self._database.write(partial(rollouts.record_texts, given=tuple(given)))

    async def text(self, digest: str) -> StoredText | None:
        return await self._database.read(partial(rollouts.by_digest, digest=digest))

    async def last_text(self, kind: str) -> StoredText | None:
        found = await self.last_texts(kind, 1)
        return found[0] if found else None

    async def last_texts(self, kind: str, most: int) -> Sequence[StoredText]:
        return await self._database.read(partial(rollouts.last, kind=kind, most=most))

    async def pin(self, product: str, unit: str, since: datetime) -> Pin | None:
        work = partial(arms.pin, product=product, unit=unit, since=since)
        return await self._database.read(work)

    async def approved(self, product: str, arm: Arm, since: datetime) -> int:
        work = partial(arms.approved, product=product, arm=arm, since=since)
        return await self._database.read(work)

    async def day_totals(self, product: str, since: datetime) -> DayTotals:
        return await self._database.read(partial(arms.day_totals, product=product, since=since))

    async def claim(self, applicant: Applicant, now: datetime, until: datetime) -> ApplicantRecord:
        work = partial(applicants.claim, applicant=applicant, now=now, until=until)
        return await self._database.write(work)

    async def created_by(self, caller: str, user_id: str) -> bool:
        work = partial(applicants.created_by, caller=caller, user_id=user_id)
        return await self._database.read(work)

    async def settle(self, applicant: Applicant, user_id: str) -> None:
        await self._database.write(partial(applicants.settle, applicant=applicant, user_id=user_id))

    async def issued(self, token: IssuedToken) -> None:
        await self._database.write(partial(applicants.issued, token=token))

    async def original_token(self, digest: str) -> IssuedToken | None:
        return await self._database.read(partial(applicants.original_token, digest=digest))

    async def count_renewal(self, original: str, most: int) -> bool:
        work = partial(applicants.count_renewal, original=original, most=most)
        return await self._database.write(work)

    async def uncount_renewal(self, original: str) -> None:
        await self._database.write(partial(applicants.uncount_renewal, original=original))

    async def release(self, applicant: Applicant) -> None:
        await self._database.write(partial(applicants.release, applicant=applicant))

    async def lent(self, decision_id: str) -> Lent | None:
        return await self._database.read(partial(outcomes.of, decision_id=decision_id))

    async def record_outcome(
        self, report: LoanOutcome, caller: str, now: datetime, *, correction: bool = False
    ) -> Compared | None:
        work = partial(
            outcomes.record, report=report, caller=caller, now=now, correction=correction
        )
        return await repeated(self._database.write, work)

    async def list_outcomes(
        self, decision_id: str, after: OutcomePosition | None, limit: int
    ) -> Sequence[RecordedOutcome]:
        work = partial(outcomes.listed, decision_id=decision_id, after=after, limit=limit)
        return await self._database.read(work)

    async def append(self, entry: JournalEntry) -> None:
        if not await repeated(self._database.write, partial(rollouts.append, entry=entry)):
            raise JournalMovedOn

    async def latest(self) -> Mapping[str, JournalEntry]:
        return await self._database.read(rollouts.latest)

    async def history(self, product: str, before: int | None, limit: int) -> Sequence[JournalEntry]:
        work = partial(rollouts.history, product=product, before=before, limit=limit)
        return await self._database.read(work)

    async def report(self, mine: ProcessRules) -> Sequence[ProcessRules]:
        if not is_shared(self._database):
            return (mine,)
        return await self._database.note(partial(replicas.report, mine=mine))

    async def put_cells(self, process: str, cells: Mapping[FigureCell, int]) -> None:
        await self._database.write(partial(arms.record_hours, process=process, cells=cells))

    async def totals(self, product: str, since: datetime, position: int) -> Sequence[CounterTotal]:
        work = partial(arms.totals, product=product, since=since, position=position)
        return await self._database.read(work)

    async def tallies(
        self, product: str, since: datetime, before: datetime | None = None, *, hashed: bool
    ) -> Sequence[ArmTally]:
        work = partial(arms.tallies, product=product, since=since, before=before, hashed=hashed)
        return await self._database.read(work)

    async def put_pairs(self, pairs: Sequence[DecisionPair]) -> None:
        await self._database.write(partial(rollouts.record_pairs, pairs=pairs))

    async def pair_sums(self, product: str, version: int, since: datetime) -> ImpactSums:
        work = partial(rollouts.sums, product=product, version=version, since=since)
        return await self._database.read(work)
