"""From the vendor's data points to domain records: single fields, origins, people."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    LinkCounts,
    Provider,
    Source,
    Transaction,
)
from decision_service.domain.values import Cause, DataReason, Month
from decision_service.smile import records
from decision_service.smile.answers import AccountAnswer, Metadata, ProviderAnswer
from decision_service.smile.applicant import from_items
from decision_service.smile.errors import UpstreamFault
from decision_service.smile.records import (
    ACCOUNTS,
    LISTINGS,
    account,
    currency,
    instant_or_none,
    merged,
    month_index,
    needed,
    origin,
    provider,
    span,
)
from tests.unit.smile import items
from tests.unit.smile.items import contribution
from tests.unit.smile.vendor import body_of

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


def about(**fields):
    """The metadata of an upload's item."""
    return Metadata(**{"user_id": "u", "source_id": "s", "source_type": "UPLOAD", **fields})


def test_the_older_name_of_the_source_counts():
    """`accountId` names the source where `sourceId` does not; without both an item is not used."""
    assert origin(about(source_id=None, account_id="a"), Kind.EINCOMES).id == "a"
    assert origin(about(account_id="a"), Kind.EINCOMES).id == "s"
    assert origin(about(source_type=None), Kind.EINCOMES).type == "ACCOUNT"
    with pytest.raises(UpstreamFault) as found:
        origin(about(source_id=None), Kind.EINCOMES)
    assert found.value.detail == "eincomes.metadata.sourceId"


def test_an_upload_needs_a_readable_date():
    """`createdAt` that is no instant is BAD_DATE for an upload and not looked at for an account."""
    origin(about(source_type="ACCOUNT", created_at="never"), Kind.EINCOMES)
    with pytest.raises(UpstreamFault) as found:
        origin(about(created_at="never"), Kind.EINCOMES)
    assert found.value.code is DataReason.BAD_DATE


def at(day):
    """An instant of November 2026."""
    return datetime(2026, 11, day, tzinfo=UTC)


def test_sources_are_merged_with_their_newest_date():
    """A source that gave several items is one source with the newest date, accounts left out."""
    seen = [
        Source("s", "ARCHIVE", "p", at(2)),
        Source("a", "ACCOUNT", "p"),
        Source("s", "ARCHIVE", "p", at(9)),
        Source("s", "ARCHIVE", "p", None),
        Source("r", "UPLOAD", "q", None),
        Source("s", "ARCHIVE", "p", at(5)),
    ]
    assert merged(seen) == (Source("r", "UPLOAD", "q", None), Source("s", "ARCHIVE", "p", at(9)))


ITEMS = {
    Kind.EINCOMES: items.eincome,
    Kind.CONTRIBUTIONS: items.contribution,
    Kind.INCOMES: items.income,
    Kind.EMPLOYMENTS: items.employment,
    Kind.LIABILITIES: items.liability,
    Kind.TRANSACTIONS: items.transaction,
    Kind.IDENTITIES: items.identity,
    Kind.LINKS: items.insight,
}


def record(kind, **changes):
    """The record of a made-up item with these changes."""
    listing = LISTINGS[kind]
    (item,) = listing.decode(body_of([ITEMS[kind](**changes)])).items
    return listing.record(item, "a-x")


def fault_of(kind, **changes):
    """The fault of a made-up item with these changes."""
    with pytest.raises(UpstreamFault) as found:
        record(kind, **changes)
    return found.value


RECORDS = {
    Kind.EINCOMES: EstimatedIncome(
        "einc-1", "a-x", Month.parse("2026-08").index, "PHP", 1_500_000
    ),
    Kind.CONTRIBUTIONS: Contribution("con-1", "a-x", date(2026, 8, 31), "PHP", 137_500),
    Kind.INCOMES: Income(
        "inc-1", "a-x", "ABC Corporation", date(2026, 8, 1), date(2026, 8, 15), "Semimonthly",
        "PHP", None, 1_000_000, 782_025,
    ),
    Kind.EMPLOYMENTS: Employment(
        "e-1", "a-x", "ABC Corporation", "Permanent", date(2020, 2, 24), None, date(2026, 8, 25)
    ),
    Kind.LIABILITIES: Liability(
        "lia-1", "a-x", "Salary Loan", date(2025, 7, 5), date(2027, 8, 1), "PHP", 1_600_000,
        73_832, "Monthly", 559_976, 0, 73_238,
    ),
    Kind.TRANSACTIONS: Transaction(
        "t-1", "a-x", date(2026, 11, 20), "Trip earnings", "PHP", -12_050
    ),
    Kind.IDENTITIES: Identity("i-1", "a-x", date(1990, 1, 31)),
    Kind.LINKS: LinkCounts("insight-1", "a-x", ((3, 1), (30, 4)), 400, None),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "expected"), RECORDS.items())
def test_each_kind_becomes_its_record(kind, expected):
    """An item of each kind becomes the domain record with the same meaning."""
    assert record(kind) == expected


