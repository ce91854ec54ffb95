"""A review and its events as they are stored."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.money import Money
from decision_service.domain.verdict import NO_TERMS, ApprovalTerms, Outcome, ReferKind


class ReviewOrigin(StrEnum):
    """What opened a review: a referral, or the applicant who contests a decision."""

    REFERRED = "REFERRED"
    CONTESTED = "CONTESTED"


class ReviewState(StrEnum):
    """Where a review stands; the last two are its end."""

    OPEN = "OPEN"
    CLAIMED = "CLAIMED"
    AWAITING_DATA = "AWAITING_DATA"
    DECIDING_AGAIN = "DECIDING_AGAIN"
    AWAITING_SECOND = "AWAITING_SECOND"
    COMPLETED = "COMPLETED"
    ENDED = "ENDED"

    __hash__ = str.__hash__


UNFINISHED = tuple(
    state for state in ReviewState if state not in {ReviewState.COMPLETED, ReviewState.ENDED}
)


class ReviewEnd(StrEnum):
    """Why a review ended without a person's result."""

    DECIDED_AGAIN = "DECIDED_AGAIN"
    ERASED = "ERASED"


class ReviewAction(StrEnum):
    """What an event of a review records."""

    OPENED = "OPENED"
    CONTESTED = "CONTESTED"
    CLAIMED = "CLAIMED"
    RELEASED = "RELEASED"
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
    ERASED = "ERASED"


class ReviewResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a reviewer decides: APPROVE with its amount, or DECLINE."""

    outcome: Outcome
    reason: str
    explanation: str
    amount: Money | None = None


class ReviewEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a review, never changed; `position` counts from 1.

    `who` is the caller, empty for the service itself. `request_id` is unique within the review.
    `until` is when a claim ends, `decision_id` the decision that was made again.
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


class DayCharge(msgspec.Struct, frozen=True):
    """What a person's approval adds to its day: approvals, 0 or 1, and minor units."""

    approvals: int
    amount: int


class Review(msgspec.Struct, frozen=True, omit_defaults=True):
    """One review of one decision as it stands.

    `caller` is the decision's, `outcome` what was recorded, `approved` the amount of a recorded
    approval, `tier` that of the offer, `kinds` the data that is awaited. `result` is proposed in
    AWAITING_SECOND, and stands in COMPLETED; `terms` are those of an approval. `reason_withheld`
    says that applicants are not told its reason. `charge` is what a completed approval takes from
    its day. `attempt` counts how often its application was to be decided again, `events` its
    events.
    """

    review_id: str
    decision_id: str
    caller: str
    user_id: str
    product: str
    origin: ReviewOrigin
    outcome: Outcome
    queue: str
    opened: datetime
    due: datetime
    kind: ReferKind | None = None
    tags: tuple[str, ...] = ()
    requested: Money | None = None
    state: ReviewState = ReviewState.OPEN
    claimed_by: str = ""
    claimed_until: datetime | None = None
    kinds: tuple[Kind, ...] = ()
    result: ReviewResult | None = None
    completed_by: str = ""
    confirmed_by: str = ""
    ended: datetime | None = None
    end: ReviewEnd | None = None
    decided_again_as: str = ""
    attempt: int = 0
    events: int = 1
    tier: str = ""
    approved: Money | None = None
    reason_withheld: bool = False
    charge: DayCharge | None = None
    terms: ApprovalTerms = NO_TERMS

    @property
    def etag(self) -> str:
        """Changes with each step."""
        return str(self.events)

    @property
    def expires(self) -> datetime | None:
        """When a person's approval ends: after the product's time, or where a figure changes."""
        if self.ended is None:
            return None
        terms = self.terms
        ends = [] if terms.valid_for is None else [self.ended + terms.valid_for]
        ends += [terms.change] if terms.change is not None and terms.change > self.ended else []
        return min(ends, default=None)

    @property
    def is_unfinished(self) -> bool:
        """Whether somebody or something still has to end it."""
        return self.ended is None

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


def review_id_of(decision_id: str, number: int) -> str:
    """The id of a decision's first, second … review."""
    return f"rev_{decision_id.removeprefix('dec_')}-{number}"
