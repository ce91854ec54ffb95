"""Which list of the vendor gives which kind of data, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.smile.mapping import records
from decision_service.smile.mapping.answers import (
    AccountAnswer,
    Answer,
    ContributionAnswer,
    EincomeAnswer,
    EmploymentAnswer,
    Envelope,
    IdentityAnswer,
    IncomeAnswer,
    InsightAnswer,
    Item,
    LiabilityAnswer,
    Page,
    PayloadAnswer,
    ProviderAnswer,
    TaskAnswer,
    TransactionAnswer,
)
from decision_service.smile.mapping.decoding import OneDecoder, PageDecoder

Thing = TypeVar("Thing", bound=Item)
Record = TypeVar("Record")


def _as_listed(items: tuple[Thing, ...]) -> tuple[Thing, ...]:
    return items


class Listing(msgspec.Struct, Generic[Thing, Record], frozen=True):
    """One kind: its endpoint, its page decoder, and how an item becomes a record.

    `choose` leaves out items that newer ones replace; `optional` as in `Ask`.
    """

    path: str
    decode: Callable[[bytes], Page[Thing]]
    record: Callable[[Thing, str], Record]
    choose: Callable[[tuple[Thing, ...]], tuple[Thing, ...]] = _as_listed
    optional: bool = False


ACCOUNTS = PageDecoder(Envelope[Page[AccountAnswer]], list[AccountAnswer], "accounts")
TASKS = PageDecoder(Envelope[Page[TaskAnswer]], list[TaskAnswer], "tasks")
PROVIDERS = PageDecoder(Envelope[Page[ProviderAnswer]], list[ProviderAnswer], "providers")
USER = OneDecoder(Envelope[Answer], "users")
PAYLOAD = OneDecoder(Envelope[PayloadAnswer], "payload")

LISTINGS: Mapping[Kind, Listing[Any, Any]] = {
    Kind.EINCOMES: Listing(
        "/eincomes",
        PageDecoder(Envelope[Page[EincomeAnswer]], list[EincomeAnswer], "eincomes"),
        records.eincome,
    ),
    Kind.INCOMES: Listing(
        "/incomes",
        PageDecoder(Envelope[Page[IncomeAnswer]], list[IncomeAnswer], "incomes"),
        records.income,
    ),
    Kind.CONTRIBUTIONS: Listing(
        "/contributions",
        PageDecoder(Envelope[Page[ContributionAnswer]], list[ContributionAnswer], "contributions"),
        records.contribution,
    ),
    Kind.EMPLOYMENTS: Listing(
        "/employments",
        PageDecoder(Envelope[Page[EmploymentAnswer]], list[EmploymentAnswer], "employments"),
        records.employment,
    ),
    Kind.LIABILITIES: Listing(
        "/liabilities",
        PageDecoder(Envelope[Page[LiabilityAnswer]], list[LiabilityAnswer], "liabilities"),
        records.liability,
    ),
    Kind.TRANSACTIONS: Listing(
        "/transactions",
        PageDecoder(Envelope[Page[TransactionAnswer]], list[TransactionAnswer], "transactions"),
        records.transaction,
    ),
    Kind.IDENTITIES: Listing(
        "/identities",
        PageDecoder(Envelope[Page[IdentityAnswer]], list[IdentityAnswer], "identities"),
        records.identity,
    ),
    # The counts of linked lenders are among the vendor's ready-made factors.
    Kind.LINKS: Listing(
        "/insights",
        PageDecoder(Envelope[Page[InsightAnswer]], list[InsightAnswer], "links"),
        records.links,
        records.newest_insights,
        optional=True,
    ),
}
