"""Values on the wire: exact in both directions, malformed ones refused."""

from datetime import date
from decimal import Decimal

import pytest
from google.type.money_pb2 import Money as MoneyMessage
from hypothesis import given
from hypothesis import strategies as st

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.views import cause_text
from decision_service.domain.accounts import Kind
from decision_service.domain.values import Cause, Missing, Money, Month
from decision_service.server.decisions import DECISIONS
from decision_service.server.wire import (
    WireError,
    decimal_text,
    enum_name,
    money_fields,
    money_from_message,
    value_fields,
    value_from_message,
)


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
