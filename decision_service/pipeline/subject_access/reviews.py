"""A review as the person whose decision it is of is told it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from decision_service.pipeline.reviews.ports import RecordedReview
from decision_service.pipeline.subject_access.plain import Plain, fields
from decision_service.reviewing.model import Review, ReviewAction, ReviewEvent


def review_record(recorded: RecordedReview) -> Mapping[str, Plain]:
    """What became of it, when, and what the person said; not who worked on it, nor their words."""
    review = recorded.review
    told: dict[str, Any] = {
        "review_id": review.review_id,
        "origin": review.origin,
        "kind": review.kind,
        "state": review.state,
        "opened": review.opened,
        "due": review.due,
        "ended": review.ended,
        "end_reason": review.end,
        "decided_again_as": review.decided_again_as or None,
        "steps": [*_steps(recorded.events)],
    }
    return fields(told | _result(review))


def _result(review: Review) -> dict[str, Any]:
    """The result of a review that has ended; a reason that applicants are not told is left out."""
    result = review.result
    if result is None or not review.ended:
        return {}
    reason = None if review.reason_withheld else result.reason
    told = {"outcome": result.outcome, "reason": reason, "amount": result.amount}
    return {name: value for name, value in told.items() if value is not None}


def _steps(events: tuple[ReviewEvent, ...]) -> Iterator[dict[str, Any]]:
    for event in events:
        step: dict[str, Any] = {"action": event.action, "at": event.at}
        if event.kinds:
            step["data_kinds"] = event.kinds
        if event.action is ReviewAction.CONTESTED:
            step["text"] = event.text
        yield step
