"""The vendor's answers as they are spelt on the wire, decoded, and read page after page."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from decision_service.domain.values import Cause, DataReason
from decision_service.smile.client import Request, RequestBudget, SmileApi, too_large
from decision_service.smile.errors import ConflictingItems, TransientFault, UpstreamFault, bad_data
from decision_service.smile.limits import SmileLimits

NULL = Raw(b"null")

Data = TypeVar("Data")

Decoded = TypeVar("Decoded")
_PATH = re.compile(r"`\$([^`]*)`\s*$")
_INDEX = re.compile(r"\[[^\]]*\]")


class Envelope(msgspec.Struct, Generic[Data], frozen=True):
    """`{"code": "OK", "data": ...}`."""

    code: str | None = None
    data: Data | None = None


class PageAnswer(msgspec.Struct, Generic[Data], frozen=True, rename="camel"):
    """One page of a list; the last page has a `nextCursor` that is null, absent or empty."""

    items: list[Data] | None = None
    next_cursor: str | None = None


class IdentifiedAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
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
    metadata: Metadata | None = None


class ConnectionAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    error_code: str | None = None
    updated_at: str | None = None


class MonitorAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    updated_at: str | None = None


class TokenAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    access_token: str | None = None
    expires_at: str | None = None
    mode: str | None = None


class UserAnswer(IdentifiedAnswer, frozen=True, rename="camel", kw_only=True):
    """`GET /users`; `externalMetadata` was given when the user was created."""

    external_metadata: dict[str, str | None] | None = None


class NewUserAnswer(msgspec.Struct, frozen=True, kw_only=True):
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
    user_id: str | None = None
    provider_id: str | None = None
    created_at: str | None = None
    connection_status: str | None = None
    connection: ConnectionAnswer | None = None
    monitor_status: str | None = None
    monitor: MonitorAnswer | None = None


class TaskAnswer(Item, frozen=True, rename="camel", kw_only=True):
    type: str | None = None
    status: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    datapoints: list[str] | None = None


class ProviderAnswer(IdentifiedAnswer, frozen=True, rename="camel", kw_only=True):
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
    date: str | None = None
    currency: str | None = None
    # Kept as text: a float would lose the last digits of an amount.
    amount: Raw = NULL


class IncomeAnswer(Item, frozen=True, rename="camel", kw_only=True):
    employer: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    frequency: str | None = None
    currency: str | None = None
    base_amount: Raw = NULL
    gross_amount: Raw = NULL
    net_amount: Raw = NULL


class EmploymentAnswer(Item, frozen=True, rename="camel", kw_only=True):
    employer: str | None = None
    status: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    reported_date: str | None = None


class LiabilityAnswer(Item, frozen=True, rename="camel", kw_only=True):
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
    date: str | None = None
    description: str | None = None
    currency: str | None = None
    amount: Raw = NULL


class IdentityAnswer(Item, frozen=True, rename="camel", kw_only=True):
    """`GET /identities` where no rule compares persons: the date of birth alone is read."""

    dob: str | None = None


class EmailAnswer(msgspec.Struct, frozen=True):
    address: str | None = None


class PhoneAnswer(msgspec.Struct, frozen=True):
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
    cutoff_time: str | None = None
    features: FeaturesAnswer | None = None


class OneDecoder(Generic[Decoded]):
    """Reads an envelope around one object of a type; `name` heads the field paths of faults."""

    def __init__(self, data: type[Decoded], name: str) -> None:
        self._envelope: msgspec.json.Decoder[Envelope[Decoded]] = msgspec.json.Decoder(
            Envelope[data]  # type: ignore[valid-type]  # a type that is known at run time
        )
        self._name = name

    def __call__(self, body: bytes) -> Decoded:
        envelope = _typed(self._envelope, body, self._name)
        if envelope.code != "OK":
            raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{self._name}.code")
        if envelope.data is None:
            raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{self._name}.data")
        return envelope.data


class BareDecoder:
    """Reads an envelope without data: the answer to a request that changes something."""

    def __init__(self, name: str) -> None:
        self._envelope = msgspec.json.Decoder(Envelope[object])
        self._name = name

    def __call__(self, body: bytes) -> None:
        if _typed(self._envelope, body, self._name).code != "OK":
            raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{self._name}.code")


class PageDecoder(Generic[Decoded]):
    """Reads a page of items in its envelope, or a bare array as one last page."""

    def __init__(self, item: type[Decoded], name: str) -> None:
        page: type[PageAnswer[Decoded]] = PageAnswer[item]  # type: ignore[valid-type]  # as above
        self._one = OneDecoder(page, name)
        self._bare: msgspec.json.Decoder[list[Decoded]] = msgspec.json.Decoder(
            list[item]  # type: ignore[valid-type]  # as above
        )
        self.name = name

    def __call__(self, body: bytes) -> PageAnswer[Decoded]:
        if body.lstrip(b" \t\r\n")[:1] == b"[":
            return PageAnswer(_typed(self._bare, body, self.name))
        page = self._one(body)
        if page.items is None:
            raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{self.name}.items")
        return page


def _typed(decoder: msgspec.json.Decoder[Decoded], body: bytes, name: str) -> Decoded:
    try:
        # The decoder does not check the encoding of skipped fields, and a cut may lie in one.
        body.decode()
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise bad_data(DataReason.UPSTREAM_SCHEMA, _path(str(error), name)) from None
    except RecursionError:
        raise too_large("depth") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _unreadable(body, name) from None


def _path(message: str, name: str) -> str:
    found = _PATH.search(message)
    inner = _INDEX.sub("", found.group(1)) if found else ""
    return name + inner.removeprefix(".data").removeprefix(".items")


def _unreadable(body: bytes, name: str) -> UpstreamFault:
    """NaN and Infinity are not JSON, but a vendor that writes them has no truncated body."""
    constants: list[str] = []
    try:
        # Numbers stay text: a very long one is slow to make, and refused beyond 4,300 digits.
        json.loads(body, parse_constant=constants.append, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        constants.clear()
    if constants:
        return bad_data(DataReason.BAD_AMOUNT, name)
    return TransientFault(DataReason.UPSTREAM_BAD_BODY)


Thing = TypeVar("Thing", bound=IdentifiedAnswer)


class DistinctItems(msgspec.Struct, Generic[Thing], frozen=True):
    """The distinct items in the vendor's order; `duplicates` counts equal ones dropped."""

    items: tuple[Thing, ...]
    duplicates: int = 0