def test_an_estimate_may_use_the_older_name():
    """`baseAmount` counts where `amount` is null or absent, and not otherwise."""
    assert record(Kind.EINCOMES, amount=None, baseAmount=7).amount == 700
    assert record(Kind.EINCOMES, amount=5, baseAmount=7).amount == 500
    assert fault_of(Kind.EINCOMES, amount=None, baseAmount=None).detail == "eincomes.amount"


OPTIONAL = {
    Kind.EINCOMES: {"baseAmount"},
    Kind.CONTRIBUTIONS: {"referenceId"},
    Kind.INCOMES: {
        "employer",
        "endDate",
        "frequency",
        "baseAmount",
        "grossAmount",
        "netAmount",
    },
    Kind.EMPLOYMENTS: {"employer", "jobTitle", "status", "endDate", "reportedDate"},
    Kind.LIABILITIES: {
        "endDate",
        "amortizationFrequency",
        "amortizationAmount",
        "outstandingBalance",
        "nextPaymentAmount",
        "overduePaymentAmount",
    },
    Kind.TRANSACTIONS: {"description"},
    Kind.IDENTITIES: {"fullName", "dob"},
    Kind.LINKS: {"cutoffTime"},
}

FIELDS = [(kind, field) for kind, make in ITEMS.items() for field in make() if field != "metadata"]


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_null_is_none_where_optional_and_a_fault_elsewhere(kind, field):
    """Any field may be null: an optional one is left open, a required one taints the kind."""
    if field in OPTIONAL[kind] or (kind, field) == (Kind.EINCOMES, "amount"):
        record(kind, **{field: None})
    elif field == "currency":
        assert fault_of(kind, **{field: None}).code is DataReason.MIXED_CURRENCY
    else:
        fault = fault_of(kind, **{field: None})
        assert (fault.code, fault.detail) == (DataReason.UPSTREAM_SCHEMA, f"{kind}.{field}")


AMOUNTS = [
    (kind, field)
    for kind, field in FIELDS
    if kind is Kind.LIABILITIES and field.endswith(("mount", "Balance"))
]


@pytest.mark.parametrize(("kind", "field"), AMOUNTS)
def test_a_loan_may_not_be_negative(kind, field):
    """A negative amount of a loan is BAD_AMOUNT; elsewhere it is a correction."""
    fault = fault_of(kind, **{field: -1})
    assert (fault.cause, fault.code) == (Cause.BAD_DATA, DataReason.BAD_AMOUNT)


def test_unknown_words_stay_words():
    """New words of enumerations are kept as they are."""
    assert record(Kind.INCOMES, frequency="Fortnightly").frequency == "Fortnightly"
    assert record(Kind.LIABILITIES, type="Other").type == "Other"


def test_an_account_keeps_what_factors_need():
    """Status, error code and the times of both updates are read."""
    connection = {"status": "ERROR", "errorCode": "INVALID_AUTH", "updatedAt": items.instant()}
    (item,) = ACCOUNTS(body_of([items.account(status="ERROR", connection=connection)])).items
    found = account(item)
    assert isinstance(found, Account)
    assert (found.connection_status, found.error_code) == ("ERROR", "INVALID_AUTH")
    assert found.connection_updated_at == datetime(2026, 11, 24, 4, tzinfo=UTC)
    assert found.monitor_updated_at == datetime(2026, 11, 22, 4, tzinfo=UTC)
    assert found.created_at == datetime(2025, 10, 20, 4, tzinfo=UTC)


@pytest.mark.parametrize("field", ["id", "providerId", "connectionStatus"])
def test_an_account_needs_id_provider_and_status(field):
    """An account without one of them is UPSTREAM_SCHEMA."""
    item = msgspec.json.decode(
        json.dumps(items.account(**{field: None})).encode(), type=AccountAnswer
    )
    with pytest.raises(UpstreamFault) as found:
        account(item)
    assert found.value.detail == f"accounts.{field}"


def test_a_provider_without_a_type_is_left_to_the_fallback():
    """A provider whose type the vendor does not give is not taken from its list."""
    assert provider(ProviderAnswer(id="grab")) is None
    assert provider(ProviderAnswer(id="grab", type="GIG")) == Provider("grab", "GIG", ())


async def test_a_long_list_lets_others_have_their_turn() -> None:
    """While a thousand items become records others run; nothing is lost or out of order."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    items = [contribution(n) for n in range(1_000)]
    body = json.dumps({"code": "OK", "data": {"items": items}}).encode()
    listed = LISTINGS[Kind.CONTRIBUTIONS].decode(body)
    beside = asyncio.create_task(other())
    part = await from_items(Kind.CONTRIBUTIONS, LISTINGS[Kind.CONTRIBUTIONS], tuple(listed.items))
    beside.cancel()
    assert [record.id for record in part.read.records] == [item["id"] for item in items]
    assert turns >= 4
