"""The Protocols that smile, storage and edge implement; the use cases know nothing else of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from decision_service.domain.decision import Arm, Decision
from decision_service.domain.needs import FetchPlan
from decision_service.domain.snapshot import KnownCount, Provider, Snapshot
from decision_service.domain.verdict import Outcome, ReferKind, StageTrace


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

    `calls` counts the vendor's requests that this decision caused, retries included; a caller who
    joined another's reading caused none. `consent` is the user's count of revocations as it was
    before the reading. `plan` is set for a whole reading that may serve later decisions, `body`
    where the stored form is known already. `mark` is that of the warm reading it was served from,
    None where the vendor was asked.
    """

    snapshot: Snapshot
    fetched: datetime
    calls: int
    consent: int = 0
    plan: FetchPlan | None = None
    body: SnapshotBody | None = None
    mark: WarmMark | None = None


class SnapshotSource(Protocol):
    """The vendor, as the pipeline sees it."""

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


class SnapshotBody(msgspec.Struct, frozen=True):
    """A snapshot ready to be stored: `id` is content-addressed within the user.

    `counts` is how many records of each kind each source gave, for `DecisionLog.known`.
    """

    id: str
    user_id: str
    body: bytes
    counts: tuple[KnownCount, ...] = ()


class ArmDecision(msgspec.Struct, frozen=True):
    """What an enrolled decision means for its rollout; recorded with it, in one transaction.

    `unit` is what the plan deals (the user, or the lender's customer). `hashed` says that the
    applicant was dealt by the hash alone, so that its arms may be compared; `pins` that a returning
    applicant keeps this arm and version. `approved` is the approved amount in minor units.
    """

    unit: str
    arm: Arm
    version: int
    hashed: bool
    pins: bool
    refer_kind: ReferKind | None = None
    rule_error: bool = False
    approved: int | None = None


class Entry(msgspec.Struct, frozen=True):
    """A decision ready to be stored.

    (`caller`, `request_id`) is unique; `content` is the SHA-256 of the request's content, by which
    a repetition is told from a reuse. `reply` is the exact response; `facts` what replay needs
    besides the snapshot and the texts (inputs, factor values, as_of, assignment), encoded by the
    pipeline. `arm` is None for an applicant outside the go-live. `consent` is the user's as it was
    before the snapshot was read; it is not looked at where there is no snapshot. `warm` says that
    the snapshot may serve later decisions. An entry that `depends_on` a warm reading is stored only
    while that reading may serve, and with a `fence`, a lease's, only while that lease is held.
    """

    decision_id: str
    caller: str
    request_id: str
    content: bytes
    user_id: str
    product: str
    application_id: str
    customer_ref: str
    outcome: Outcome
    created: datetime
    reply: bytes
    facts: bytes
    ruleset_digest: str | None = None
    plan_digest: str | None = None
    snapshot: SnapshotBody | None = None
    arm: ArmDecision | None = None
    consent: int = 0
    warm: WarmMark | None = None
    fence: str = ""
    depends_on: WarmMark | None = None


class StoredEntry(msgspec.Struct, frozen=True):
    """A decision as it is read back, with the fields of `Entry`."""

    decision_id: str
    caller: str
    request_id: str
    content: bytes
    user_id: str
    product: str
    application_id: str
    customer_ref: str
    outcome: Outcome
    created: datetime
    reply: bytes
    facts: bytes
    ruleset_digest: str | None
    plan_digest: str | None
    snapshot_id: str | None


class Filter(msgspec.Struct, frozen=True):
    """Which decisions to list; None and empty mean any. The time range is half open."""

    caller: str = ""
    user_id: str = ""
    application_id: str = ""
    customer_ref: str = ""
    product: str = ""
    outcome: Outcome | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


class Position(msgspec.Struct, frozen=True):
    """Where a page ended: newest first by (created, decision_id)."""

    created: datetime
    decision_id: str


