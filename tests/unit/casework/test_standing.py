"""What stands after reviews and reports of loans, and what it takes from the caps of a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.casework.outcomes import (
    Lent,
    LoanOutcome,
    LoanStatus,
    ReportRelation,
    compare,
    overdrawn,
)
from decision_service.casework.review_results import (
    ReadReviewChain,
    day_charge,
    require_room,
    reviewed_result,
)
from decision_service.casework.review_steps import is_repeated
from decision_service.domain.decision import ApprovalTerms, Outcome
from decision_service.domain.errors import RequestIdReused, ReviewRefused
from decision_service.domain.ports import CapLimit, DayLimits, DayTotal, DayTotals, RecordedOutcome
from decision_service.domain.reviews import (
    ERASED_TEXT,
    DayCharge,
    Review,
    ReviewAction,
    ReviewEnd,
    ReviewEvent,
    ReviewResult,
    ReviewState,
    event_without_words,
    result_without_words,
)
from decision_service.domain.values import Money
from tests.fakes.world import SetClock
from tests.unit.casework.kit import NOON, approved, by, pesos, review

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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


RULES_APPROVED = pesos(9_000)


class Kept:
    """Reviews and outcomes of decisions; `visits` counts the questions."""

    def __init__(self, reviews: Mapping[str, Sequence[Review]], outcomes: Mapping[str, Outcome]):
        self.reviews = reviews
        self.kept = outcomes
        self.visits = 0

    async def of_decisions(self, ids: Iterable[str]) -> Mapping[str, Sequence[Review]]:
        self.visits += 1
        return {one: self.reviews[one] for one in ids if one in self.reviews}

    async def outcomes(self, ids: Iterable[str]) -> Mapping[str, RecordedOutcome]:
        self.visits += 1
        found = [one for one in ids if one in self.kept]
        return {one: RecordedOutcome(self.kept[one], RULES_APPROVED) for one in found}


async def test_chains_of_many_decisions_are_followed_together() -> None:
    """What counts of each, by a person, a later decision or itself, in two visits a link."""
    gone = replace(AGAIN, decided_again_as="dec_gone")
    onward = replace(AGAIN, decided_again_as="dec_3", decision_id="dec_2")
    person = replace(ended(1, approved()), decision_id="dec_3")
    every = {"dec_1": [AGAIN], "dec_2": [onward], "dec_3": [person], "dec_4": [gone]}
    every["dec_6"] = [replace(AGAIN, decided_again_as="dec_7")]
    first = dict.fromkeys(("dec_1", "dec_4", "dec_5", "dec_6"), Outcome.REFER)
    outcomes = {"dec_2": Outcome.DECLINE, "dec_3": Outcome.REFER, "dec_7": Outcome.APPROVE}
    kept: Any = Kept(every, outcomes)
    found = await ReadReviewChain(kept, kept, SetClock(NOON)).of_all(first)
    assert {one: (of.current.decision_id, of.current.outcome) for one, of in found.items()} == {
        "dec_1": ("dec_3", Outcome.APPROVE),
        "dec_4": ("dec_4", Outcome.REFER),
        "dec_6": ("dec_7", Outcome.APPROVE),
    }
    assert found["dec_6"].current.by_rules == RULES_APPROVED
    assert kept.visits == 5


MIDNIGHT = datetime(2026, 11, 24, tzinfo=ZoneInfo("Asia/Manila"))

NEXT = "2026-11-25T00:00:00+08:00"

EITHER = f"approve less, or end the review from {NEXT} on"

REVIEW = replace(
    review(),
    state=ReviewState.COMPLETED,
    result=approved(20_000),
    charge=DayCharge(1, 2_000_000),
    tier="T4",
)

APPROVED = DayTotals({"T4": DayTotal(3, 4_000_000), "T1": DayTotal(1, 500_000)})


@pytest.mark.parametrize(
    ("cap", "told", "free"),
    [
        (
            CapLimit("all", approvals=4),
            f"allows a day 4 approvals, of which none is left: end the review from {NEXT} on",
            True,
        ),
        (
            CapLimit("all", amount=6_000_050),
            f"allows a day PHP 60,000.50, of which PHP 15,000.50 is left: {EITHER}",
            True,
        ),
        (
            CapLimit("weak", tier="T4", amount=3_000_000),
            f"allows a day PHP 30,000, of which PHP 0 is left: {EITHER}",
            True,
        ),
        (
            CapLimit("weak", tier="T4", amount=1_900_000),
            "allows a day PHP 19,000, of which PHP 0 is left: approve less",
            False,
        ),
    ],
)
def test_the_sentence_says_which_cap_and_when_it_is_free_again(
    cap: CapLimit, told: str, free: bool
) -> None:
    """Where no day has so much room, none is named."""
    with pytest.raises(ReviewRefused) as refused:
        require_room(DayLimits(MIDNIGHT, (cap,)), APPROVED, REVIEW)
    assert refused.value.message == f"the cap `{cap.name}` of loan {told}"
    assert refused.value.fields["cap"] == cap.name
    assert refused.value.fields.get("free_at") == (NEXT if free else None)


@pytest.mark.parametrize(
    ("cap", "charge"),
    [
        (CapLimit("all", approvals=5), DayCharge(1, 2_000_000)),
        (CapLimit("all", approvals=4), DayCharge(0, 2_000_000)),
        (CapLimit("all", amount=6_500_000), DayCharge(1, 2_000_000)),
        (CapLimit("other", tier="T2", approvals=1, amount=2_000_000), DayCharge(1, 2_000_000)),
        (CapLimit("all", amount=1), DayCharge(0, 0)),
    ],
)
def test_what_fits_is_let_through(cap: CapLimit, charge: DayCharge) -> None:
    """Also what adds no approval to a full count, and what adds nothing at all."""
    require_room(DayLimits(MIDNIGHT, (cap,)), APPROVED, replace(REVIEW, charge=charge))


NAMES = {"who", "request_id", "decision_id", "desk"}

"""The texts of a step that name a colleague, a request, a decision or a desk."""

OF_REVIEW = {
    "decision_id", "caller", "user_id", "product", "tier", "review_id", "queue", "claimed_by",
    "completed_by", "confirmed_by", "decided_again_as", "desk", "skipped_by", "tags",
    "withdrawn_of",
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
    own = {"text"} if action in {"HANDED_OVER", "MOVED", "NOT_DECIDED_AGAIN"} else set()
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


DAY = timedelta(days=1)

BOOKED = LoanOutcome(
    "dec_1", "loan-1", date(2026, 12, 1), LoanStatus.BOOKED, Money("PHP", 100), date(2026, 11, 30)
)

REPORTS = st.builds(
    replace,
    st.just(BOOKED),
    as_of=st.integers(0, 5).map(lambda days: BOOKED.as_of + days * DAY),
    overdue_days=st.integers(0, 2),
)


@pytest.mark.parametrize(
    ("earlier", "comparison"),
    [
        ([], ReportRelation.NEWEST),
        ([replace(BOOKED, as_of=BOOKED.as_of - DAY)], ReportRelation.NEWEST),
        ([replace(BOOKED, as_of=BOOKED.as_of + DAY)], ReportRelation.OLDER),
        ([BOOKED], ReportRelation.REPEATED),
        ([BOOKED, replace(BOOKED, as_of=BOOKED.as_of + DAY)], ReportRelation.REPEATED),
        ([replace(BOOKED, overdue_days=1)], ReportRelation.CONTRADICTS),
        ([replace(BOOKED, disbursed=Money("PHP", 101))], ReportRelation.CONTRADICTS),
        ([replace(BOOKED, decision_id="dec_2")], ReportRelation.OTHER_DECISION),
        (
            [replace(BOOKED, decision_id="dec_2", as_of=BOOKED.as_of - DAY)],
            ReportRelation.OTHER_DECISION,
        ),
    ],
)
def test_a_report_is_compared_with_the_earlier_ones(
    earlier: list[LoanOutcome], comparison: ReportRelation
) -> None:
    """By its day first, by its content where one of that day is known."""
    compared = compare(BOOKED, earlier)
    assert compared.comparison is comparison
    assert compared.newest.as_of == max(one.as_of for one in (BOOKED, *earlier))


@pytest.mark.parametrize(
    ("earlier", "comparison"),
    [
        ([replace(BOOKED, overdue_days=1)], ReportRelation.CORRECTED),
        ([BOOKED], ReportRelation.REPEATED),
        ([], ReportRelation.NEWEST),
        ([replace(BOOKED, decision_id="dec_2", overdue_days=1)], ReportRelation.OTHER_DECISION),
    ],
)
def test_a_correction_takes_the_place_of_its_day(
    earlier: list[LoanOutcome], comparison: ReportRelation
) -> None:
    """Where there is nothing to correct it is a report as any."""
    assert compare(BOOKED, earlier, correction=True).comparison is comparison


def test_what_a_replaced_loan_paid_out_counts_once() -> None:
    lent = Lent("los", datetime(2026, 11, 30, tzinfo=UTC), "PHP", approved=100)
    second = replace(BOOKED, loan_id="loan-2", as_of=BOOKED.as_of + DAY)
    assert overdrawn([BOOKED, second], lent) is not None
    assert overdrawn([BOOKED, replace(second, replaces="loan-1")], lent) is None


@given(st.lists(REPORTS, max_size=12))
def test_sending_reports_again_changes_nothing(reports: list[LoanOutcome]) -> None:
    """Whatever came in whatever order: one report a day is kept, the first that came, and repeats
    of those are REPEATED with the last day's as the newest."""
    kept: list[LoanOutcome] = []
    for report in reports:
        if compare(report, kept).comparison.is_new:
            kept.append(report)
    first = {report.as_of: report for report in reversed(reports)}
    assert {report.as_of: report for report in kept} == first
    assert len(kept) == len(first)
    for report in kept:
        compared = compare(report, kept)
        assert compared.comparison is ReportRelation.REPEATED
        assert compared.newest == first[max(first)]
