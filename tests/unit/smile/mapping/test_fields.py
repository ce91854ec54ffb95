"""Single fields of the vendor's answers."""

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from decision_service.domain.values import Cause, DataReason, Month
from decision_service.smile.errors import UpstreamFault
from decision_service.smile.records import (
    currency,
    day,
    day_or_none,
    instant_or_none,
    minor,
    minor_or_none,
    month_index,
    needed,
    span,
)


def code_of(read, *args, **kwargs):
    """The reason code of the fault that a reader raises."""
    with pytest.raises(UpstreamFault) as found:
        read(*args, "kind.field", **kwargs)
    assert found.value.detail == "kind.field"
    return found.value.code


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (b"0", 0),
        (b"0.0", 0),
        (b"15000", 1_500_000),
        (b"7820.25", 782_025),
        (b"1e3", 100_000),
        (b"0.005", 0),
        (b"0.015", 2),
        (b"0.0001", 0),
        (b"12.340000000000", 1234),
        (b"1000000000000", 100_000_000_000_000),
        (b"123456789012.3456", 12_345_678_901_235),
    ],
)
def test_legal_amounts_become_minor_units(token, expected):
    """A legal JSON number is exact minor units, rounded half-even."""
    assert minor(Raw(token), "PHP", "kind.field") == expected


@pytest.mark.parametrize(
    "token",
    [
        b"1e400",
        b"1e400000",
        b"1e99999999999999999999",
        b"-1e99999999999999999999",
        b"9" * 400,
        b"1e" + b"0" * 100 + b"1",
        b"0." + b"0" * 400 + b"1",
        b"0.00001",
        b"1000000000000.01",
        b"1000000000001",
        b"-0",
        b"-0.0",
        b"-0e5",
        b"1e-400000",
    ],
)
@pytest.mark.parametrize("signed", [True, False])
def test_hostile_numbers_are_bad_amounts(token, signed):
    """Numbers that are too large, too fine, endless or a negative zero are BAD_AMOUNT."""
    assert code_of(minor, Raw(token), "PHP", signed=signed) is DataReason.BAD_AMOUNT


@pytest.mark.parametrize(
    "token", [b'"15000"', b'"NaN"', b'""', b"true", b"false", b"[1]", b'{"a":1}']
)
def test_what_is_no_number_is_a_change_of_schema(token):
    """An amount written as text or anything else is UPSTREAM_SCHEMA, even if it looks right."""
    assert code_of(minor_or_none, Raw(token), "PHP") is DataReason.UPSTREAM_SCHEMA


def test_only_signed_amounts_may_be_negative():
    """A negative amount is BAD_AMOUNT where the kind knows none."""
    assert minor(Raw(b"-120.5"), "PHP", "kind.field", signed=True) == -12_050
    assert code_of(minor, Raw(b"-120.5"), "PHP") is DataReason.BAD_AMOUNT


def test_null_amounts_are_none_or_missing():
    """Null is None where an amount is optional and UPSTREAM_SCHEMA where it is not."""
    assert minor_or_none(Raw(b"null"), "PHP", "kind.field") is None
    assert code_of(minor, Raw(b"null"), "PHP") is DataReason.UPSTREAM_SCHEMA


@given(st.decimals(-(10**12), 10**12, places=4, allow_nan=False))
def test_no_digit_is_lost(amount):
    """Every legal amount survives to the minor unit, whatever its size."""
    written = format(amount, "f")
    if written.startswith("-") and not amount:
        written = written[1:]
    found = minor(Raw(written.encode()), "CLF", "kind.field", signed=True)
    assert Decimal(found) == amount * 10_000


@pytest.mark.parametrize("text", ["PHP", "IDR", "XXX"])
def test_three_capitals_are_a_currency(text):
    """Any three capital letters pass; whether they are the ruleset's is not judged here."""
    assert currency(text, "kind.field") == text


@pytest.mark.parametrize("text", [None, "", "php", "PH", "PHPP", "P1P", "PHP ", "ПHP"])
def test_anything_else_is_mixed_currency(text):
    """Null, lower-case and unknown words for a currency are MIXED_CURRENCY."""
    with pytest.raises(UpstreamFault) as found:
        currency(text, "kind.field")
    assert found.value.cause is Cause.MIXED_CURRENCY
    assert found.value.code is DataReason.MIXED_CURRENCY


def test_days_are_civil_dates():
    """`yyyy-MM-dd` is a date, leap days included."""
    assert day("2024-02-29", "kind.field") == date(2024, 2, 29)
    assert day_or_none(None, "kind.field") is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2025-02-29",
        "0001-01-01",
        "1899-12-31",
        "20260230",
        "2026-W05-1",
        "2026-1-1",
        "2026-01-01T00:00:00Z",
        "01/02/2026",
        "٢٠٢٦-٠١-٠١",
        "0000-00-00",
        "-001-01-01",
        " 2026-01-01",
        "2026-01-01\n",
    ],
)
def test_other_days_are_bad_dates(text):
    """Days that do not exist, other spellings and years before 1900 are BAD_DATE."""
    assert code_of(day, text) is DataReason.BAD_DATE
    assert code_of(day_or_none, text) is DataReason.BAD_DATE


def test_a_missing_day_is_a_change_of_schema():
    """A required date that is null is UPSTREAM_SCHEMA, not a bad date."""
    assert code_of(day, None) is DataReason.UPSTREAM_SCHEMA


def test_a_span_ends_after_it_starts():
    """An end on the day of the start is taken, one before it is BAD_DATE of `endDate`."""
    assert span("2026-01-02", "2026-01-02", "kind")[1] == date(2026, 1, 2)
    with pytest.raises(UpstreamFault) as found:
        span("2026-01-02", "2026-01-01", "kind")
    assert (found.value.code, found.value.detail) == (DataReason.BAD_DATE, "kind.endDate")


def test_months_are_indexed():
    """`yyyy-MM` is the index of the month."""
    assert month_index("2026-08", "kind.field") == Month.parse("2026-08").index


@pytest.mark.parametrize(
    "text",
    ["2026-13", "2026-00", "0001-01", "1899-12", "2026-8", "202608", "2026-08-01", "+126-08"],
)
def test_other_months_are_bad_dates(text):
    """Anything but an existing month from 1900 on is BAD_DATE."""
    assert code_of(month_index, text) is DataReason.BAD_DATE


@pytest.mark.parametrize(
    "text", ["2026-11-24T03:00:00Z", "2026-11-24T11:00:00+08:00", "2026-11-24T03:00:00.000Z"]
)
def test_instants_become_utc(text):
    """An instant with any zone is the same instant in UTC."""
    assert instant_or_none(text, "kind.field") == datetime(2026, 11, 24, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T03:00:00",
        "2026-11-24",
        "2026-02-30T03:00:00Z",
        "2026-11-24T25:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1200-01-01T00:00:00Z",
        "yesterday",
    ],
)
def test_other_instants_are_bad_dates(text):
    """An instant without a zone, outside the calendar or before 1900 is BAD_DATE."""
    assert code_of(instant_or_none, text) is DataReason.BAD_DATE


@given(st.text(max_size=30))
def test_no_text_breaks_a_reader(text):
    """Whatever the text, a reader gives a value or a Fault."""
    for read in (day, day_or_none, month_index, instant_or_none, currency):
        with suppress(UpstreamFault):
            read(text, "kind.field")


def test_empty_text_is_nothing():
    """An empty text is no value where one is needed."""
    assert code_of(needed, "") is DataReason.UPSTREAM_SCHEMA
    assert needed(0, "kind.field") == 0