class StoredText(msgspec.Struct, frozen=True):
    """A text by digest.

    `kind` is `ruleset`, `plan`, `rules` for a whole good folder, or `used` and a version for what
    that version has decided with.
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


class Held(msgspec.Struct, frozen=True):
    """What the store holds of a user.

    `counts` are the most records of each kind that each source ever gave. `consent` counts the
    user's revocations: data that was read under another count may not be used any more. `last` is
    the last whole reading; while it is `quarantined` it may be compared with but not used. `ended`
    is what is left of accounts that were disconnected: the newest month with income, and no count.
    """

    counts: tuple[KnownCount, ...] = ()
    consent: int = 0
    last: WarmMark | None = None
    quarantined: bool = False
    ended: tuple[KnownCount, ...] = ()

    @property
    def known(self) -> tuple[KnownCount, ...]:
        """What a reading is told: of an account that is connected again, what it gave since."""
        since = {(one.source, one.kind) for one in self.counts}
        ended = (one for one in self.ended if (one.source, one.kind) not in since)
        return (*self.counts, *ended)

    @property
    def warm(self) -> WarmMark | None:
        """The reading that may serve again."""
        return None if self.quarantined else self.last


class Disconnected(msgspec.Struct, frozen=True):
    """Accounts that the vendor lists as disconnected; what is left of them is kept `until` then."""

    accounts: frozenset[str]
    until: datetime


class Erased(msgspec.Struct, frozen=True):
    """What an erasure took away: stored snapshots of the user."""

    snapshots: int


class DecisionLog(Protocol):
    """The durable record. Every method raises StoreUnavailable when the store cannot serve."""

    async def find(self, caller: str, request_id: str) -> StoredEntry | None:
        """The decision of this caller's request, if there is one."""

    async def commit(self, entry: Entry) -> StoredEntry:
        """Store the decision with its snapshot in one transaction, durable on return.

        Where the request id is already taken, nothing is stored and the winner's entry returns
        (the caller compares `content`). Raises ReadingMoved where the reading that it rests on was
        quarantined, erased or replaced meanwhile, ConsentMoved where the `consent` of an entry that
        rests on none is not the user's any more, and LeaseLost where another process has taken the
        request over and not stored it yet.
        """

    async def get(self, decision_id: str) -> StoredEntry | None:
        """One decision by id."""

    async def list(
        self, chosen: Filter, after: Position | None, limit: int
    ) -> Sequence[StoredEntry]:
        """At most `limit` decisions, newest first, strictly after the position."""

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """The body of a stored snapshot; None when it was erased."""

    async def held(self, user_id: str) -> Held:
        """What is known of a user before reading: counts of earlier records, and the consent."""

    async def erase(self, user_id: str, disconnected: Disconnected | None = None) -> Erased:
        """Make a user's stored data unreadable for ever, and refuse what was read before.

        Of accounts that were `disconnected` the newest month with income stays for a while, by
        kind; of all others, and where none are told, nothing does.
        """

    async def put_texts(self, texts: Iterable[StoredText]) -> None:
        """Store texts by digest; one that is already there stays as it is."""

    async def text(self, digest: str) -> StoredText | None:
        """A text by digest."""

    async def last_text(self, kind: str) -> StoredText | None:
        """The text of a kind whose digest sorts last."""


class Lease(msgspec.Struct, frozen=True):
    """Leave for one process to decide one request; its `fence` goes into the entry."""

    caller: str
    request_id: str
    fence: str


class Leases(Protocol):
    """Which process decides a request now, so that each is gathered once among all of them.

    A lease ends when its entry is stored, when it is released, or when its process is gone; a
    process that hangs keeps it for a while, and is fenced off when another has taken over.
    """

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        """Leave to decide a request, or its decision where it is stored by now.

        While another process decides it this waits, at most for so many seconds. Raises
        RequestInProgress after them, StoreUnavailable where no lease can be had.
        """

    def release(self, lease: Lease) -> None:
        """Give a lease back whose entry is not going to be stored."""


class ReplyStyle(msgspec.Struct, frozen=True):
    """How the caller wants the answer: FULL adds factor values and traces; languages best first."""

    full: bool
    languages: tuple[str, ...] = ()


class ReplyEncoder(Protocol):
    """Makes the exact bytes of a response before they are committed."""

    def encode(self, decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> bytes:
        """The serialized CreateDecisionResponse; deterministic for equal arguments."""
