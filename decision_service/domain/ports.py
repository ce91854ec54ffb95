"""The records that are kept, and the ports to the vendor, the store and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from decision_service.domain.decision import (
    Arm,
    Decision,
    Outcome,
    ReferKind,
    RequestFields,
    StageTrace,
)
from decision_service.domain.needs import FetchPlan
from decision_service.domain.reviews import OpenedReview
from decision_service.domain.snapshot import Account, KnownCount, Provider, Snapshot
from decision_service.domain.values import Money


class CapLimit(msgspec.Struct, frozen=True, omit_defaults=True):
    """`tier` is the offer's, empty for all; `amount` in minor units; None is no bound."""

    name: str
    tier: str = ""
    approvals: int | None = None
    amount: int | None = None


class DayLimits(msgspec.Struct, frozen=True, omit_defaults=True):
    """What bounds the approvals of one application's product; the civil day began at `midnight`."""

    midnight: datetime
    caps: tuple[CapLimit, ...] = ()


class DayTotal(msgspec.Struct, frozen=True):
    """How many approvals, and their amount in minor units."""

    approvals: int = 0
    amount: int = 0


class DayTotals(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a product approved since midnight in all processes, by tier."""

    tiers: Mapping[str, DayTotal] = msgspec.field(default_factory=dict)

    def of(self, tier: str) -> DayTotal:
        """The approvals of a tier; of all tiers for an empty one."""
        if tier:
            return self.tiers.get(tier, DayTotal())
        every = self.tiers.values()
        return DayTotal(sum(t.approvals for t in every), sum(t.amount for t in every))

    def plus(self, grant: Grant) -> DayTotals:
        """The totals after one more approval."""
        before = self.tiers.get(grant.tier, DayTotal())
        amount = before.amount + (grant.amount or 0)
        after = DayTotal(before.approvals + grant.approvals, amount)
        return DayTotals({**self.tiers, grant.tier: after})


class Grant(msgspec.Struct, frozen=True):
    """`amount` is in minor units; `approvals` is 0 where the approval is counted already."""

    amount: int | None
    tier: str = ""
    approvals: int = 1


class Allowances(msgspec.Struct, frozen=True, omit_defaults=True):
    """The limits of a day with what was approved by then, as one decision found them."""

    limits: DayLimits
    totals: DayTotals = DayTotals()


def cap_reached(allowances: Allowances, grant: Grant) -> CapLimit | None:
    """The first cap that an approval would exceed; an unknown amount exceeds every amount."""
    for cap in allowances.limits.caps:
        if cap.tier in ("", grant.tier) and _exceeds(cap, allowances.totals.of(cap.tier), grant):
            return cap
    return None


def _exceeds(cap: CapLimit, total: DayTotal, grant: Grant) -> bool:
    # What is counted already takes no second place of the day.
    if cap.approvals is not None and grant.approvals and total.approvals >= cap.approvals:
        return True
    if cap.amount is None:
        return False
    # An unknown amount could be any: it must not pass below a cap.
    return grant.amount is None or total.amount + grant.amount > cap.amount


class Clock(Protocol):
    """Wall time for records, monotonic time for deadlines."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back; the scale of every deadline."""


class NewId(Protocol):
    """Makes the ids of records."""

    def decision_id(self, created: datetime) -> str:
        """`dec_` and a ULID of this instant."""

    def request_id(self) -> str:
        """A UUID for a request that came without one."""


class FetchResult(msgspec.Struct, frozen=True):
    """One reading of an applicant: the data, when it ended, and what it cost this caller.

    `calls` counts the vendor requests that this decision caused, retries included; a caller who
    joined another's reading caused none. `consent` is the user's count of revocations before the
    reading. `plan` is set for a whole reading that may serve later decisions, `body` where the
    stored form is known already. `mark` identifies the warm reading that served; None for a reading
    from the vendor.
    """

    snapshot: Snapshot
    fetched: datetime
    calls: int
    consent: int = 0
    plan: FetchPlan | None = None
    body: SnapshotBody | None = None
    mark: WarmMark | None = None


class SnapshotSource(Protocol):
    """Reads applicants' data from the vendor."""

    async def gather(
        self,
        user_id: str,
        plan: FetchPlan,
        *,
        as_of: datetime,
        stop_at: float,
        wait_until: float,
        known: Sequence[KnownCount],
        fallback: Mapping[str, Provider],
    ) -> FetchResult:
        """Read the accounts, then the plan's kinds side by side.

        Ends by `stop_at` (Clock.monotonic): once the vendor has answered anything, what is
        unread is in the snapshot as a fault; before that DeadlineMissed. `wait_until` is how long
        data that is still arriving is waited for. `fallback` names provider types where the
        vendor's list could not be read. Raises UserUnknown, DataNotReady, UpstreamUnavailable,
        UpstreamBudgetExhausted, DeadlineMissed, CrossTenant.
        """

    async def accounts(self, user_id: str, stop_at: float) -> tuple[Account, ...]:
        """Every account as it is now, whatever is still arriving.

        Raises UserUnknown, UpstreamUnavailable, UpstreamBudgetExhausted, CrossTenant.
        """


class SnapshotBody(msgspec.Struct, frozen=True):
    """`id` is content-addressed within the user; `counts` are for `DecisionLog.known`."""

    id: str
    user_id: str
    body: bytes
    counts: tuple[KnownCount, ...] = ()


class ArmDecision(msgspec.Struct, frozen=True):
    """A decision's row for its rollout, committed with it.

    `unit` is what the plan assigns (the user, or the lender's customer). `hashed` says that the
    applicant was assigned by the hash alone, so that the arms may be compared; `pins` that a
    returning applicant keeps this arm and version. `approved` is what the rules approved, in minor
    units. `judged` is the rules' own outcome where another was decided. `grant` is what was
    approved against the day's caps.
    """

    unit: str
    arm: Arm
    version: int
    hashed: bool
    pins: bool
    refer_kind: ReferKind | None = None
    rule_error: bool = False
    approved: int | None = None
    judged: Outcome | None = None
    grant: Grant | None = None


class HistoryEntry(msgspec.Struct, frozen=True):
    """A decision's place in the history of the person, committed with it.

    `keys` pairs each key under which it is found again with the number of the last decision that
    was known there; it is the next one, or nothing is stored. Amounts are minor units of
    `currency`: what was approved, and the instalment of the offer.
    """

    keys: tuple[tuple[bytes, int], ...]
    currency: str
    approved: int | None = None
    instalment: int | None = None
    expires: datetime | None = None


class EntryFields(RequestFields, frozen=True, kw_only=True):
    """What a decision has before and after it is stored."""

    decision_id: str
    caller: str
    content: bytes
    outcome: Outcome
    created: datetime
    reply: bytes
    facts: bytes


class DecisionEntry(EntryFields, frozen=True, kw_only=True):
    """A decision ready to be stored.

    (`caller`, `request_id`) is unique; `content` is the SHA-256 of the request's content, by which
    a repetition differs from a reuse. `reply` is the exact response; `facts` what replay needs
    besides the snapshot and the texts (inputs, factor values, as_of, assignment), encoded by
    `decide/codec.py`. `arm` is None for an applicant outside the go-live. `consent` is the user's
    as it was before the snapshot was read; it is not looked at where there is no snapshot. `warm`
    says that the snapshot may serve later decisions. An entry that `depends_on` a warm reading is
    stored only while that reading may serve, and with a `fence`, a lease's, only while that lease
    is held. With `allowances` it is stored only while they hold. `review` is opened with it; where
    it is made again, it takes the place of the decision that it `replaces` in the history.
    """

    ruleset_digest: str | None = None
    plan_digest: str | None = None
    snapshot: SnapshotBody | None = None
    arm: ArmDecision | None = None
    consent: int = 0
    warm: WarmMark | None = None
    fence: str = ""
    depends_on: WarmMark | None = None
    history: HistoryEntry | None = None
    allowances: Allowances | None = None
    review: OpenedReview | None = None
    replaces: str = ""


class StoredEntry(EntryFields, frozen=True, kw_only=True):
    """A decision as it is read back."""

    ruleset_digest: str | None
    plan_digest: str | None
    snapshot_id: str | None


class RecordedOutcome(msgspec.Struct, frozen=True):
    """What the rules concluded of an application; `approved` is known of an approval in force."""

    outcome: Outcome
    approved: Money | None = None


class Filter(msgspec.Struct, frozen=True):
    """None and empty mean any; `any_id` is that of a decision, review, application, or person.

    An `outcome` is that of the rules, or of a person whose result counts.
    `unreported` are approved ones without any report of a loan, `decided_again` those that a later
    one on the application replaced; of those `by_person` a person's result counts.
    """

    caller: str = ""
    any_id: str = ""
    user_id: str = ""
    application_id: str = ""
    customer_ref: str = ""
    product: str = ""
    outcome: Outcome | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    unreported: bool = False
    decided_again: bool = False
    by_person: bool = False


class PagePosition(msgspec.Struct, frozen=True):
    """Where a page ended: newest first by (created, decision_id)."""

    created: datetime
    decision_id: str


class StoredText(msgspec.Struct, frozen=True):
    """A text by digest.

    `kind` is `ruleset`, `plan`, `rules` for a whole good folder, `release` for the content of a
    release, or `used` and a version for what that version has decided with.
    """

    digest: str
    kind: str
    body: bytes


class WarmMark(msgspec.Struct, frozen=True):
    """A stored snapshot that may serve again: when and by which plan it was read.

    `looked` is when its accounts were last found unchanged. `oldest` is when its oldest part was
    read: before `fetched` where only what had changed was read since.
    """

    snapshot_id: str
    fetched: datetime
    looked: datetime
    plan: FetchPlan
    oldest: datetime


class UserState(msgspec.Struct, frozen=True):
    """The store's state of a user.

    `counts` are the most records of each kind that each source ever gave. `consent` counts the
    user's revocations: data read under another count may not be used. `last` is the last whole
    reading; while `quarantined`, it serves comparisons but no decision. `ended` holds the newest
    month with income, without counts, of accounts that were disconnected.
    """

    counts: tuple[KnownCount, ...] = ()
    consent: int = 0
    last: WarmMark | None = None
    quarantined: bool = False
    ended: tuple[KnownCount, ...] = ()

    @property
    def known(self) -> tuple[KnownCount, ...]:
        """The counts that a reading is checked against: an account's since its last connection."""
        since = {(one.source, one.kind) for one in self.counts}
        ended = (one for one in self.ended if (one.source, one.kind) not in since)
        return (*self.counts, *ended)

    @property
    def warm(self) -> WarmMark | None:
        """The reading that may serve again."""
        return None if self.quarantined else self.last


class Disconnected(msgspec.Struct, frozen=True):
    """Accounts that the vendor lists as disconnected; their last months are kept `until` then."""

    accounts: frozenset[str]
    until: datetime


class Erased(msgspec.Struct, frozen=True):
    """How many stored snapshots of the user an erasure removed; whether anything was known."""

    snapshots: int
    known: bool


class TextLog(Protocol):
    """Reads stored texts."""

    async def text(self, digest: str) -> StoredText | None:
        """A text by digest; raises StoreUnavailable."""


class DecisionLog(TextLog, Protocol):
    """The durable record. Every method raises StoreUnavailable when the store cannot serve."""

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        """Store the decision with its snapshot in one transaction, durable on return.

        Where the request id is already taken, nothing is stored and the winner's entry returns
        (the caller compares `content`). Raises ReadingMoved where the reading that the entry
        `depends_on` was quarantined, erased or replaced; ConsentMoved where the `consent` of an
        entry without such a reading is outdated; HistoryMoved where another decision came first
        under a key of its history; AllowancesMoved where others have used up its `allowances`;
        LeaseLost where another process has taken the
        request over and has not stored its decision.
        """

    async def get(self, decision_id: str) -> StoredEntry | None:
        """One decision by id."""

    async def outcomes(self, decision_ids: Iterable[str]) -> Mapping[str, RecordedOutcome]:
        """The recorded outcomes of decisions by id, of those that are stored."""

    async def list(
        self, chosen: Filter, after: PagePosition | None, limit: int
    ) -> Sequence[StoredEntry]:
        """At most `limit` decisions, newest first, strictly after the position."""

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """The body of a stored snapshot; None when it was erased."""

    async def earlier_snapshots(self, user_id: str, most: int) -> Sequence[tuple[str, datetime]]:
        """The ids of a user's newest snapshots with when each was stored first, the last first."""

    async def user_state(self, user_id: str) -> UserState:
        """The user's state before a reading: counts of earlier records, consent, last reading."""

    async def erase(self, user_id: str, disconnected: Disconnected | None = None) -> Erased:
        """Make a user's stored data unreadable for ever, and refuse entries read before.

        Of accounts in `disconnected` the newest month with income is kept for a while, by kind; of
        all other accounts nothing is kept.
        """

    async def put_texts(self, texts: Iterable[StoredText]) -> None:
        """Store texts by digest; one that is already there stays as it is."""

    async def last_text(self, kind: str) -> StoredText | None:
        """The text of a kind whose digest sorts last."""

    async def last_texts(self, kind: str, most: int) -> Sequence[StoredText]:
        """At most so many texts of a kind, those whose digests sort last, the last one first."""


class Lease(msgspec.Struct, frozen=True):
    """The right of one process to decide one request; the entry carries its `fence`."""

    caller: str
    request_id: str
    fence: str


class Leases(Protocol):
    """Leases of requests, so that one of several processes reads and decides each request.

    A lease ends when its entry is stored, when it is released, or when its process is gone. A
    process that hangs keeps its lease for a while, and cannot commit after another took over.
    """

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        """A lease of the request, or its decision where one is stored.

        While another process decides, the call waits, at most `seconds`. Raises RequestInProgress
        after them, StoreUnavailable where no lease can be taken.
        """

    def release(self, lease: Lease) -> None:
        """Give back a lease whose entry will not be stored."""


class ReplyStyle(msgspec.Struct, frozen=True):
    """How the caller wants the answer: FULL adds factor values and traces; languages best first."""

    full: bool
    languages: tuple[str, ...] = ()


class ReplyEncoder(Protocol):
    """Makes the exact bytes of a response before they are committed."""

    def encode(self, decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> bytes:
        """The serialized CreateDecisionResponse; deterministic for equal arguments."""
