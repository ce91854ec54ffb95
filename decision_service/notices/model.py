"""Kinds of notices, a product's texts for them, and letters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import msgspec

from decision_service.domain.money import Money
from decision_service.domain.verdict import Verdict


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

    `limits` says in words what may bind an offer, by the expression that a decision names.
    """

    language: str
    digest: str
    lender: str
    contact: str
    contest: str
    limits: Mapping[str, str]
    kinds: Mapping[NoticeKind, KindTexts]


class SourceUsed(msgspec.Struct, frozen=True, order=True):
    """An account whose records the decision used, and the day to which its data goes."""

    provider: str
    as_of: date | None


class NoticeSubject(msgspec.Struct, frozen=True):
    """The decision that a letter is about; `again_on` is a day from which waiting alone
    would approve, where that may be told.

    `data` are the kinds of data that were read, as the vendor names them.
    """

    decision_id: str
    application_id: str
    decided_on: date
    asked: Money | None
    verdict: Verdict
    sources: tuple[SourceUsed, ...] = ()
    data: tuple[str, ...] = ()
    expires_on: date | None = None
    again_on: date | None = None


class Part(msgspec.Struct, frozen=True):
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
    parts: tuple[Part, ...]
    closing: str
