"""Structs as messages and back, by the descriptors of the messages."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from decision_service.api.v1 import decision_pb2, outcome_service_pb2, review_service_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.domain.decision import Offer, OfferKind, Outcome, RulesetRef
from decision_service.domain.errors import FieldInvalid
from decision_service.domain.ports import Filter
from decision_service.domain.reviews import ReviewResult
from decision_service.domain.values import Money
from decision_service.server.decisions import DECISIONS
from decision_service.server.outcomes import OUTCOMES
from decision_service.server.reviews import REVIEWS
from decision_service.server.wire import Mapper, Problems

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
}
WAYS = (
    st.tuples(st.just(OUTCOMES), st.just(outcome_service_pb2.LoanOutcome), REPORTS)
    | st.tuples(st.just(REVIEWS), st.just(review_service_pb2.ReviewResult), RESULTS)
    | st.tuples(st.just(DECISIONS), st.just(decision_pb2.RulesetRef), REFS)
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
    message = DECISIONS.message(decision_pb2.Offer, offer)
    assert (message.monthly_rate, message.outputs["fee"].number) == ("0", "0")
    assert message.HasField("approved_amount")
    assert not message.HasField("max_amount")
    bare = msgspec.structs.replace(offer, monthly_rate=None)
    assert DECISIONS.message(decision_pb2.Offer, bare).monthly_rate == ""


def test_a_table_names_fields_that_there_are() -> None:
    """A field that was renamed or left is not passed over in silence."""
    with pytest.raises(ValueError, match="Condition has no field txt"):
        Mapper({decision_pb2.Condition: {"txt": None}})
