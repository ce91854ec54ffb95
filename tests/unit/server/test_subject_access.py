"""What a person is told of a recorded reply."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.casework.disclosure import Disclosure
from decision_service.domain.person import NO_OWN_FACTS
from decision_service.server.applicants import (
    DISCLOSED,
    DISCLOSED_APART,
    FOUND_ON_READING,
    LEFT_OUT,
    disclosed_reply,
)

EVERYTHING = Disclosure.of((), NO_OWN_FACTS)


def told(**fields: object) -> dict[str, object]:
    """What is told of a reply with these fields."""
    decision = pb.Decision(**fields)
    reply = service_pb.CreateDecisionResponse(decision=decision).SerializeToString()
    return dict(disclosed_reply(reply, EVERYTHING))


def test_every_field_of_a_decision_is_told_or_left_out() -> None:
    """A field that was added is told or named, so that none slips through."""
    fields = {field.name for field in pb.Decision.DESCRIPTOR.fields}
    assert sorted([*DISCLOSED, *LEFT_OUT, *DISCLOSED_APART, *FOUND_ON_READING]) == sorted(fields)


def test_values_read_as_people_write_them() -> None:
    """Amounts, instants, enums and inputs have their plain forms."""
    amount = {"currency_code": "PHP", "units": 20_000, "nanos": 500_000_000}
    offer = pb.Offer(
        kind=pb.OFFER_KIND_REDUCED,
        approved_amount=amount,
        term_binding="derived.instalment <= 500",
        outputs={"fee": InputValue(money=amount), "rounds": InputValue(number="2")},
    )
    seen = told(outcome=pb.OUTCOME_APPROVE, offer=offer, create_time={"seconds": 0})
    assert seen == {
        "outcome": "APPROVE",
        "create_time": "1970-01-01T00:00:00Z",
        "offer": {
            "kind": "REDUCED",
            "approved_amount": "PHP 20000.50",
            "outputs": {"fee": "PHP 20000.50", "rounds": "2"},
        },
    }


def test_the_reasons_of_an_override_hide_the_rules_too() -> None:
    """What rules concluded beside the decision is told without limits and points."""
    reason = pb.Reason(code="LOW_SCORE", required="620", points_lost="12", factor="reuse.a")
    seen = told(override=pb.Override(kind="CAPPED", reasons=[reason]))
    assert seen["override"] == {"kind": "CAPPED", "reasons": [{"code": "LOW_SCORE"}]}


@given(st.binary(max_size=200))
def test_whatever_a_later_program_recorded_is_told_or_damaged(content: bytes) -> None:
    """Fields and numbers of enums that this program does not know break nothing."""
    unknown = pb.Decision(outcome=99, engine_version=content.hex()).SerializeToString()
    reply = service_pb.CreateDecisionResponse()
    reply.decision.MergeFromString(unknown + b"\xfa\x3e\x01x")
    json.dumps(dict(disclosed_reply(reply.SerializeToString(), EVERYTHING)))
