"""Recorded decisions as reviews know them."""

from __future__ import annotations

from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome
from decision_service.pipeline.decide.record_codec import inputs_from_wire
from decision_service.pipeline.records.read import Recorded
from decision_service.reviewing.opening import ReviewCase


def review_case(recorded: Recorded) -> ReviewCase:
    """The decision as a review knows it; its offer is known while its values are stored."""
    entry, settled = recorded.entry, recorded.settled
    requested = inputs_from_wire(recorded.facts.inputs).get("requested_amount")
    offer = None if settled is None else settled.verdict.offer
    approved = offer is not None and entry.outcome is Outcome.APPROVE
    return ReviewCase(
        entry.decision_id,
        entry.caller,
        entry.user_id,
        entry.product,
        entry.outcome,
        requested=requested if isinstance(requested, Money) else None,
        tier="" if offer is None else offer.tier,
        approved=offer.approved_amount if offer is not None and approved else None,
    )
