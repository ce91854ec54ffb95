"""What a person is told whose approval a cap of the day has no room for."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from decision_service.casework.review_results import require_room
from decision_service.domain.errors import ReviewRefused
from decision_service.domain.ports import CapLimit, DayLimits, DayTotal, DayTotals
from decision_service.domain.reviews import DayCharge, ReviewState
from tests.unit.reviewing.cases import approved, review

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
