"""What an erasure leaves of what persons wrote in a review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from decision_service.casework.review_steps import is_repeated
from decision_service.domain.decision import ApprovalTerms, Outcome
from decision_service.domain.errors import RequestIdReused
from decision_service.domain.reviews import (
    ERASED_TEXT,
    Review,
    ReviewAction,
    ReviewEvent,
    ReviewResult,
    event_without_words,
    result_without_words,
)
from tests.unit.reviewing.cases import NOON, approved, by

NAMES = {"who", "request_id", "decision_id", "desk"}
"""The texts of a step that name a colleague, a request, a decision or a desk."""

OF_REVIEW = {
    "decision_id", "caller", "user_id", "product", "tier", "review_id", "queue", "claimed_by",
    "completed_by", "confirmed_by", "decided_again_as", "desk", "skipped_by", "tags",
}  # fmt: skip
"""The texts of a review itself, none of which a person writes freely."""


def texts(of: type) -> set[str]:
    """The fields of a struct that hold texts, alone or several."""
    return {one.name for one in msgspec.structs.fields(of) if one.type in {str, tuple[str, ...]}}


@pytest.mark.parametrize("action", ReviewAction)
def test_every_text_of_a_step_is_erased_but_names(action: ReviewAction) -> None:
    """A text that is added to a step or a result is erased, or named here as no one's words."""
    result = ReviewResult(outcome=Outcome.DECLINE, reason="CODE", explanation="WORDS")
    said: dict[str, Any] = dict.fromkeys(texts(ReviewEvent), "WORDS")
    event = ReviewEvent(position=1, at=NOON, action=action, result=result, **said)
    left = event_without_words(event)
    own = {"text"} if action in {"HANDED_OVER", "NOT_DECIDED_AGAIN"} else set()
    assert {name for name in said if getattr(left, name) == "WORDS"} == NAMES | own
    assert left.result == ReviewResult(Outcome.DECLINE, "CODE", ERASED_TEXT)
    assert (left.action, left.at, left.position) == (action, NOON, 1)
    assert event_without_words(left) == left


def test_a_review_itself_holds_no_words_but_its_results() -> None:
    """A text that is added to a review is named here, or erased with the result."""
    assert texts(Review) == OF_REVIEW
    assert texts(ApprovalTerms) == {"failed_checks"}
    assert texts(ReviewResult) == {"reason", "explanation"}
    assert result_without_words(approved()) == replace(approved(), explanation=ERASED_TEXT)


def test_what_had_no_words_says_nothing_of_an_erasure() -> None:
    """A claim without a text stays without one."""
    claimed = ReviewEvent(1, NOON, "rosa", ReviewAction.CLAIMED)
    assert event_without_words(claimed) == claimed


def repeated(events: Sequence[ReviewEvent], **said: object) -> bool:
    """Whether the contest of request q-1 is there already."""
    return is_repeated(events, by("los", request_id="q-1"), {ReviewAction.CONTESTED}, **said)


def test_a_step_that_is_repeated_after_an_erasure_was_taken_already() -> None:
    """Its words cannot be compared any more; before the erasure other words are another step."""
    contest = ReviewEvent(1, NOON, "los", ReviewAction.CONTESTED, "q-1", "I have repaid.")
    assert repeated([contest], text="I have repaid.")
    with pytest.raises(RequestIdReused):
        repeated([contest], text="Something else.")
    assert repeated([event_without_words(contest)], text="I have repaid.")
