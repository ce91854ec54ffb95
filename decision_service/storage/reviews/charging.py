"""What a person's approval takes from the allowances of its day, in the step's transaction."""

from __future__ import annotations

from msgspec.structs import replace
from sqlalchemy import Connection

from decision_service.pipeline.reviews.day_caps import require_room
from decision_service.reviewing.standing import day_charge
from decision_service.reviewing.steps import ReviewStep
from decision_service.rollout.allowances import DayLimits
from decision_service.storage.queries.rollout import arms
from decision_service.storage.queries.rollout.days import hold_days
from decision_service.storage.reviews import rows


def charged(connection: Connection, taken: ReviewStep, limits: DayLimits | None) -> ReviewStep:
    """The step with its charge; raises ReviewRefused where a cap of the day has no room for it.

    Whoever else approves for the product waits until the transaction ends.
    """
    review = taken.review
    charge = day_charge(review, rows.of_decision(connection, review.decision_id))
    if charge is None:
        return taken
    hold_days(connection, {review.product})
    review = replace(review, charge=charge)
    if limits is not None:
        require_room(limits, arms.day_totals(connection, review.product, limits.midnight), review)
    return replace(taken, review=review)
