"""What applicants are told of a reviewer's reason, in letters and in what they may read."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from decision_service.casework.letters import disclosed_reason, disclosed_recourse
from decision_service.casework.recourse import Change, Recourse, RecourseKind
from decision_service.casework.review_log import RecordedReview
from decision_service.casework.review_steps import claim, complete
from decision_service.casework.subject_access import review_record
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import NoticeNotDue
from decision_service.domain.reviews import Review, ReviewPolicy, ReviewReason, ReviewResult
from tests.unit.reviewing.cases import NOON, POLICY, by, pesos, review

WORDS = {"en": "We could not confirm your income.", "fil": "Hindi napatunayan ang kita."}
REASONS = (
    ReviewReason("INCOME", "The income is not confirmed.", WORDS),
    ReviewReason("PLAIN", "The income is too low."),
    ReviewReason("FORGED", "A payslip is forged.", is_told=False),
)
TOLD = replace(POLICY, reasons=REASONS)
SMALL = review(asked=5_000)


def declined(code: str, policy: ReviewPolicy = TOLD) -> Review:
    """A review that a person has completed."""
    claimed = claim(SMALL, by("ana")).review
    result = ReviewResult(Outcome.DECLINE, code, "seen by Ana")
    return complete(claimed, by("ana"), result, policy).review


@pytest.mark.parametrize(
    ("code", "told"),
    [("INCOME", WORDS), ("PLAIN", {"en": "The income is too low."}), ("FORGED", {})],
)
def test_a_letter_has_the_words_of_the_plan(code: str, told: dict[str, str]) -> None:
    """Those for letters, without any those for reviewers, and nothing of what nobody is told."""
    assert disclosed_reason(declined(code), TOLD) == told


def test_a_reason_that_was_withheld_stays_so() -> None:
    """Also where the plan tells it by now."""
    open_now = replace(TOLD, reasons=tuple(replace(one, is_told=True) for one in REASONS))
    assert disclosed_reason(declined("FORGED"), open_now) == {}


def test_a_reason_that_the_plan_has_no_more_keeps_the_letter_back() -> None:
    """A letter without its reason would be none; the sentence says what to put back."""
    with pytest.raises(NoticeNotDue, match=r"no reason INCOME any more, .* put it back"):
        disclosed_reason(declined("INCOME"), POLICY)


def test_what_a_person_may_read_leaves_out_what_nobody_is_told() -> None:
    """The outcome stays, and of any other reason the code."""
    for code, told in (("INCOME", "INCOME"), ("FORGED", None)):
        record = review_record(RecordedReview(declined(code), ()))
        assert (record["outcome"], record.get("reason")) == ("DECLINE", told)
    assert "seen by Ana" not in str(record)


CHANGE = Change("liabilities.overdue_total", pesos(5), pesos(0), pesos(0).major, told=True)


@pytest.mark.parametrize(
    ("found", "changes", "day"),
    [
        (None, None, None),
        (Recourse(RecourseKind.NOTHING, told=True), None, None),
        (Recourse(RecourseKind.CHANGE, (CHANGE,), told=False), None, None),
        (Recourse(RecourseKind.CHANGE, (CHANGE,), told=True), 1, None),
        (Recourse(RecourseKind.CHANGE, (CHANGE,), NOON.date(), told=True), 1, NOON.date()),
        (Recourse(RecourseKind.WAIT, (), NOON.date(), told=True), 0, NOON.date()),
    ],
)
def test_recourse_is_told_where_the_product_lets_all_of_it(
    found: Recourse | None, changes: int | None, day: object
) -> None:
    """Part of an answer would not do."""
    told = disclosed_recourse(found)
    assert (told and len(told.changes)) == changes
    assert (told and told.day) == day
