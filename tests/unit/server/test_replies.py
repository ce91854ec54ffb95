"""Replies: exact values in both directions, equal bytes, and what a person is told of one."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest
from google.type.money_pb2 import Money as MoneyMessage
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import outcome_service_pb2, review_service_pb2, values_pb2
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.casework.disclosure import Disclosure
from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.cli.views import cause_text
from decision_service.domain.accounts import Kind
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
from decision_service.domain.errors import FieldInvalid
from decision_service.domain.factor import Factors, FactorValue
from decision_service.domain.person import NO_OWN_FACTS
from decision_service.domain.ports import Filter, ReplyStyle
from decision_service.domain.reviews import ReviewResult
from decision_service.domain.values import AsOf, Cause, Missing, Money, Month
from decision_service.server.services.applicants import (
    DISCLOSED,
    DISCLOSED_APART,
    FOUND_ON_READING,
    LEFT_OUT,
    disclosed_reply,
)
from decision_service.server.services.decisions import DECISIONS, ProtoReplyEncoder, compared
from decision_service.server.services.outcomes import OUTCOMES
from decision_service.server.services.reviews import REVIEWS
from decision_service.server.transport.wire import (
    Mapper,
    Problems,
    WireError,
    decimal_text,
    enum_name,
    money_fields,
    money_from_message,
    value_fields,
    value_from_message,
)
from tests.fakes.any_decision import decisions, styles, traces
from tests.fakes.examples import examples
from tests.fakes.world import NOW

if TYPE_CHECKING:
    from google.protobuf.message import Message

TEXT = st.text(max_size=8)

AMOUNT = st.none() | st.builds(
    Money, st.sampled_from(["PHP", "KWD", "JPY"]), st.integers(-(10**12), 10**12)
)

INSTANT = st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001
    lambda instant: instant.replace(tzinfo=UTC)
)

FILTERS = st.builds(
    Filter,
    user_id=TEXT,
    application_id=TEXT,
    customer_ref=TEXT,
    product=TEXT,
    outcome=st.none() | st.sampled_from(Outcome),
    created_from=INSTANT,
    created_before=INSTANT,
    unreported=st.booleans(),
    any_id=TEXT,
    by_person=st.booleans(),
)

REPORTS = st.builds(
    LoanOutcome,
    TEXT,
    TEXT,
    st.dates(),
    st.sampled_from(LoanStatus),
    AMOUNT,
    st.none() | st.dates(),
    AMOUNT,
    AMOUNT,
    st.integers(-(2**31), 2**31 - 1),
)

RESULTS = st.builds(ReviewResult, st.sampled_from(Outcome), TEXT, TEXT, AMOUNT)
REFS = st.builds(RulesetRef, TEXT, st.integers(0, 2**31 - 1), TEXT)
LISTED = service_pb.ListDecisionsRequest

FILTER_FIELDS = {
    "create_time_from": "created_from",
    "create_time_before": "created_before",
    **dict.fromkeys(("page_size", "page_token", "reason", "version", "arm")),
    **dict.fromkeys(("outcome_in_force", "approved_amount_from", "approved_amount_to")),
}

WAYS = (
    st.tuples(st.just(OUTCOMES), st.just(outcome_service_pb2.LoanOutcome), REPORTS)
    | st.tuples(st.just(REVIEWS), st.just(review_service_pb2.ReviewResult), RESULTS)
    | st.tuples(st.just(DECISIONS), st.just(pb.RulesetRef), REFS)
    | st.tuples(st.just(Mapper({LISTED: FILTER_FIELDS})), st.just(LISTED), FILTERS)
)


@given(WAYS)
def test_a_struct_that_becomes_a_message_reads_back_equal(
    way: tuple[Mapper, type[Message], msgspec.Struct],
) -> None:
    """Texts, days, instants, amounts, enums and what is absent, under their own or other names."""
    mapper, kind, struct = way
    sent = kind.FromString(mapper.message(kind, struct).SerializeToString())
    with Problems() as problems:
        assert mapper.read(type(struct), sent, problems) == struct


def test_what_is_malformed_is_named_below_its_message() -> None:
    """An enum that is needed or unknown, a day that is needed or is none, an amount."""
    sent = outcome_service_pb2.LoanOutcome(status=9, disburse_date="soon")  # type: ignore[arg-type]  # no status
    sent.repaid_amount.currency_code = "peso"
    with pytest.raises(FieldInvalid) as refused, Problems() as problems:
        OUTCOMES.read(LoanOutcome, sent, problems, "outcome.")
    currency = "currency_code must be three capital letters (ISO 4217), for example PHP"
    known = "BOOKED, NOT_TAKEN_UP, REPAID, CHARGED_OFF"
    assert [one.description.removeprefix("outcome.") for one in refused.value.problems] == [
        "as_of_date is empty: it must be YYYY-MM-DD",
        f"status is 9, which is no LoanStatus: say one of {known}",
        "disburse_date is malformed: date must be a civil date of the form YYYY-MM-DD",
        f"repaid_amount is malformed: {currency}",
    ]


def test_nothing_is_set_where_a_struct_has_nothing_and_zero_where_it_has_zero() -> None:
    """A rate of 0 is said, as text; no rate is empty, no amount absent."""
    offer = Offer(OfferKind.FULL, Money("PHP", 0), monthly_rate=Decimal(0), outputs={"fee": 0})
    message = DECISIONS.message(pb.Offer, offer)
    assert (message.monthly_rate, message.outputs["fee"].number) == ("0", "0")
    assert message.HasField("approved_amount")
    assert not message.HasField("max_amount")
    bare = structs.replace(offer, monthly_rate=None)
    assert DECISIONS.message(pb.Offer, bare).monthly_rate == ""


def test_a_table_names_fields_that_there_are() -> None:
    """A field that was renamed or left is not passed over in silence."""
    with pytest.raises(ValueError, match="Condition has no field txt"):
        Mapper({pb.Condition: {"txt": None}})


@given(st.integers(-(10**14), 10**14), st.sampled_from(["PHP", "KWD"]))
def test_money_survives_the_wire(minor: int, currency: str) -> None:
    """An amount, negative ones included, reads back as it was written."""
    money = Money(currency, minor if currency == "PHP" else minor // 10)
    assert money_from_message(MoneyMessage(**money_fields(money))) == money


@given(
    st.one_of(
        st.booleans(),
        st.text(max_size=20),
        st.dates(),
        st.decimals(
            allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6
        ),
    )
)
def test_values_survive_the_wire(value: bool | str | date | Decimal) -> None:
    """Every kind of value reads back equal and of its own type."""
    read = value_from_message(values_pb2.InputValue(**value_fields(value)))
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "message",
    [
        MoneyMessage(currency_code="php", units=1),
        MoneyMessage(currency_code="PHP", units=1, nanos=-1),
        MoneyMessage(currency_code="PHP", units=1, nanos=1_000_000_000),
        MoneyMessage(currency_code="PHP", units=1, nanos=5_000_000),
        MoneyMessage(currency_code="PHP", units=10**13),
    ],
)
def test_malformed_money_is_refused(message: MoneyMessage) -> None:
    """Lower-case currencies, mixed signs, nanos out of range, fractions of a centavo, 10^13."""
    with pytest.raises(WireError):
        money_from_message(message)


@pytest.mark.parametrize("text", ["", "1e3", "NaN", "1,5", " 1", "1.", ".5", "+1", "٣", "1" * 50])
def test_only_plain_decimals_are_numbers(text: str) -> None:
    """No exponent, grouping, blank, sign of plus or foreign digit passes as a number."""
    with pytest.raises(WireError):
        value_from_message(values_pb2.InputValue(number=text))


@pytest.mark.parametrize("text", ["2026-02-30", "2026-1-1", "20260101", "tomorrow"])
def test_only_real_civil_dates_are_dates(text: str) -> None:
    """A date must have the form YYYY-MM-DD and exist."""
    with pytest.raises(WireError):
        value_from_message(values_pb2.InputValue(date=text))


def test_an_empty_value_is_refused() -> None:
    """An InputValue with nothing set says which forms there are."""
    with pytest.raises(WireError, match="one of number, text"):
        value_from_message(values_pb2.InputValue())


def test_decimals_print_without_exponent_or_trailing_zeros() -> None:
    """Numbers read like a person writes them."""
    assert [decimal_text(Decimal(t)) for t in ("1E+3", "0.3500", "-2.0", "0")] == [
        "1000",
        "0.35",
        "-2",
        "0",
    ]


def test_a_month_that_is_not_posted_reaches_the_client_and_the_command_line() -> None:
    """A MissingCause carries the open month and its due date, and `decide` names both."""
    due = date(2026, 11, 11)
    month = Month.parse("2026-10").index
    missing = Missing(Cause.NOT_YET_POSTED, kind=Kind.INCOMES, source="acc-1", month=month, due=due)
    message = DECISIONS.message(values_pb2.MissingCause, missing)
    assert (message.cause, message.tainted, message.reason) == (
        "NOT_YET_POSTED",
        True,
        "NOT_YET_POSTED",
    )
    assert (message.month, message.due_date) == ("2026-10", "2026-11-11")
    assert cause_text(message) == "not yet posted, account acc-1, month 2026-10, due by 2026-11-11"


@pytest.mark.parametrize(
    ("number", "name"),
    [(pb.REFER_KIND_DATA, "DATA"), (pb.REFER_KIND_UNSPECIFIED, "UNSPECIFIED"), (77, "77")],
)
def test_a_value_is_named_without_its_enum(number: int, name: str) -> None:
    """One that only a newer server knows stays a number, and breaks no command."""
    assert enum_name(pb.ReferKind.DESCRIPTOR, number) == name


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


@pytest.mark.parametrize(
    ("engine", "decided_by", "differing", "changed"),
    [("0.1.0", "", ["outcome"], []), ("0.2.0", "0.1.0", [], ["outcome"])],
    ids=["the same", "another"],
)
def test_what_a_replay_changes_is_a_difference_under_one_engine_alone(
    engine: str, decided_by: str, differing: list[str], changed: list[str]
) -> None:
    """Of another engine the version that decided is named with the field."""
    recorded = pb.Decision(outcome=pb.OUTCOME_DECLINE, engine_version="0.1.0")
    reply = compared(recorded, pb.Decision(outcome=pb.OUTCOME_REFER, engine_version=engine))
    assert reply.decided_by_engine_version == decided_by
    assert list(reply.differing_fields) == differing
    assert list(reply.changed_fields) == changed


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
