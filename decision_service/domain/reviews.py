"""Reviews of decisions by persons: their values, a product's policy, and how one begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.actors import Actor, TokenSubject
from decision_service.domain.decision import NO_TERMS, ApprovalTerms, Outcome, ReferKind
from decision_service.domain.values import Money

DEFAULT_QUEUE = "default"
"""The queue of referrals that no queue of the desk takes."""

CONTEST_QUEUE = "contest"
"""The queue of reviews that applicants asked for."""

DEFAULT_SLA = timedelta(hours=24)
CONTEST_SLA = timedelta(hours=72)
# Long enough to call an employer, so short that a review that was left is back before lunch.
CLAIM_FOR = timedelta(minutes=30)

HOLD_FOR = timedelta(hours=72)
"""The longest claim, as while a call back is awaited over a weekend."""

WITHDRAW_MOST = timedelta(hours=1)
"""The longest time to think: an applicant waits for an answer meanwhile."""


class ReviewOrigin(StrEnum):
    """What opened a review: a referral, or the applicant who contests a decision."""

    REFERRED = "REFERRED"
    CONTESTED = "CONTESTED"


class ReviewState(StrEnum):
    """The last two are a review's end; in AWAITING_RELEASE its result counts and is not final."""

    OPEN = "OPEN"
    CLAIMED = "CLAIMED"
    AWAITING_DATA = "AWAITING_DATA"
    DECIDING_AGAIN = "DECIDING_AGAIN"
    AWAITING_SECOND = "AWAITING_SECOND"
    AWAITING_RELEASE = "AWAITING_RELEASE"
    COMPLETED = "COMPLETED"
    ENDED = "ENDED"

    __hash__ = str.__hash__


UNFINISHED = tuple(
    state for state in ReviewState if state not in {ReviewState.COMPLETED, ReviewState.ENDED}
)

UNDONE = tuple(state for state in UNFINISHED if state is not ReviewState.AWAITING_RELEASE)
"""The states in which somebody has work with a review."""


class ReviewEnd(StrEnum):
    """Why a review ended without a person's result."""

    DECIDED_AGAIN = "DECIDED_AGAIN"
    ERASED = "ERASED"


class ReviewAction(StrEnum):
    OPENED = "OPENED"
    CONTESTED = "CONTESTED"
    CLAIMED = "CLAIMED"
    RELEASED = "RELEASED"
    SKIPPED = "SKIPPED"
    HANDED_OVER = "HANDED_OVER"
    NOTED = "NOTED"
    DATA_REQUESTED = "DATA_REQUESTED"
    DATA_ARRIVED = "DATA_ARRIVED"
    DECIDING_AGAIN = "DECIDING_AGAIN"
    DECIDED_AGAIN = "DECIDED_AGAIN"
    NOT_DECIDED_AGAIN = "NOT_DECIDED_AGAIN"
    PROPOSED = "PROPOSED"
    COMPLETED = "COMPLETED"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    MADE_FINAL = "MADE_FINAL"
    TAKEN_OVER = "TAKEN_OVER"
    PERSON_SEEN = "PERSON_SEEN"
    MOVED = "MOVED"
    ERASED = "ERASED"


class SecondReason(StrEnum):
    """Why a second person has to confirm a result."""

    ABOVE_AUTHORITY = "ABOVE_AUTHORITY"
    ABOVE_OFFER = "ABOVE_OFFER"
    LEGAL_REFERRAL = "LEGAL_REFERRAL"
    FAILED_CHECK = "FAILED_CHECK"
    WITHDRAWN_BEFORE = "WITHDRAWN_BEFORE"


ERASED_TEXT = "erased"
"""What is left of what persons wrote about an applicant whose data was erased."""

_NO_WORDS = frozenset(
    {ReviewAction.HANDED_OVER, ReviewAction.MOVED, ReviewAction.NOT_DECIDED_AGAIN}
)
"""Steps whose text is the name of a colleague or a queue, or a sentence of the service's own."""


class ReviewResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a reviewer decides: APPROVE with its amount, or DECLINE."""

    outcome: Outcome
    reason: str
    explanation: str
    amount: Money | None = None


class ReviewEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a review; `position` counts from 1. None changes but by an erasure.

    `who` is the caller, empty for the service itself. `request_id` is unique within the review.
    `until` is when a claim ends, `decision_id` the decision that was made again. `text` of a
    review that is handed over is the name of who has it from then on, of one that is moved its new
    queue. `desk` is the digest of the
    desk by which a caller took the step.
    """

    position: int
    at: datetime
    who: str
    action: ReviewAction
    request_id: str = ""
    text: str = ""
    kinds: tuple[Kind, ...] = ()
    result: ReviewResult | None = None
    until: datetime | None = None
    decision_id: str = ""
    desk: str = ""


def result_without_words(result: ReviewResult) -> ReviewResult:
    """A result whose explanation is erased; outcome, amount and reason code stay."""
    return replace(result, explanation=ERASED_TEXT) if result.explanation else result


