"""What a reply says, and that equal decisions have the same bytes."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC
from decimal import Decimal

import pytest
from hypothesis import given, settings
from msgspec import structs

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.decision import (
    Arm,
    Assignment,
    Component,
    Decision,
    EnrolmentReason,
    Offer,
    OfferKind,
    Outcome,
    Reason,
    RulesetRef,
    Score,
    Verdict,
)
from decision_service.domain.factor import Factors, FactorValue
from decision_service.domain.ports import ReplyStyle
from decision_service.domain.values import AsOf, Money
from decision_service.server.decisions import ProtoReplyEncoder
from decision_service.server.wire import money_from_message, value_from_message
from tests.fakes.any_decision import decisions, styles, traces
from tests.fakes.examples import examples
from tests.fakes.world import NOW

ENCODER = ProtoReplyEncoder()
FULL_ONLY = ("inputs", "factor_values", "rule_traces", "withheld_tags")


def read(reply: bytes) -> pb.Decision:
    """The decision that a client finds in a reply."""
    return service_pb.CreateDecisionResponse.FromString(reply).decision


def backwards(mapping: dict) -> dict:
    """The same entries, put in from the last to the first."""
    return dict(reversed(mapping.items()))


def put_in_backwards(decision: Decision) -> Decision:
    """An equal decision whose maps were filled in the other order."""
    offer = decision.verdict.offer
    if offer is not None:
        offer = structs.replace(offer, outputs=backwards(offer.outputs))
    computed = decision.factors
    if computed is not None:
        computed = structs.replace(
            computed, values=backwards(computed.values), kinds=backwards(computed.kinds)
        )
    return structs.replace(
        decision,
        inputs=backwards(decision.inputs),
        verdict=structs.replace(decision.verdict, offer=offer),
        factors=computed,
    )


@settings(deadline=None, max_examples=examples(80))
@given(decisions, styles, traces)
def test_a_reply_says_what_was_decided_always_in_the_same_bytes(decision, style, of):
    """Amounts, times, slots and rules are read back exactly; what there is not is not there.

    Neither an earlier reply nor the order in which maps were filled changes a byte. Without inputs,
    factor values, traces and withheld tags a FULL reply is the BASIC one.
    """
    full_style, basic_style = (structs.replace(style, full=full) for full in (True, False))
    reply = ENCODER.encode(decision, full_style, of)
    assert ENCODER.encode(decision, full_style, of) == reply
    assert ProtoReplyEncoder().encode(put_in_backwards(decision), full_style, of) == reply
    full, basic = read(reply), read(ENCODER.encode(decision, basic_style, of))
    assert {name: value_from_message(one) for name, one in full.inputs.items()} == decision.inputs
    named = {} if decision.factors is None else decision.factors.values
    assert [one.name for one in full.factor_values] == sorted(named)
    assert [one.rule for one in full.rule_traces] == [rule.id for one in of for rule in one.rules]
    assert [*full.tags] == [tag.name for tag in decision.verdict.tags if tag.told]
    assert [*full.withheld_tags] == [tag.name for tag in decision.verdict.tags if not tag.told]
    for name in FULL_ONLY:
        full.ClearField(name)
    assert basic == full
    slot, offer, ref = decision.assignment, decision.verdict.offer, decision.ruleset_ref
    assert pb.Outcome.Name(basic.outcome) == f"OUTCOME_{decision.verdict.outcome}"
    assert basic.create_time.ToDatetime(UTC) == decision.created
    assert basic.HasField("expire_time") == (decision.expires is not None)
    assert basic.HasField("ruleset_ref") == (ref is not None)
    assert basic.HasField("offer") == (offer is not None)
    if offer is not None:
        assert money_from_message(basic.offer.approved_amount) == offer.approved_amount
        assert basic.offer.term_binding == offer.term_binding
    assert basic.assignment.HasField("enrolment_slot") == (slot.enrolment_slot is not None)
    assert basic.assignment.enrolment_slot == (slot.enrolment_slot or 0)


@pytest.mark.parametrize(
    ("languages", "text"),
    [((), "Low"), (("de",), "Low"), (("de", "fil"), "Mababa"), (("fil-PH",), "Mababa")],
)
def test_a_text_is_in_the_first_language_that_there_is(languages, text):
    """A language of a region finds the language; with none of them it is English."""
    reply = ENCODER.encode(DECIDED, ReplyStyle(full=False, languages=languages), ())
    assert [reason.message for reason in read(reply).reasons] == [text]


def test_a_reply_that_was_recorded_earlier_reads_the_same():
    """Bytes in a store are what a client of today finds in the reply to the same decision."""
    reply = ENCODER.encode(DECIDED, ReplyStyle(full=True), ())
    assert read(b64decode(RECORDED)) == read(reply)


DECIDED = Decision(
    decision_id="d-1",
    request_id="r-1",
    application_id="a-1",
    customer_ref="c-1",
    user_id="u-1",
    product="personal-loan-ph",
    created=NOW,
    as_of=AsOf(NOW, NOW.date(), UTC),
    assignment=Assignment(
        "go-live",
        True,
        EnrolmentReason.IN_STAGE,
        "digest",
        "stage",
        0,
        enrolment_slot=0,
        arm=Arm.CHAMPION,
    ),
    inputs={"ab": True, "a": Money("PHP", 150), "b": Decimal("440.0")},
    verdict=Verdict(
        Outcome.REFER,
        reasons=(
            Reason(
                "LOW", {"en": "Low", "fil": "Mababa"}, Component.POLICY, points_lost=Decimal("1.50")
            ),
        ),
        scores=(Score("card", Decimal(440), Decimal("500.0"), "B"),),
        offer=Offer(
            OfferKind.REDUCED,
            Money("PHP", -150),
            monthly_rate=Decimal("0.050"),
            outputs={"ab": 1, "a": "text"},
        ),
    ),
    engine_version="0.1.0",
    ruleset_ref=RulesetRef("loan", 300, "digest"),
    factors=Factors({"f": FactorValue("f", 5)}, {}, (), None),
    snapshot_id="s-1",
    fetched=NOW,
    upstream_calls=5,
)
RECORDED = """
CsMCCgNkLTESA3ItMRoDYS0xIgNjLTEqA3UtMTIQcGVyc29uYWwtbG9hbi1waDgCShEKA0xPVxIDTG93GAI6AzEuNVoT
CgRjYXJkEgM0NDAaAzUwMCIBQmI9CAISGwoDUEhQEP///////////wEYgLbKkf7/////ASoEMC4wNUIJCgJhYhIDCgEx
QgsKAWESBhIEdGV4dHIRCgRsb2FuEKwCGgZkaWdlc3R6LgoHZ28tbGl2ZRIISU5fU1RBR0UYACIIY2hhbXBpb246BmRp
Z2VzdEIFc3RhZ2WCAQ8KA3MtMRIGCMCXlNgGKAWKAQoKAWYSAwoBNSIAmgEKMjAyNi0xMS0yNKIBBgjAl5TYBrIBBTAu
MS4wugEICgJhYhICGAG6ARQKAWESDyINCgNQSFAQARiAyrXuAboBCgoBYhIFCgM0NDA=
"""
