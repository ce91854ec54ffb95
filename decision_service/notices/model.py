"""Kinds of notices, a product's texts for them, and letters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

import msgspec

from decision_service.domain.factor import Value
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.domain.money import Money
from decision_service.domain.verdict import OfferKind, Outcome, Price, Verdict


class NoticeKind(StrEnum):
    """What a letter tells: each is due for one kind of decision."""

    APPROVAL = "approval"
    COUNTER_OFFER = "counter_offer"
    ADVERSE_ACTION = "adverse_action"
    INCOMPLETE = "incomplete"


class KindTexts(msgspec.Struct, frozen=True):
    """A product's own words of one kind of letter, with `{placeholders}`."""

    title: str
    opening: str
    closing: str = ""


class NoticeTexts(msgspec.Struct, frozen=True):
    """One product's texts in one language; `digest` is the SHA-256 of their file in hex.

    `limits` says in words what may bind an offer, by the expression that a decision names;
    `changes` what an applicant would change, by factor, `price` what an approval costs, each line
    with its placeholders. `contest_again` stands in place of `contest` where a person decided,
    empty where `contest` does.
    """

    language: str
    digest: str
    lender: str
    contact: str
    contest: str
    contest_again: str
    limits: Mapping[str, str]
    changes: Mapping[str, str]
    kinds: Mapping[NoticeKind, KindTexts]
    price: tuple[str, ...] = ()


class SourceUsed(msgspec.Struct, frozen=True, order=True):
    """An account whose records the decision used, and the day to which its data goes.

    `provider` is its provider's name, empty of documents that the applicant gave.
    """

    provider: str
    as_of: date | None


class Lack(msgspec.Struct, frozen=True):
    """Why a value is missing, and of what: its provider's name, else the kind of data."""

    cause: Cause
    provider: str = ""
    kind: Kind | None = None


class DisclosedChange(msgspec.Struct, frozen=True):
    """A factor's value `now`, and the one with which the rules would approve."""

    factor: str
    now: Value
    needed: Value


class DisclosedRecourse(msgspec.Struct, frozen=True):
    """What an applicant may be told would do: changes, waiting until a day, or both together."""

    changes: tuple[DisclosedChange, ...] = ()
    day: date | None = None


class PersonsResult(msgspec.Struct, frozen=True):
    """What a person decided, and why in words by language; none where nobody is told.

    `contested` says that the applicant had asked for it, `changed` that something else stood.
    `expires` is when an approval ends, in the product's zone.
    """

    outcome: Outcome
    decided_on: date
    sentences: Mapping[str, str] = msgspec.field(default_factory=dict)
    amount: Money | None = None
    term_months: int | None = None
    price: Price | None = None
    expires: datetime | None = None
    contested: bool = False
    changed: bool = False


class NoticeSubject(msgspec.Struct, frozen=True):
    """The decision that a letter is about; a result of `person` stands in its place.

    `data` are the kinds of data that were read, as the vendor names them; `lacks` is what is
    missing. `expires` is when the offer ends, in the product's zone.
    """

    decision_id: str
    application_id: str
    decided_on: date
    asked: Money | None
    verdict: Verdict
    asked_term: int | None = None
    sources: tuple[SourceUsed, ...] = ()
    data: tuple[str, ...] = ()
    lacks: tuple[Lack, ...] = ()
    expires: datetime | None = None
    recourse: DisclosedRecourse | None = None
    person: PersonsResult | None = None

    @property
    def is_reduced(self) -> bool:
        """Whether less is approved than was asked for, by the person where one decided."""
        if self.person is not None:
            amount = self.person.amount
            return amount is not None and self.asked is not None and amount < self.asked
        offer = self.verdict.offer
        return offer is not None and offer.kind is OfferKind.REDUCED


class LetterPart(msgspec.Struct, frozen=True):
    """A part of a letter: a heading, what it says, and its list."""

    heading: str
    lines: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


class Letter(msgspec.Struct, frozen=True):
    """A letter in one language, ready to be laid out."""

    kind: NoticeKind
    language: str
    title: str
    lender: str
    opening: str
    parts: tuple[LetterPart, ...]
    closing: str
