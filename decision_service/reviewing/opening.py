"""How a review begins: with a referred decision, or with an applicant who contests one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.reviewing.model import (
    Review,
    ReviewAction,
    ReviewEvent,
    ReviewOrigin,
    review_id_of,
)
from decision_service.reviewing.policy import CONTEST_QUEUE, NO_POLICY, ReviewPolicy


class ReviewCase(msgspec.Struct, frozen=True):
    """The decision that a review is of: `tier` of its offer, `approved` of an approval."""

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
    reasons: tuple[str, ...] = ()


class OpenedReview(msgspec.Struct, frozen=True):
    """A new review and the event that opened it."""

    review: Review
    event: ReviewEvent


def opened_by_referral(
    case: ReviewCase, now: datetime, policy: ReviewPolicy | None
) -> OpenedReview:
    """The first review of a referred decision, in the queue that takes it."""
    queue = (policy or NO_POLICY).queue_of(case.kind, case.tags, case.requested, case.reasons)
    review = _review(case, ReviewOrigin.REFERRED, queue.name, now, now + queue.sla, 1)
    return OpenedReview(review, ReviewEvent(1, now, "", ReviewAction.OPENED))


def opened_by_contest(
    case: ReviewCase,
    event: ReviewEvent,
    policy: ReviewPolicy | None,
    earlier: Collection[str],
) -> OpenedReview:
    """The review that an applicant asks for; `earlier` are the ids of the decision's reviews."""
    due = event.at + (policy or NO_POLICY).contest_sla
    number = len(earlier) + 1
    review = _review(case, ReviewOrigin.CONTESTED, CONTEST_QUEUE, event.at, due, number)
    return OpenedReview(review, event)


def _review(
    case: ReviewCase,
    origin: ReviewOrigin,
    queue: str,
    opened: datetime,
    due: datetime,
    number: int,
) -> Review:
    return Review(
        review_id_of(case.decision_id, number),
        case.decision_id,
        case.caller,
        case.user_id,
        case.product,
        origin,
        case.outcome,
        queue,
        opened,
        due,
        case.kind,
        case.tags,
        case.requested,
        tier=case.tier,
        approved=case.approved,
    )
