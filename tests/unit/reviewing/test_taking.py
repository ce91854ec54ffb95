"""Who takes a review, for how long, who leaves it to others and who hands it over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from decision_service.casework import review_steps as steps
from decision_service.casework.review_steps import By, ReviewStep
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import FieldInvalid, ServiceError
from decision_service.domain.reviews import Review, ReviewState
from tests.kits.cases import cases
from tests.unit.reviewing.cases import NOON, POLICY, approved, by, review

CASES = cases("review/taking")


def taken(subject: Review, by: By, act: str, words: Any = None) -> ReviewStep | None:
    match act:
        case "claim":
            return steps.claim(subject, by, words and NOON + timedelta(minutes=words))
        case "skip":
            return steps.skip(subject, by, "")
        case "ask":
            return steps.request_data(subject, by, [Kind.LINKS], "")
        case "note":
            return steps.note(subject, by, "seen")
        case _:
            return steps.release(subject, by, words or "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_review_is_taken_left_and_handed_over(case: dict[str, Any]) -> None:
    """Each case of the file leaves the review with somebody or nobody, or is refused."""
    subject, result = review(), case["result"]
    *first, last = case["steps"]
    for who, minute, *said in first:
        step = taken(subject, by(who, minute), *said)
        subject = subject if step is None else step.review
    who, minute, *said = last
    state, _, rest = result.partition(" ")
    if state not in ReviewState.__members__:
        with pytest.raises(ServiceError) as refused:
            taken(subject, by(who, minute), *said)
        assert result in refused.value.message
        return
    step = taken(subject, by(who, minute), *said)
    subject = subject if step is None else step.review
    now = subject.state_at(NOON + timedelta(minutes=minute))
    has, _, skipped = rest.partition(" ")
    assert (now, subject.skipped_by) == (state, tuple(skipped.split(",")) if skipped else ())
    assert now is ReviewState.OPEN or subject.claimed_by == has


@pytest.mark.parametrize(
    ("minutes", "held"), [(None, False), (5, False), (30, False), (31, True), (4320, True)]
)
def test_a_claim_longer_than_usual_is_held(minutes: int | None, *, held: bool) -> None:
    """Until it ends, however that happens."""
    claimed = taken(review(), by("ana", 0), "claim", minutes)
    assert claimed is not None
    assert claimed.review.held is held
    ended = (
        steps.release(claimed.review, by("ana")).review,
        steps.release(claimed.review, by("ana"), "ben").review,
        steps.complete(claimed.review, by("ana"), approved(), POLICY).review,
    )
    assert not any(one.held for one in ended)


def test_a_dry_run_alone_needs_no_reason() -> None:
    """One that is named is looked up all the same."""
    claimed = steps.claim(review(), by("ana")).review
    unnamed, unknown = (replace(approved(), reason=reason) for reason in ("", "X"))
    tried = steps.complete(claimed, by("ana"), unnamed, POLICY, dry_run=True).review
    assert (tried.state, tried.result) == (ReviewState.COMPLETED, unnamed)
    for result, dry_run in ((unnamed, False), (unknown, True)):
        with pytest.raises(FieldInvalid, match="the desk of loan has INCOME_CONFIRMED"):
            steps.complete(claimed, by("ana"), result, POLICY, dry_run=dry_run)
