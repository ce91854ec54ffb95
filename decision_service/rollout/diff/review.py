"""The review section of a plan as entries."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.reviewing.policy import ReviewPolicy, ReviewQueue, ReviewReason
from decision_service.rollout.diff.entry import (
    PlanEntry,
    digits_of,
    length_of,
    single,
    values_of,
)

_GROUP = "review"


def review_entries(review: ReviewPolicy) -> Iterator[PlanEntry]:
    """Queues in order, authority, reasons in order, and times."""
    for queue in review.queues:
        yield PlanEntry(_GROUP, f"queue {queue.name}", _queue(queue), "queues")
    if review.authority is not None:
        limits = values_of(
            review=digits_of(review.authority.review),
            review_second=digits_of(review.authority.review_second),
        )
        yield PlanEntry(_GROUP, "the authority", limits)
    for reason in review.reasons:
        yield PlanEntry(_GROUP, f"reason {reason.code}", _reason(reason), "reasons")
    yield single(_GROUP, "contest_sla", length_of(review.contest_sla))
    yield single(_GROUP, "claim_for", length_of(review.claim_for))


def _reason(reason: ReviewReason) -> dict[str, str]:
    letter = {f"letter_in_{language}": text for language, text in sorted(reason.letter.items())}
    return {"": reason.text, **letter, **values_of(told=None if reason.is_told else "nobody")}


def _queue(queue: ReviewQueue) -> dict[str, str]:
    return values_of(
        sla=length_of(queue.sla),
        kinds=", ".join(sorted(queue.kinds)),
        tags=", ".join(sorted(queue.tags)),
        reasons=", ".join(sorted(queue.reasons)),
        min_amount=digits_of(queue.min_amount),
        max_amount=digits_of(queue.max_amount),
    )
