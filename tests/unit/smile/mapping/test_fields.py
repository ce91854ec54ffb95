"""Single fields of the vendor's answers."""

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from decision_service.domain.values import Cause, DataReason, Month
from decision_service.smile import records
from decision_service.smile.errors import UpstreamFault
from decision_service.smile.records import currency, instant_or_none, month_index, needed, span

HALF_A_DAY = datetime(2026, 11, 24, 3, tzinfo=UTC)


def minor(token, path, *, read=records.minor, code="PHP", signed=False):
    """An amount that is written so."""
    return read(Raw(token), code, path, signed=signed)


optional_minor = partial(minor, read=records.minor_or_none)
READ = [
    (minor, b"0", 0),
    (minor, b"0.0", 0),
    (minor, b"15000", 1_500_000),
    (minor, b"7820.25", 782_025),
    (minor, b"1e3", 100_000),
    (minor, b"0.005", 0),
    (minor, b"0.015", 2),
    (minor, b"0.0001", 0),
    (minor, b"12.340000000000", 1234),
    (minor, b"1000000000000", 100_000_000_000_000),
    (minor, b"123456789012.3456", 12_345_678_901_235),
    (optional_minor, b"null", None),
    (currency, "PHP", "PHP"),
    (currency, "IDR", "IDR"),
    (currency, "XXX", "XXX"),
    (records.day, "2024-02-29", date(2024, 2, 29)),
    (records.day_or_none, None, None),
    (month_index, "2026-08", Month.parse("2026-08").index),
    (instant_or_none, "2026-11-24T03:00:00Z", HALF_A_DAY),
    (instant_or_none, "2026-11-24T11:00:00+08:00", HALF_A_DAY),
    (instant_or_none, "2026-11-24T03:00:00.000Z", HALF_A_DAY),
    (needed, 0, 0),
]


@pytest.mark.parametrize(("read", "written", "expected"), READ)
def test_what_is_legal_is_read(read, written, expected):
    """Amounts are exact minor units, rounded half-even; instants are in UTC."""
    assert read(written, "kind.field") == expected


def code_of(read, *args, **kwargs):
    """The reason code of the fault that a reader raises."""
    with pytest.raises(UpstreamFault) as found:
        read(*args, "kind.field", **kwargs)
    assert found.value.detail == "kind.field"
    return found.value.code


HOSTILE = (
    b"1e400 1e400000 1e99999999999999999999 -1e99999999999999999999 0.00001 1000000000000.01"
    b" 1000000000001 -0 -0.0 -0e5 1e-400000"
).split()
LONG = [b"9" * 400, b"1e" + b"0" * 100 + b"1", b"0." + b"0" * 400 + b"1"]


@pytest.mark.parametrize("token", [*HOSTILE, *LONG])
@pytest.mark.parametrize("signed", [True, False])
def test_hostile_numbers_are_bad_amounts(token, signed):
    """Numbers that are too large, too fine, endless or a negative zero are BAD_AMOUNT."""
    assert code_of(minor, token, signed=signed) is DataReason.BAD_AMOUNT


@pytest.mark.parametrize(
    ("read", "written"),
    [
        *((optional_minor, t) for t in (b'"15000"', b'"NaN"', b'""', b"true", b"[1]", b'{"a":1}')),
        (minor, b"null"),
        (records.day, None),
        (needed, ""),
    ],
)
def test_what_is_no_number_or_is_missing_is_a_change_of_schema(read, written):
    """An amount written as text is UPSTREAM_SCHEMA, as is a required field that is null."""
    assert code_of(read, written) is DataReason.UPSTREAM_SCHEMA


def test_only_signed_amounts_may_be_negative():
    """A negative amount is BAD_AMOUNT where the kind knows none."""
    assert minor(b"-120.5", "kind.field", signed=True) == -12_050
    assert code_of(minor, b"-120.5") is DataReason.BAD_AMOUNT


@given(st.decimals(-(10**12), 10**12, places=4, allow_nan=False))
def test_no_digit_is_lost(amount):
    """Every legal amount survives to the minor unit, whatever its size."""
    written = format(amount, "f")
    if written.startswith("-") and not amount:
        written = written[1:]
    found = minor(written.encode(), "kind.field", code="CLF", signed=True)
    assert Decimal(found) == amount * 10_000


@pytest.mark.parametrize("text", [None, "", "php", "PH", "PHPP", "P1P", "PHP ", "ПHP"])
def test_anything_else_is_mixed_currency(text):
    """Null, lower-case and unknown words for a currency are MIXED_CURRENCY."""
    with pytest.raises(UpstreamFault) as found:
        currency(text, "kind.field")
    assert found.value.cause is Cause.MIXED_CURRENCY
    assert found.value.code is DataReason.MIXED_CURRENCY


ODD_DAYS = (
    "2026-02-30", "2025-02-29", "0001-01-01", "1899-12-31", "20260230", "2026-W05-1", "2026-1-1",
    "2026-01-01T00:00:00Z", "01/02/2026", "٢٠٢٦-٠١-٠١", "0000-00-00", "-001-01-01", " 2026-01-01",
    "2026-01-01\n",
)  # fmt: skip
ODD_MONTHS = [
    "2026-13",
    "2026-00",
    "0001-01",
    "1899-12",
    "2026-8",
    "202608",
    "2026-08-01",
    "+126-08",
]
ODD_INSTANTS = [
    "2026-11-24T03:00:00",
    "2026-11-24",
    "2026-02-30T03:00:00Z",
    "2026-11-24T25:00:00Z",
    "yesterday",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1200-01-01T00:00:00Z",
]


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((read, text) for text in ODD_DAYS for read in (records.day, records.day_or_none)),
        *((month_index, text) for text in ODD_MONTHS),
        *((instant_or_none, text) for text in ODD_INSTANTS),
    ],
)
def test_other_days_are_bad_dates(read, text):
    """What does not exist, has another spelling or no zone, or lies before 1900 is BAD_DATE."""
    assert code_of(read, text) is DataReason.BAD_DATE


def test_a_span_ends_after_it_starts():
    """An end on the day of the start is taken, one before it is BAD_DATE of `endDate`."""
    assert span("2026-01-02", "2026-01-02", "kind")[1] == date(2026, 1, 2)
    with pytest.raises(UpstreamFault) as found:
        span("2026-01-02", "2026-01-01", "kind")
    assert (found.value.code, found.value.detail) == (DataReason.BAD_DATE, "kind.endDate")


@given(st.text(max_size=30))
def test_no_text_breaks_a_reader(text):
    """Whatever the text, a reader gives a value or a Fault."""
    for read in (records.day, records.day_or_none, month_index, instant_or_none, currency):
        with suppress(UpstreamFault):
            read(text, "kind.field")