async def read_list(
    get: Callable[[Request], Awaitable[PageAnswer[Thing]]],
    request: Request,
    limits: SmileLimits,
    *,
    name: str,
    on_more: Callable[[], None] = lambda: None,
) -> DistinctItems[Thing]:
    """Every page of a list; `on_more` is called for each page after the first.

    Raises an UpstreamFault: PAGINATION_LOOP for a cursor that came before or for pages without end,
    DATA_TOO_LARGE above `limits.items`, ConflictingItems for two contents under one id.
    """
    by_id: dict[str, Thing] = {}
    duplicates = 0
    cursors = set[str]()
    while True:
        page = await get(request)
        duplicates += _take(by_id, page.items or (), name)
        if len(by_id) > limits.items:
            raise too_large(f"{name}: over {limits.items} items")
        cursor = page.next_cursor
        pages = len(cursors) + 1
        if not cursor:
            return DistinctItems(tuple(by_id.values()), duplicates)
        # a list of over `limits.pages` is honest only while every page brings a page's worth
        endless = pages >= limits.pages and len(by_id) < pages * limits.page_size
        if cursor in cursors or endless:
            detail = f"{name}: page {pages}"
            raise UpstreamFault(Cause.SOURCE_FAILED, DataReason.PAGINATION_LOOP, detail)
        cursors.add(cursor)
        on_more()
        request = request.at(cursor)


def _take(by_id: dict[str, Thing], items: Iterable[Thing], name: str) -> int:
    """How many of the items were known; the others are taken in."""
    duplicates = 0
    for item in items:
        if not item.id:
            raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{name}.id")
        known = by_id.setdefault(item.id, item)
        # One id with other content: the list changed while it was read, and is read again.
        if known is not item and known != item:
            raise ConflictingItems
        duplicates += known is not item
    return duplicates


async def listed(
    api: SmileApi, request: Request, decode: PageDecoder[Thing], budget: RequestBudget
) -> tuple[Thing, ...]:
    """The items of a list that belongs to no applicant, in pages of the usual size."""
    sized = replace(request, params={**request.params, "size": str(api.limits.page_size)})
    found = await read_list(
        lambda one: api.get(one, decode, budget), sized, api.limits, name=decode.name
    )
    return found.items
