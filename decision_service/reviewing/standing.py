"""What stands of a decision after its reviews, and what a person's approval adds to its day."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome
from decision_service.reviewing.model import DayCharge, Review, ReviewResult, ReviewState


class Standing(msgspec.Struct, frozen=True):
    """A person's `review` whose result stands, or the decision that was made `again`, or neither.

    `changed` says that the result differs from what stood before it.
    """

    review: Review | None = None
    again: str = ""
    changed: bool = False


def standing(reviews: Sequence[Review]) -> Standing:
    """What stands of a decision by its reviews, oldest first."""
    completed = _completed(reviews)
    if completed:
        last, before = completed[-1], completed[:-1]
        return Standing(last, changed=_differs(last, before))
    return Standing(again=decided_again_as(reviews))


def decided_again_as(reviews: Sequence[Review]) -> str:
    """The newest decision that was made when the application was decided again; empty for none."""
    return next((one.decided_again_as for one in reversed(reviews) if one.decided_again_as), "")


def day_charge(review: Review, reviews: Sequence[Review]) -> DayCharge | None:
    """What a completed approval adds to what stood approved; None of anything else.

    `reviews` are those of the decision. An amount that was approved before is charged already.
    """
    result = review.result
    if review.state is not ReviewState.COMPLETED or result is None or result.amount is None:
        return None
    others = [one for one in reviews if one.review_id != review.review_id]
    outcome, amount = _stood(review, _completed(others))
    already = amount.minor if outcome is Outcome.APPROVE and amount is not None else 0
    approvals = 0 if outcome is Outcome.APPROVE else 1
    return DayCharge(approvals, max(0, result.amount.minor - already))


def result_of(review: Review) -> ReviewResult:
    """The result of a completed review."""
    if review.result is None:
        raise AssertionError(review.review_id)
    return review.result


def _completed(reviews: Sequence[Review]) -> list[Review]:
    return [one for one in reviews if one.state is ReviewState.COMPLETED and one.result]


def _stood(review: Review, before: Sequence[Review]) -> tuple[Outcome, Money | None]:
    """What stood before a review: the result of the one before it, else what was recorded."""
    if not before:
        return review.outcome, review.approved
    result = result_of(before[-1])
    return result.outcome, result.amount


def _differs(review: Review, before: Sequence[Review]) -> bool:
    """An amount that is not known differs from none."""
    result, (outcome, amount) = result_of(review), _stood(review, before)
    other = amount is not None and result.amount != amount
    return result.outcome is not outcome or other