def event_without_words(event: ReviewEvent) -> ReviewEvent:
    """A step whose words are erased; who took it, when, and every code stay."""
    if event.text and event.action not in _NO_WORDS:
        event = replace(event, text=ERASED_TEXT)
    if event.result is not None:
        event = replace(event, result=result_without_words(event.result))
    return event


class DayCharge(msgspec.Struct, frozen=True):
    """What a person's approval adds to its day: approvals, 0 or 1, and minor units."""

    approvals: int
    amount: int


class HistoryBefore(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the history and the age of a decision held before a result that may be withdrawn.

    Amounts are minor units, instants microseconds since 1970. `counts_until` is that of the
    decision, and None where it was kept without a place in the history.
    """

    outcome: str
    approved: int | None = None
    instalment: int | None = None
    expires: int | None = None
    reviewed: int | None = None
    replaced: bool | None = None
    counts_until: int | None = None


class CaseFields(msgspec.Struct, frozen=True, omit_defaults=True):
    """The decision that a review is of: whose, what was recorded, and what was asked for.

    `tier` is that of the offer, `approved` the amount of a recorded approval. `caller` sent the
    first application of the chain, and `sender` is the person of it, where an ID token said so.
    """

    decision_id: str
    caller: str
    user_id: str
    product: str
    outcome: Outcome
    kind: ReferKind | None = None
    tags: tuple[str, ...] = ()
    requested: Money | None = None
    tier: str = ""
    approved: Money | None = None
    sender: TokenSubject | None = None

    @property
    def sent_by(self) -> Actor:
        return Actor(self.caller, self.sender)


class ReviewCase(CaseFields, frozen=True):
    reasons: tuple[str, ...] = ()


class Review(CaseFields, frozen=True, omit_defaults=True, kw_only=True):
    """One review of one decision as it is now.

    `held` says that it is claimed for longer than usual, `skipped_by` who leaves it to others.
    `kinds` is the data that is awaited. `result` is proposed in AWAITING_SECOND, may be withdrawn
    until `final` in AWAITING_RELEASE, and is final in COMPLETED. From `counted` on it counts in
    history and caps; `before` is what the history held until then, where it can be withdrawn.
    `withdrawn_of` are those whose result was withdrawn. `terms` are those of an approval, and
    `second_reasons` why a second person confirms it. `reason_withheld` says that applicants do not
    learn its reason, `overtaken` that it is one of the kind `overtaken`. `charge` is what a
    completed approval takes from its day. `attempt` counts how often its application was to be
    decided again, `events` its events. `desk` is the digest of the desk by which it was opened.
    """

    review_id: str
    origin: ReviewOrigin
    queue: str
    opened: datetime
    due: datetime
    state: ReviewState = ReviewState.OPEN
    claimed_by: str = ""
    claimed_until: datetime | None = None
    held: bool = False
    skipped_by: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    result: ReviewResult | None = None
    completed_by: str = ""
    confirmed_by: str = ""
    ended: datetime | None = None
    end: ReviewEnd | None = None
    decided_again_as: str = ""
    attempt: int = 0
    events: int = 1
    reason_withheld: bool = False
    overtaken: bool = False
    charge: DayCharge | None = None
    terms: ApprovalTerms = NO_TERMS
    desk: str = ""
    second_reasons: tuple[SecondReason, ...] = ()
    counted: datetime | None = None
    final: datetime | None = None
    before: HistoryBefore | None = None
    withdrawn_of: tuple[str, ...] = ()

    @property
    def etag(self) -> str:
        return str(self.events)

    @property
    def expires(self) -> datetime | None:
        """When a person's approval ends: after the product's time, or where a figure changes."""
        # From the instant that was fixed at the completion, however late it was released.
        begins = self.final or self.ended
        if begins is None:
            return None
        terms = self.terms
        ends = [] if terms.valid_for is None else [begins + terms.valid_for]
        ends += [terms.change] if terms.change is not None and terms.change > begins else []
        return min(ends, default=None)

    @property
    def is_unfinished(self) -> bool:
        return self.ended is None

    @property
    def has_effect(self) -> bool:
        """Whether its result counts in history and caps, final or not."""
        return self.state in {ReviewState.AWAITING_RELEASE, ReviewState.COMPLETED}

    def is_overdue(self, now: datetime) -> bool:
        return self.state in UNDONE and self.due < now

    @property
    def overrides(self) -> bool:
        """Whether its result approves what was not approved, or declines what was."""
        if self.state is not ReviewState.COMPLETED or self.result is None:
            return False
        approved = Outcome.APPROVE
        return (self.result.outcome is approved) != (self.outcome is approved)

    def state_at(self, now: datetime) -> ReviewState:
        """The state at an instant: a claim that has ended leaves the review open."""
        lapsed = self.claimed_until is not None and self.claimed_until <= now
        return ReviewState.OPEN if self.state is ReviewState.CLAIMED and lapsed else self.state


class ReviewQueue(msgspec.Struct, frozen=True):
    """An empty filter takes all; amounts are in major units of the currency, bounds inclusive."""

    name: str
    sla: timedelta
    kinds: frozenset[ReferKind] = frozenset()
    tags: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None

    def takes(
        self,
        kind: ReferKind | None,
        tags: Collection[str],
        amount: Money | None,
        reasons: Collection[str] = (),
    ) -> bool:
        """Whether a referral of this kind, with these tags, reasons and amount belongs here."""
        if self.kinds and kind not in self.kinds:
            return False
        if self.tags and self.tags.isdisjoint(tags):
            return False
        if self.reasons and self.reasons.isdisjoint(reasons):
            return False
        return self._holds(amount)

    def _holds(self, amount: Money | None) -> bool:
        if self.min_amount is None and self.max_amount is None:
            return True
        if amount is None:
            # Nothing says that it is within the bounds: a queue without any takes it.
            return False
        least = self.min_amount
        most = self.max_amount
        return (least is None or amount.major >= least) and (most is None or amount.major <= most)


class Authority(msgspec.Struct, frozen=True):
    """Up to which amount, in major units, one person ends a review and a second confirms it."""

    review: Decimal
    review_second: Decimal


class ReviewReason(msgspec.Struct, frozen=True):
    """Why a reviewer decides: a code, and its sentence for reviewers.

    `letter` is its sentence for applicants by language; without any, `text` is. A reason that is
    not `is_told` is for no applicant. With an `outcome` it is for no other result. `overtaken` is a
    decline because another application of the person was answered; no history counts it as one.
    """

    code: str
    text: str
    letter: Mapping[str, str] = msgspec.field(default_factory=dict)
    is_told: bool = True
    outcome: Outcome | None = None
    overtaken: bool = False

    @property
    def sentences(self) -> Mapping[str, str]:
        """What applicants read by language, always in English; empty where nothing is."""
        return {"en": self.text, **self.letter} if self.is_told else {}


class ReviewPolicy(msgspec.Struct, frozen=True):
    """A product's reviews. Without `authority` no review may be completed.

    `digest` is the SHA-256 of the rest in hex, empty where nothing says how persons review. Within
    `withdraw_within` of a completion its result may be withdrawn, and is not final.
    """

    queues: tuple[ReviewQueue, ...] = ()
    authority: Authority | None = None
    reasons: tuple[ReviewReason, ...] = ()
    contest_sla: timedelta = CONTEST_SLA
    digest: str = ""
    withdraw_within: timedelta = timedelta()

    def queue_of(
        self,
        kind: ReferKind | None,
        tags: Collection[str],
        amount: Money | None,
        reasons: Collection[str] = (),
    ) -> ReviewQueue:
        """The first queue that takes a referral, else the default one."""
        found = (queue for queue in self.queues if queue.takes(kind, tags, amount, reasons))
        return next(found, ReviewQueue(DEFAULT_QUEUE, DEFAULT_SLA))

    @property
    def every_queue(self) -> tuple[ReviewQueue, ...]:
        """The queues of the desk in its order, then those of the service itself."""
        default = ReviewQueue(DEFAULT_QUEUE, DEFAULT_SLA)
        return (*self.queues, default, ReviewQueue(CONTEST_QUEUE, self.contest_sla))

    def reason_of(self, code: str) -> ReviewReason | None:
        return next((reason for reason in self.reasons if reason.code == code), None)


NO_POLICY = ReviewPolicy()
"""The reviews of a product without a desk."""


class OpenedReview(msgspec.Struct, frozen=True):
    review: Review
    event: ReviewEvent


def opened_by_referral(case: ReviewCase, now: datetime, policy: ReviewPolicy) -> OpenedReview:
    """The first review of a referred decision, in the queue that takes it."""
    queue = policy.queue_of(case.kind, case.tags, case.requested, case.reasons)
    review = _review(
        case, ReviewOrigin.REFERRED, queue.name, opened=now, due=now + queue.sla, number=1
    )
    return _opened(review, ReviewEvent(1, now, "", action=ReviewAction.OPENED), policy)


def opened_by_contest(
    case: ReviewCase, event: ReviewEvent, policy: ReviewPolicy, earlier: Collection[str]
) -> OpenedReview:
    """The review that an applicant asks for; `earlier` are the ids of the decision's reviews."""
    due = event.at + policy.contest_sla
    number = len(earlier) + 1
    review = _review(
        case, ReviewOrigin.CONTESTED, CONTEST_QUEUE, opened=event.at, due=due, number=number
    )
    return _opened(review, event, policy)


def _opened(review: Review, event: ReviewEvent, policy: ReviewPolicy) -> OpenedReview:
    desk = policy.digest
    return OpenedReview(replace(review, desk=desk), replace(event, desk=desk))


def _review(
    case: ReviewCase, origin: ReviewOrigin, queue: str, opened: datetime, due: datetime, number: int
) -> Review:
    return Review(
        **{name: getattr(case, name) for name in CaseFields.__struct_fields__},
        # Made of the decision's id: what is opened twice is one review.
        review_id=f"rev_{case.decision_id.removeprefix('dec_')}-{number}",
        origin=origin,
        queue=queue,
        opened=opened,
        due=due,
    )
