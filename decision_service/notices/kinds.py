"""Which letter a decision asks for."""

from __future__ import annotations

from decision_service.domain.verdict import OfferKind, Outcome, ReferKind, Verdict
from decision_service.notices.model import NoticeKind


def kind_of(verdict: Verdict) -> NoticeKind | None:
    """The kind of letter that is due; None while a person reviews, and for one not decided here.

    A referral for missing data is an incomplete application; any other referral waits for its
    review.
    """
    match verdict.outcome:
        case Outcome.DECLINE:
            return NoticeKind.ADVERSE_ACTION
        case Outcome.APPROVE:
            reduced = verdict.offer is not None and verdict.offer.kind is OfferKind.REDUCED
            return NoticeKind.COUNTER_OFFER if reduced else NoticeKind.APPROVAL
        case Outcome.REFER if verdict.refer_kind is ReferKind.DATA:
            return NoticeKind.INCOMPLETE
    return None
