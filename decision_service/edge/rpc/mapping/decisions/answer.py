"""What a recorded reply said, for comparison with what the rules say now."""

from __future__ import annotations

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.edge.rpc.mapping.enums import OUTCOMES, REFER_KINDS
from decision_service.edge.rpc.mapping.values import money_from_message
from decision_service.impact.applicant import Side

_OUTCOMES = {number: Outcome(name) for name, number in OUTCOMES.items() if name}
_KINDS = {number: ReferKind(name) for name, number in REFER_KINDS.items() if name}
_REDUCED = pb.OFFER_KIND_REDUCED


def recorded_side(reply: bytes) -> Side:
    """Outcome, amount, instalment and reasons of a serialized CreateDecisionResponse."""
    decision = service_pb.CreateDecisionResponse.FromString(reply).decision
    outcome, amount, instalment = _OUTCOMES[decision.outcome], None, None
    if outcome is Outcome.APPROVE and decision.HasField("offer"):
        amount = money_from_message(decision.offer.approved_amount).minor
        instalment = _instalment(decision.offer)
    return Side(
        outcome,
        _KINDS.get(decision.refer_kind),
        amount,
        instalment,
        amount is not None and decision.offer.kind == _REDUCED,
        tuple(reason.code for reason in decision.reasons),
    )


def _instalment(offer: pb.Offer) -> int | None:
    if "instalment" not in offer.outputs:
        return None
    told = offer.outputs["instalment"]
    return money_from_message(told.money).minor if told.HasField("money") else None
