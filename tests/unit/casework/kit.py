"""A review, its plan and its people, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from decision_service.casework.review_steps import By
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.reviews import (
    Authority,
    Review,
    ReviewCase,
    ReviewPolicy,
    ReviewReason,
    ReviewResult,
    opened_by_referral,
)
from decision_service.domain.values import Money

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
POLICY = ReviewPolicy(
    authority=Authority(Decimal(20_000), Decimal(100_000)),
    reasons=(
        ReviewReason("INCOME_CONFIRMED", "The employer has confirmed the income."),
        ReviewReason("SETTLED", "A loan was repaid.", outcome=Outcome.APPROVE),
    ),
)


def pesos(amount: object) -> Money:
    return Money("PHP", int(Decimal(str(amount)) * 100))


def review(kind: ReferKind | None = ReferKind.SCORE, asked: object = 50_000) -> Review:
    """A fresh review of a referral."""
    requested = None if asked is None else pesos(asked)
    case = ReviewCase(
        "dec_01KAVQJ5000000000000000000",
        "los",
        "user-1",
        "loan",
        Outcome.REFER,
        kind,
        ("income",),
        requested,
    )
    return opened_by_referral(case, NOON, POLICY).review


def by(who: str, minutes: float = 1, request_id: str = "") -> By:
    """Somebody, so many minutes after noon."""
    return By(who, request_id, NOON + timedelta(minutes=minutes))


def approved(amount: object = 20_000) -> ReviewResult:
    return ReviewResult(Outcome.APPROVE, "INCOME_CONFIRMED", "payslips seen", pesos(amount))
