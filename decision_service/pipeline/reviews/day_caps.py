"""Caps of a day on what persons approve: they bind and count as those on what rules approve."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from decision_service.domain.errors import ReviewRefused
from decision_service.domain.money import Money
from decision_service.domain.time import AsOf
from decision_service.pipeline.decide.overrides.limits import cap_limits, midnight
from decision_service.pipeline.rules.rulebook import Product
from decision_service.reviewing.model import DayCharge, Review
from decision_service.reviewing.standing import result_of
from decision_service.rollout.allowances import (
    Allowances,
    CapLimit,
    DayLimits,
    DayTotal,
    DayTotals,
    Grant,
    cap_reached,
)


def day_caps(product: Product, now: datetime) -> DayLimits | None:
    """The caps of a product's plan on the civil day of an instant; None where it has none."""
    plan, ruleset = product.plan, product.champion
    if not plan.caps:
        return None
    return DayLimits(midnight(AsOf.at(now, ruleset.zone)), cap_limits(plan, ruleset.currency))


def require_room(limits: DayLimits, totals: DayTotals, review: Review) -> None:
    """Raises ReviewRefused where a cap has no room for a review's charge by what is approved."""
    charge = review.charge
    if charge is None or not (charge.approvals or charge.amount):
        return
    grant = Grant(charge.amount, review.tier, charge.approvals)
    cap = cap_reached(Allowances(limits, totals), grant)
    if cap is not None:
        raise _refusal(cap, totals.of(cap.tier), limits, review, charge)


def _refusal(
    cap: CapLimit, total: DayTotal, limits: DayLimits, review: Review, charge: DayCharge
) -> ReviewRefused:
    by_count = bool(charge.approvals) and _is_full(cap, total)
    bound = _none_left(cap) if by_count else _left(cap, total, review)
    told = f"the cap `{cap.name}` of {review.product} allows a day {bound} left"
    if not by_count and charge.amount > (cap.amount or 0):
        return ReviewRefused(f"{told}: approve less", review_id=review.review_id, cap=cap.name)
    free_at = _next_midnight(limits).isoformat()
    what = "end the review" if by_count else "approve less, or end the review"
    return ReviewRefused(
        f"{told}: {what} from {free_at} on",
        review_id=review.review_id,
        cap=cap.name,
        free_at=free_at,
    )


def _is_full(cap: CapLimit, total: DayTotal) -> bool:
    return cap.approvals is not None and total.approvals >= cap.approvals


def _none_left(cap: CapLimit) -> str:
    return f"{cap.approvals} approvals, of which none is"


def _left(cap: CapLimit, total: DayTotal, review: Review) -> str:
    currency, most = _currency(review), cap.amount or 0
    left = max(0, most - total.amount)
    return f"{_money(most, currency)}, of which {_money(left, currency)} is"


def _currency(review: Review) -> str:
    amount = result_of(review).amount
    return "" if amount is None else amount.currency


def _next_midnight(limits: DayLimits) -> datetime:
    day = limits.midnight.date() + timedelta(days=1)
    return datetime.combine(day, time(), limits.midnight.tzinfo)


def _money(minor: int, currency: str) -> str:
    major = Money(currency, minor).major
    return f"{currency} {major:,f}".removesuffix(".00")
