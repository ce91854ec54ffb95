"""Which list of the vendor gives which kind of data, with the decoder of its pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.smile.mapping import people, records
from decision_service.smile.mapping.answers import (
    AccountAnswer,
    ContributionAnswer,
    EincomeAnswer,
    EmploymentAnswer,
    IdentifiedAnswer,
    IdentityAnswer,
    IncomeAnswer,
    InsightAnswer,
    Item,
    LiabilityAnswer,
    PageAnswer,
    PersonAnswer,
    ProviderAnswer,
    TaskAnswer,
    TransactionAnswer,
)
from decision_service.smile.mapping.decoding import OneDecoder, PageDecoder

Thing = TypeVar("Thing", bound=Item)
Record = TypeVar("Record")


def _as_listed(items: tuple[Thing, ...]) -> tuple[Thing, ...]:
    return items


class KindListing(msgspec.Struct, Generic[Thing, Record], frozen=True):
    """One kind: its endpoint, its page decoder, and how an item becomes a record.

    `choose` leaves out items that newer ones replace; `optional` as in `Request`.
    """

    path: str
    decode: Callable[[bytes], PageAnswer[Thing]]
    record: Callable[[Thing, str], Record]
    choose: Callable[[tuple[Thing, ...]], tuple[Thing, ...]] = _as_listed
    optional: bool = False


ACCOUNTS = PageDecoder(AccountAnswer, "accounts")
TASKS = PageDecoder(TaskAnswer, "tasks")
PROVIDERS = PageDecoder(ProviderAnswer, "providers")
USER = OneDecoder(IdentifiedAnswer, "users")

LISTINGS: Mapping[Kind, KindListing[Any, Any]] = {
    Kind.EINCOMES: KindListing(
        "/eincomes", PageDecoder(EincomeAnswer, "eincomes"), records.eincome
    ),
    Kind.INCOMES: KindListing("/incomes", PageDecoder(IncomeAnswer, "incomes"), records.income),
    Kind.CONTRIBUTIONS: KindListing(
        "/contributions", PageDecoder(ContributionAnswer, "contributions"), records.contribution
    ),
    Kind.EMPLOYMENTS: KindListing(
        "/employments", PageDecoder(EmploymentAnswer, "employments"), records.employment
    ),
    Kind.LIABILITIES: KindListing(
        "/liabilities", PageDecoder(LiabilityAnswer, "liabilities"), records.liability
    ),
    Kind.TRANSACTIONS: KindListing(
        "/transactions", PageDecoder(TransactionAnswer, "transactions"), records.transaction
    ),
    Kind.IDENTITIES: KindListing(
        "/identities", PageDecoder(IdentityAnswer, "identities"), records.identity
    ),
    # The counts of linked lenders are among the vendor's ready-made factors.
    Kind.LINKS: KindListing(
        "/insights",
        PageDecoder(InsightAnswer, "links"),
        records.links,
        records.newest_insights,
        optional=True,
    ),
}


WITH_PEOPLE: Mapping[Kind, KindListing[Any, Any]] = {
    **LISTINGS,
    Kind.IDENTITIES: KindListing(
        "/identities", PageDecoder(PersonAnswer, "identities"), people.person
    ),
}
"""Only here are names, phone numbers and addresses read."""
