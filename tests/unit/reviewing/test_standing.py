"""What stands after reviews, and what a person's approval takes from its day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from decision_service.casework.review_results import ReadReviewChain, day_charge, reviewed_result
from decision_service.domain.decision import Outcome
from decision_service.domain.reviews import DayCharge, Review, ReviewEnd, ReviewResult, ReviewState
from tests.fakes.world import SetClock
from tests.unit.reviewing.cases import NOON, approved, pesos, review

DECLINE = ReviewResult(Outcome.DECLINE, "NOT_AFFORDABLE", "too heavy")
OPEN = review()


def ended(number: int, result: ReviewResult, of: Review = OPEN) -> Review:
    """A completed review, the decision's so many-th."""
    return replace(of, review_id=f"rev-{number}", state=ReviewState.COMPLETED, result=result)


AGAIN = replace(
    OPEN, state=ReviewState.ENDED, end=ReviewEnd.DECIDED_AGAIN, decided_again_as="dec_2"
)
OF_DECLINE = replace(OPEN, outcome=Outcome.DECLINE)
OF_APPROVAL = replace(OPEN, outcome=Outcome.APPROVE, approved=pesos(10_000))
UNKNOWN = replace(OPEN, outcome=Outcome.APPROVE)


def test_nothing_stands_but_the_decision_while_no_review_has_a_result() -> None:
    """An open review, or one whose end is proposed alone, changes nothing."""
    proposed = replace(OPEN, state=ReviewState.AWAITING_SECOND, result=approved())
    for reviews in ((), (OPEN,), (proposed,)):
        assert reviewed_result(reviews) == reviewed_result(())
    assert (reviewed_result(()).review, reviewed_result(()).again) == (None, "")


def test_a_decision_made_again_stands_unless_a_person_decided_the_first() -> None:
    """A contest of the first decision that is answered later goes before it."""
    assert reviewed_result([AGAIN]).again == "dec_2"
    answered = ended(2, DECLINE)
    assert reviewed_result([AGAIN, answered]).review == answered
    assert reviewed_result([AGAIN, answered]).again == ""


@pytest.mark.parametrize(
    ("reviews", "changed"),
    [
        ([ended(1, DECLINE, OF_DECLINE)], False),
        ([ended(1, approved(), OF_DECLINE)], True),
        ([ended(1, approved(10_000), OF_APPROVAL)], False),
        ([ended(1, approved(12_000), OF_APPROVAL)], True),
        ([ended(1, approved(12_000), UNKNOWN)], False),
        ([ended(1, approved(), OF_DECLINE), ended(2, DECLINE, OF_DECLINE)], True),
        ([ended(1, approved(), OF_DECLINE), ended(2, approved(), OF_DECLINE)], False),
    ],
)
def test_a_result_changes_what_stood_before_it(reviews: Sequence[Review], changed: bool) -> None:
    """The outcome or the amount: of the review before, else of the record."""
    assert reviewed_result(reviews).changed is changed


def test_of_several_results_the_last_counts() -> None:
    first, last = ended(1, approved()), ended(2, DECLINE)
    assert reviewed_result([first, last]).review == last


@pytest.mark.parametrize(
    ("before", "last", "charge"),
    [
        ([], ended(1, approved(20_000)), DayCharge(1, 2_000_000)),
        ([], ended(1, approved(12_000), OF_APPROVAL), DayCharge(0, 200_000)),
        ([], ended(1, approved(8_000), OF_APPROVAL), DayCharge(0, 0)),
        ([], ended(1, approved(8_000), UNKNOWN), DayCharge(0, 800_000)),
        ([], ended(1, DECLINE), None),
        ([], OPEN, None),
        ([], replace(OPEN, state=ReviewState.AWAITING_SECOND, result=approved()), None),
        ([ended(1, approved(5_000))], ended(2, approved(20_000)), DayCharge(0, 1_500_000)),
        (
            [ended(1, DECLINE, OF_APPROVAL)],
            ended(2, approved(), OF_APPROVAL),
            DayCharge(1, 2 * 10**6),
        ),
    ],
)
def test_an_approval_takes_what_it_adds(
    before: Sequence[Review], last: Review, charge: DayCharge | None
) -> None:
    """What is approved already is charged already; an approval that fell away is a new one."""
    assert day_charge(last, [*before, last]) == charge


class Kept:
    """Reviews and outcomes of decisions; `visits` counts the questions."""

    def __init__(self, reviews: Mapping[str, Sequence[Review]], outcomes: Mapping[str, Outcome]):
        self.reviews = reviews
        self.kept = outcomes
        self.visits = 0

    async def of_decisions(self, ids: Iterable[str]) -> Mapping[str, Sequence[Review]]:
        self.visits += 1
        return {one: self.reviews[one] for one in ids if one in self.reviews}

    async def outcomes(self, ids: Iterable[str]) -> Mapping[str, Outcome]:
        self.visits += 1
        return {one: self.kept[one] for one in ids if one in self.kept}


async def test_chains_of_many_decisions_are_followed_together() -> None:
    """What counts of each, by a person, a later decision or itself, in two visits a link."""
    gone = replace(AGAIN, decided_again_as="dec_gone")
    onward = replace(AGAIN, decided_again_as="dec_3", decision_id="dec_2")
    person = replace(ended(1, approved()), decision_id="dec_3")
    every = {"dec_1": [AGAIN], "dec_2": [onward], "dec_3": [person], "dec_4": [gone]}
    first = dict.fromkeys(("dec_1", "dec_4", "dec_5"), Outcome.REFER)
    kept: Any = Kept(every, {"dec_2": Outcome.DECLINE, "dec_3": Outcome.REFER})
    found = await ReadReviewChain(kept, kept, SetClock(NOON)).of_all(first)
    assert {one: (of.current.decision_id, of.current.outcome) for one, of in found.items()} == {
        "dec_1": ("dec_3", Outcome.APPROVE),
        "dec_4": ("dec_4", Outcome.REFER),
    }
    assert kept.visits == 5
