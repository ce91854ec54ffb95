"""The vendor's answers as they are spelt on the wire; fields that no factor needs are not read.

Every field is optional here, since any field may be null; `records` says which are required.
Unknown fields are ignored, words of enumerations stay strings. A field of another JSON type is an
error of decoding. An amount stays the bytes of its number, so that no digit is lost and no text
is taken for a number.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
from msgspec import Raw

NULL = Raw(b"null")

Data = TypeVar("Data")


class Envelope(msgspec.Struct, Generic[Data], frozen=True):
    """`{"code": "OK", "data": ...}`."""

    code: str | None = None
    data: Data | None = None


class PageAnswer(msgspec.Struct, Generic[Data], frozen=True, rename="camel"):
    """One page of a list; the last page has a `nextCursor` that is null, absent or empty."""

    items: list[Data] | None = None
    next_cursor: str | None = None


class IdentifiedAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An object with an id."""

    id: str | None = None


class Metadata(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Where an item of a list comes from; `accountId` is the older name of `sourceId`."""

    user_id: str | None = None
    source_id: str | None = None
    account_id: str | None = None
    source_type: str | None = None
    provider_id: str | None = None
    created_at: str | None = None


class Item(IdentifiedAnswer, frozen=True, rename="camel", kw_only=True):
    """An item of a list of data points."""

    metadata: Metadata | None = None


class ConnectionAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An account's connection, and its latest error."""

    error_code: str | None = None
    updated_at: str | None = None


class MonitorAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The vendor's continuous reading of an account."""

    updated_at: str | None = None


class TokenAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """`POST /tokens`: a link token for the widget."""

    access_token: str | None = None
    expires_at: str | None = None
    mode: str | None = None


class UserAnswer(IdentifiedAnswer, frozen=True, rename="camel", kw_only=True):
    """`GET /users`; `externalMetadata` was given when the user was created."""

    external_metadata: dict[str, str | None] | None = None


class NewUserAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /users`: the user with a first token."""

    user: UserAnswer | None = None
    token: TokenAnswer | None = None


class WebhookAnswer(IdentifiedAnswer, frozen=True, rename="camel", kw_only=True):
    """`GET /webhooks`, with the secret, of which a digest alone is kept."""

    name: str | None = None
    url: str | None = None
    event_types: list[str] | None = None
    active: bool | None = None
    secret: str | None = None


class AccountAnswer(IdentifiedAnswer, frozen=True, rename="camel", kw_only=True):
    """`GET /accounts`."""

    user_id: str | None = None
    provider_id: str | None = None
    created_at: str | None = None
    connection_status: str | None = None
    connection: ConnectionAnswer | None = None
    monitor_status: str | None = None
    monitor: MonitorAnswer | None = None


class TaskAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /tasks`."""

    type: str | None = None
    status: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    datapoints: list[str] | None = None


class ProviderAnswer(IdentifiedAnswer, frozen=True, rename="camel", kw_only=True):
    """`GET /providers`."""

    type: str | None = None
    supported: list[str] | None = None
    name: str | None = None


class EincomeAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /eincomes`; `baseAmount` is the older name of `amount`."""

    month: str | None = None
    currency: str | None = None
    amount: Raw = NULL
    base_amount: Raw = NULL


class ContributionAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /contributions`."""

    date: str | None = None
    currency: str | None = None
    amount: Raw = NULL


class IncomeAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /incomes`."""

    employer: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    frequency: str | None = None
    currency: str | None = None
    base_amount: Raw = NULL
    gross_amount: Raw = NULL
    net_amount: Raw = NULL
    pay_date: str | None = None


class EmploymentAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /employments`."""

    employer: str | None = None
    status: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    reported_date: str | None = None


class LiabilityAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /liabilities`."""

    type: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    currency: str | None = None
    loan_amount: Raw = NULL
    amortization_amount: Raw = NULL
    amortization_frequency: str | None = None
    outstanding_balance: Raw = NULL
    overdue_payment_amount: Raw = NULL
    next_payment_amount: Raw = NULL


class TransactionAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /transactions`."""

    date: str | None = None
    description: str | None = None
    currency: str | None = None
    amount: Raw = NULL


class IdentityAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /identities` where no rule compares persons: the date of birth alone is read."""

    dob: str | None = None


class EmailAnswer(msgspec.Struct, frozen=True):
    """An e-mail address of a person."""

    address: str | None = None


class PhoneAnswer(msgspec.Struct, frozen=True):
    """A phone number of a person."""

    number: str | None = None


class PersonAnswer(IdentityAnswer, frozen=True, rename="camel", kw_only=True):
    """`GET /identities` where rules compare persons: names, phone numbers and addresses as well."""

    full_name: str | None = None
    first_name: str | None = None
    middle_name: str | None = None
    last_name: str | None = None
    suffix: str | None = None
    emails: list[EmailAnswer] | None = None
    phones: list[PhoneAnswer] | None = None


class FeaturesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Of the vendor's own factors only those about linked lenders; below zero is no data."""

    link_days_since_first: int | None = None
    link_days_since_last: int | None = None
    link_day3_count: int | None = None
    link_day7_count: int | None = None
    link_day30_count: int | None = None
    link_day90_count: int | None = None
    link_day180_count: int | None = None
    link_day365_count: int | None = None
    link_day730_count: int | None = None


class InsightAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /insights`."""

    cutoff_time: str | None = None
    features: FeaturesAnswer | None = None
