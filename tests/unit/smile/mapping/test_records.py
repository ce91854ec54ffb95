"""From the vendor's data points to domain records."""

import json
from datetime import UTC, date, datetime

import msgspec
import pytest

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
    Transaction,
)
from decision_service.domain.values import Cause, DataReason, Month
from decision_service.smile.answers import AccountAnswer, ProviderAnswer
from decision_service.smile.errors import UpstreamFault
from decision_service.smile.records import ACCOUNTS, LISTINGS, account, provider
from tests.unit.smile import items
from tests.unit.smile.vendor import body_of

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
