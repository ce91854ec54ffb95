"""Which list of the vendor gives which kind of data, with the decoder of its pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.smile.mapping import records
from decision_service.smile.mapping.answers import (
    AccountAnswer,
    ContributionAnswer,
    EincomeAnswer,
    EmploymentAnswer,
    Envelope,
    IdentifiedAnswer,
    IdentityAnswer,
    IncomeAnswer,
    InsightAnswer,
    Item,
    LiabilityAnswer,
    PageAnswer,
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


class KindListing(msgspec.Struct, Generic[Thing, Record], frozen=True):
    """One kind: its endpoint, its page decoder, and how an item becomes a record.

    `choose` leaves out items that newer ones replace; `optional` as in `Request`.
    """

    path: str
    decode: Callable[[bytes], PageAnswer[Thing]]
    record: Callable[[Thing, str], Record]
    choose: Callable[[tuple[Thing, ...]], tuple[Thing, ...]] = _as_listed
    optional: bool = False


ACCOUNTS = PageDecoder(Envelope[PageAnswer[AccountAnswer]], list[AccountAnswer], "accounts")
TASKS = PageDecoder(Envelope[PageAnswer[TaskAnswer]], list[TaskAnswer], "tasks")
PROVIDERS = PageDecoder(Envelope[PageAnswer[ProviderAnswer]], list[ProviderAnswer], "providers")
USER = OneDecoder(Envelope[IdentifiedAnswer], "users")
PAYLOAD = OneDecoder(Envelope[PayloadAnswer], "payload")

LISTINGS: Mapping[Kind, KindListing[Any, Any]] = {
    Kind.EINCOMES: KindListing(
        "/eincomes",
        PageDecoder(Envelope[PageAnswer[EincomeAnswer]], list[EincomeAnswer], "eincomes"),
        records.eincome,
    ),
    Kind.INCOMES: KindListing(
        "/incomes",
        PageDecoder(Envelope[PageAnswer[IncomeAnswer]], list[IncomeAnswer], "incomes"),
        records.income,
    ),
    Kind.CONTRIBUTIONS: KindListing(
        "/contributions",
        PageDecoder(
            Envelope[PageAnswer[ContributionAnswer]], list[ContributionAnswer], "contributions"
        ),
        records.contribution,
    ),
    Kind.EMPLOYMENTS: KindListing(
        "/employments",
        PageDecoder(Envelope[PageAnswer[EmploymentAnswer]], list[EmploymentAnswer], "employments"),
        records.employment,
    ),
    Kind.LIABILITIES: KindListing(
        "/liabilities",
        PageDecoder(Envelope[PageAnswer[LiabilityAnswer]], list[LiabilityAnswer], "liabilities"),
        records.liability,
    ),
    Kind.TRANSACTIONS: KindListing(
        "/transactions",
        PageDecoder(
            Envelope[PageAnswer[TransactionAnswer]], list[TransactionAnswer], "transactions"
        ),
        records.transaction,
    ),
    Kind.IDENTITIES: KindListing(
        "/identities",
        PageDecoder(Envelope[PageAnswer[IdentityAnswer]], list[IdentityAnswer], "identities"),
        records.identity,
    ),
    # The counts of linked lenders are among the vendor's ready-made factors.
    Kind.LINKS: KindListing(
        "/insights",
        PageDecoder(Envelope[PageAnswer[InsightAnswer]], list[InsightAnswer], "links"),
        records.links,
        records.newest_insights,
        optional=True,
    ),
}
