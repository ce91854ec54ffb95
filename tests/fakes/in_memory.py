"""A store in memory that keeps the ports' whole contracts but durability."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from decision_service.casework.onboarding import Applicant, ApplicantRecord, IssuedToken
from decision_service.decide.events import WITHDRAWALS, Event, EventAction, Receipt
from decision_service.decide.history import MOST_PAST, LookedUp, Past, PastDecision
from decision_service.decide.snapshots import AHEAD, LONGEST_PAUSE
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Arm, Outcome, ReferKind
from decision_service.domain.errors import (
    AllowancesMoved,
    ConsentMoved,
    HistoryMoved,
    LeaseLost,
    ReadingMoved,
    StoreUnavailable,
)
from decision_service.domain.ports import (
    ArmDecision,
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
    cap_reached,
)
from decision_service.domain.snapshot import KnownCount
from decision_service.rollout.assign import Pin
from decision_service.rollout.impact import ImpactSums, JudgedApplicant
from decision_service.rollout.ports import JournalEntry, JournalMovedOn
from decision_service.steering.counters import ArmTally, CounterTotal, FigureCell
from decision_service.steering.pairs import DecisionPair

NEVER = datetime.max.replace(tzinfo=UTC)
_SHARED = tuple(name for name in StoredEntry.__struct_fields__ if name != "snapshot_id")


class InMemoryDecisionLog:
    """The `DecisionLog`, `ArmLog` and `RolloutJournal` for tests of what stands above them.

    Set `down` to have every call fail as a store that cannot serve; `commits` counts the calls that
    were answered; `fences` holds who has leave to commit which request. What is remembered of a
    user stays as it is whatever changes, as if other processes changed it.
    """

    def __init__(self) -> None:
        self.down = False
        self.commits = 0
        self.fences: dict[tuple[str, str], str] = {}
        self._entries: dict[tuple[str, str], StoredEntry] = {}
        self._users: set[str] = set()
        self._by_id: dict[str, StoredEntry] = {}
        self._snapshots: dict[tuple[str, str], bytes] = {}
        self._stored: dict[tuple[str, str], datetime] = {}
        self._arms: list[tuple[StoredEntry, ArmDecision]] = []
        self._applicants: dict[Applicant, tuple[ApplicantRecord, datetime]] = {}
        self._warm: dict[str, WarmMark] = {}
        self._quarantined: dict[str, datetime] = {}
        self._remembered: dict[str, UserState] = {}
        self._events: dict[str, Event] = {}
        self._pending: dict[str, Event] = {}
        self._due: dict[str, datetime] = {}
        self._tokens: dict[str, IssuedToken] = {}
        self._known: dict[tuple[str, str, Kind], KnownCount] = {}
        self._ended: dict[tuple[str, str, Kind], tuple[KnownCount, datetime]] = {}
        self._consents: Counter[str] = Counter()
        self._texts: dict[str, StoredText] = {}
        self._journal: dict[str, dict[int, JournalEntry]] = {}
        self._cells: dict[tuple[str, FigureCell], int] = {}
        self._pairs: dict[tuple[str, int], DecisionPair] = {}
        self._past: dict[bytes, list[PastDecision]] = {}

    async def look_up(self, caller: str, request_id: str, keys: Collection[bytes] = ()) -> LookedUp:
        await self._turn()
        return LookedUp(self._entries.get((caller, request_id)), self._under(keys))

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        await self._turn()
        self.commits += 1
        key = (entry.caller, entry.request_id)
        if key in self._entries:
            return self._entries[key]
        if entry.depends_on is not None and not self._may_serve(entry, entry.depends_on):
            self._remembered.pop(entry.user_id, None)
            raise ReadingMoved("the reading may not serve any more: nothing was recorded")
        if entry.snapshot is not None and entry.consent != self._consents[entry.user_id]:
            raise ConsentMoved("the user withdrew consent meanwhile: nothing was recorded")
        if entry.decision_id in self._by_id:
            raise StoreUnavailable("the decision's id belongs to another decision")
        if entry.fence and self.fences.get(key) != entry.fence:
            raise LeaseLost("another process decides this request by now")
        self._require_allowed(entry)
        self._take_places(entry)
        self.fences.pop(key, None)
        stored = _stored(entry)
        self._entries[key] = self._by_id[entry.decision_id] = stored
        self._users.add(entry.user_id)
        if entry.snapshot is not None:
            self._keep(entry.snapshot, entry.created)
        if entry.warm is not None:
            self._mark(entry.user_id, entry.warm)
        if entry.arm is not None:
            self._arms.append((stored, entry.arm))
        return stored

    def _require_allowed(self, entry: DecisionEntry) -> None:
        found, arm = entry.allowances, entry.arm
        if found is None or arm is None:
            return
        now = replace(found, totals=self._day_totals(entry.product, found.limits.midnight))
        if arm.grant is not None and cap_reached(now, arm.grant):
            raise AllowancesMoved("the day allows less by now: nothing was recorded")

    async def day_totals(self, product: str, since: datetime) -> DayTotals:
        await self._turn()
        return self._day_totals(product, since)

    def _day_totals(self, product: str, since: datetime) -> DayTotals:
        totals = DayTotals()
        for entry, arm in self._arms:
            if entry.product == product and entry.created >= since and arm.grant is not None:
                totals = totals.plus(arm.grant)
        return totals

    def _take_places(self, entry: DecisionEntry) -> None:
        keys = entry.history.keys if entry.history else ()
        if any(len(self._past.get(key, ())) != last for key, last in keys):
            raise HistoryMoved("the person's history has moved on: nothing was recorded")
        for key, _ in keys:
            self._past.setdefault(key, []).append(_as_past(entry))

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        await self._turn()
        return self._under(keys)

    def _under(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        found = {key: self._past.get(key, ()) for key in keys}
        return {key: Past(len(all_), tuple(all_[-MOST_PAST:])) for key, all_ in found.items()}

    async def get(self, decision_id: str) -> StoredEntry | None:
        await self._turn()
        return self._by_id.get(decision_id)

    async def list(
        self, chosen: Filter, after: PagePosition | None, limit: int
    ) -> Sequence[StoredEntry]:
        await self._turn()
        before = None if after is None else (after.created, after.decision_id)
        found = (entry for entry in self._entries.values() if _matches(entry, chosen))
        newest_first = sorted(found, key=_place, reverse=True)
        return [e for e in newest_first if before is None or _place(e) < before][:limit]

    async def newest_decision(self) -> datetime | None:
        await self._turn()
        return max((entry.created for entry in self._entries.values()), default=None)

    async def forget_future(self, now: datetime) -> None:
        await self._turn()
        for user_id, mark in [*self._warm.items()]:
            if max(mark.fetched, mark.looked, mark.oldest) > now + AHEAD:
                del self._warm[user_id]
        self._quarantined = {
            user: now if until > now + AHEAD else until for user, until in self._quarantined.items()
        }

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        await self._turn()
        return self._snapshots.get((user_id, snapshot_id))

    async def earlier_snapshots(self, user_id: str, most: int) -> Sequence[tuple[str, datetime]]:
        await self._turn()
        mine = [(key[1], self._stored[key]) for key in self._snapshots if key[0] == user_id]
        return sorted(mine, key=lambda one: (-one[1].timestamp(), one[0]))[:most]

    async def user_state(self, user_id: str) -> UserState:
        await self._turn()
        counts = [one for key, one in sorted(self._known.items()) if key[0] == user_id]
        ended = [one for key, (one, _) in sorted(self._ended.items()) if key[0] == user_id]
        last, warm = self._warm.get(user_id), self._warm_mark(user_id)
        held = UserState(
            tuple(counts), self._consents[user_id], last, warm is not last, tuple(ended)
        )
        self._remembered[user_id] = held
        return held

    def cached_user_state(self, user_id: str) -> UserState | None:
        return self._remembered.get(user_id)

    async def erase(
        self, user_id: str, disconnected: Disconnected | None = None, *, known_only: bool = False
    ) -> Erased:
        await self._turn()
        if known_only and user_id not in self._users:
            return Erased(0, known=False)
        self._settle(user_id, disconnected or Disconnected(frozenset(), NEVER))
        self._consents[user_id] += 1
        gone = [key for key in self._snapshots if key[0] == user_id]
        for key in gone:
            del self._snapshots[key]
        self._known = {key: n for key, n in self._known.items() if key[0] != user_id}
        self._warm.pop(user_id, None)
        await self.done(
            [e.id for e in self._pending.values() if e.user_id == user_id and e.postponed]
        )
        self._tokens = {d: t for d, t in self._tokens.items() if t.user_id != user_id}
        known = user_id in self._users
        return Erased(len(gone), known)

    async def forget_ended(self, now: datetime) -> None:
        await self._turn()
        self._ended = {key: kept for key, kept in self._ended.items() if kept[1] > now}

    def _settle(self, user_id: str, disconnected: Disconnected) -> None:
        left = disconnected.accounts
        self._ended = {
            key: kept for key, kept in self._ended.items() if key[0] != user_id or key[1] in left
        }
        for key, one in self._known.items():
            telling = one.newest is not None and one.kind is not Kind.CONTRIBUTIONS
            if key[0] == user_id and key[1] in left and telling:
                self._ended[key] = (replace(one, count=0), disconnected.until)

    async def keep_warm(self, body: SnapshotBody, mark: WarmMark, consent: int) -> bool:
        await self._turn()
        if self._consents[body.user_id] != consent:
            return False
        before = self._warm.get(body.user_id)
        self._keep(body, mark.fetched)
        self._mark(body.user_id, mark)
        for one in (before, mark):
            if one is not None:
                self._drop_unused(body.user_id, one.snapshot_id)
        return self._warm_mark(body.user_id) == mark

    async def looked(self, user_id: str, snapshot_id: str, now: datetime) -> None:
        await self._turn()
        mark = self._warm.get(user_id)
        if mark is not None and mark.snapshot_id == snapshot_id:
            self._warm[user_id] = replace(mark, looked=now)

    async def quarantine(self, user_id: str, now: datetime) -> None:
        await self._turn()
        self._quarantined[user_id] = max(now, self._quarantined.get(user_id, now))

    async def read_users(self, after: str, limit: int) -> Sequence[str]:
        await self._turn()
        users = {user_id for user_id, _ in self._snapshots}
        return [user for user in sorted(users) if user > after][:limit]

    async def receive(self, event: Event, now: datetime, *, quarantine: bool) -> Receipt:
        await self._turn()
        known = self._events.get(event.id)
        if known is not None:
            return Receipt.SEEN if known.digest == event.digest else Receipt.CONFLICT
        self._events[event.id] = event
        if event.meaning is not EventAction.NOTED:
            self._pending[event.id] = event
        if quarantine:
            await self.quarantine(event.user_id, now)
        return Receipt.NEW

    async def pending(self, limit: int, now: datetime, *, withdrawals: bool) -> Sequence[Event]:
        await self._turn()
        found = [e for e in self._pending.values() if (e.type in WITHDRAWALS) is withdrawals]
        due = {event.user_id for event in found if self._is_due(event, now)}
        return [event for event in found if event.user_id in due][:limit]

    async def postpone(
        self, event_ids: Sequence[str], now: datetime, since: datetime, until: datetime
    ) -> bool:
        await self._turn()
        these = [self._pending[one] for one in event_ids if one in self._pending]
        if not any(self._is_due(event, now) for event in these):
            return False
        for event in these:
            self._pending[event.id] = replace(event, postponed=since)
            self._due[event.id] = until
        return True

    def _is_due(self, event: Event, now: datetime) -> bool:
        until = self._due.get(event.id, now)
        return not now < until <= now + LONGEST_PAUSE + AHEAD

    async def done(self, event_ids: Sequence[str]) -> None:
        await self._turn()
        for event_id in event_ids:
            self._pending.pop(event_id, None)
            self._due.pop(event_id, None)

    async def put_texts(self, given: Iterable[StoredText]) -> None:
        await self._turn()
        for text in given:
            self._texts.setdefault(text.digest, text)

    async def last_text(self, kind: str) -> StoredText | None:
        found = await self.last_texts(kind, 1)
        return found[0] if found else None

    async def last_texts(self, kind: str, most: int) -> list[StoredText]:
        await self._turn()
        of_kind = [text for text in self._texts.values() if text.kind == kind]
        return sorted(of_kind, key=lambda text: text.digest, reverse=True)[:most]

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

    async def claim(self, applicant: Applicant, now: datetime, until: datetime) -> ApplicantRecord:
        await self._turn()
        record, taken = self._applicants.get(applicant, (ApplicantRecord(None, now, False), now))
        if record.user_id is not None or taken > now:
            return record
        self._applicants[applicant] = (record, until)
        return replace(record, claimed=True)

    async def created_by(self, caller: str, user_id: str) -> bool:
        await self._turn()
        return any(
            (applicant.caller, record.user_id) == (caller, user_id)
            for applicant, (record, _) in self._applicants.items()
        )

    async def settle(self, applicant: Applicant, user_id: str) -> None:
        await self._turn()
        record, taken = self._applicants[applicant]
        self._applicants[applicant] = (replace(record, user_id=record.user_id or user_id), taken)

    async def issued(self, token: IssuedToken) -> None:
        await self._turn()
        self._tokens.setdefault(token.digest, token)

    async def original_token(self, digest: str) -> IssuedToken | None:
        await self._turn()
        token = self._tokens.get(digest)
        return token and self._tokens.get(token.original or token.digest)

    async def count_renewal(self, original: str, most: int) -> bool:
        await self._turn()
        token = self._tokens.get(original)
        if token is None or token.renewals >= most:
            return False
        self._tokens[original] = replace(token, renewals=token.renewals + 1)
        return True

    async def uncount_renewal(self, original: str) -> None:
        await self._turn()
        token = self._tokens.get(original)
        if token is not None and token.renewals:
            self._tokens[original] = replace(token, renewals=token.renewals - 1)

    async def release(self, applicant: Applicant) -> None:
        await self._turn()
        record, _ = self._applicants[applicant]
        self._applicants[applicant] = (record, record.begun)

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

    async def put_cells(self, process: str, cells: Mapping[FigureCell, int]) -> None:
        await self._turn()
        for cell, count in cells.items():
            self._cells[process, cell] = max(count, self._cells.get((process, cell), 0))

    async def totals(self, product: str, since: datetime, position: int) -> Sequence[CounterTotal]:
        await self._turn()
        sums: dict[tuple[object, ...], CounterTotal] = {}
        for (_, cell), count in self._cells.items():
            late = cell.hour + timedelta(hours=1) > since and cell.position >= position
            if cell.product != product or not late:
                continue
            place = (cell.arm or "", cell.version, cell.counted, cell.bucket)
            before = sums[place].count if place in sums else 0
            sums[place] = CounterTotal(
                cell.arm, cell.version, cell.counted, cell.bucket, before + count
            )
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

    async def put_pairs(self, pairs: Sequence[DecisionPair]) -> None:
        await self._turn()
        for pair in pairs:
            self._pairs.setdefault((pair.decision_id, pair.version), pair)

    async def pair_sums(self, product: str, version: int, since: datetime) -> ImpactSums:
        await self._turn()
        sums = ImpactSums()
        for pair in self._pairs.values():
            if (pair.product, pair.version) == (product, version) and pair.created >= since:
                if isinstance(pair.told, JudgedApplicant):
                    sums.add(pair.told)
                else:
                    sums.leave_out(pair.told.why, pair.live)
        return sums

    async def _turn(self) -> None:
        """Let others run, as every real store does, then fail where the store is down."""
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailable("the store is down: nothing was recorded", retry_after=1.0)

    def _warm_mark(self, user_id: str) -> WarmMark | None:
        mark, since = self._warm.get(user_id), self._quarantined.get(user_id)
        return None if mark and since and mark.fetched <= since else mark

    def _may_serve(self, entry: DecisionEntry, mark: WarmMark) -> bool:
        now = self._warm_mark(entry.user_id)
        if now is None or entry.consent != self._consents[entry.user_id]:
            return False
        return (now.snapshot_id, now.fetched) == (mark.snapshot_id, mark.fetched)

    def _mark(self, user_id: str, mark: WarmMark) -> None:
        known = self._warm.get(user_id)
        if known is None or mark.fetched > known.fetched:
            self._warm[user_id] = mark

    def _drop_unused(self, user_id: str, snapshot_id: str) -> None:
        used = any(
            (entry.user_id, entry.snapshot_id) == (user_id, snapshot_id)
            for entry in self._entries.values()
        )
        if not used and self._warm[user_id].snapshot_id != snapshot_id:
            self._snapshots.pop((user_id, snapshot_id), None)

    def _keep(self, snapshot: SnapshotBody, stored: datetime) -> None:
        self._snapshots.setdefault((snapshot.user_id, snapshot.id), snapshot.body)
        self._stored.setdefault((snapshot.user_id, snapshot.id), stored)
        for one in snapshot.counts:
            key = (snapshot.user_id, one.source, one.kind)
            before = self._known.get(key, one)
            months = [month for month in (one.newest, before.newest) if month is not None]
            most = max(one.count, before.count)
            self._known[key] = replace(one, count=most, newest=max(months, default=None))


def _as_past(entry: DecisionEntry) -> PastDecision:
    told = entry.history
    assert told is not None
    return PastDecision(
        entry.decision_id,
        entry.user_id,
        entry.caller,
        entry.customer_ref,
        entry.product,
        entry.outcome,
        entry.created,
        told.currency,
        told.approved,
        told.instalment,
        told.expires,
    )


def _stored(entry: DecisionEntry) -> StoredEntry:
    values = {name: getattr(entry, name) for name in _SHARED}
    values["created"] = entry.created.astimezone(UTC)
    return StoredEntry(**values, snapshot_id=entry.snapshot.id if entry.snapshot else None)


def _place(entry: StoredEntry) -> tuple[datetime, str]:
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


Decided = tuple[StoredEntry, ArmDecision]


def _tally(arm: Arm, version: int, chosen: list[Decided], firsts: list[Decided]) -> ArmTally:
    own = [
        (decided.judged or entry.outcome, decided.refer_kind)
        for entry, decided in firsts
        if (decided.arm, decided.version) == (arm, version)
    ]
    outcomes = [outcome for outcome, _ in own]
    every = [d for _, d in chosen if (d.arm, d.version) == (arm, version)]
    return ArmTally(
        arm,
        version,
        decisions=len(every),
        units=len(own),
        approved=outcomes.count(Outcome.APPROVE),
        referred=outcomes.count(Outcome.REFER),
        declined=outcomes.count(Outcome.DECLINE),
        missing=[kind for _, kind in own].count(ReferKind.DATA),
        amount=sum(d.approved or 0 for d in every),
    )
