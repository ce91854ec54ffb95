"""One line of a case file: an exported decision, and the record that a judgement reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from decision_service.domain.factor import Value
from decision_service.domain.missing import Cause, DataReason
from decision_service.domain.money import Money, exponent
from decision_service.domain.verdict import OfferKind, Outcome, ReferKind
from decision_service.impact.applicant import Side


class AmountLine(msgspec.Struct, frozen=True):
    amount: Decimal
    currency: str

    @property
    def money(self) -> Money:
        """The amount in minor units; raises ValueError where it is finer than those."""
        minor = self.amount.scaleb(exponent(self.currency))
        if minor != minor.to_integral_value():
            raise ValueError("an amount is finer than its currency")
        return Money(self.currency, int(minor))


class DayLine(msgspec.Struct, frozen=True):
    date: date


class CauseLine(msgspec.Struct, frozen=True):
    """One cause of a missing value, with the reason that a decision shows for it."""

    cause: Cause
    reason: DataReason


class MissingLine(msgspec.Struct, frozen=True):
    """The causes for which a factor is missing; at least one."""

    missing: tuple[CauseLine, ...]


class AnswerLine(msgspec.Struct, frozen=True):
    """What a list of keys said of an input."""

    list: str
    input: str
    listed: bool
    digest: str


class CaseOffer(msgspec.Struct, frozen=True):
    """The terms offered, amounts in major units; `outputs` are further lines of the offer."""

    offer_kind: str = ""
    approved_amount: Decimal | None = None
    currency: str = ""
    outputs: Mapping[str, Any] = {}


class ConclusionLine(msgspec.Struct, frozen=True):
    """An outcome with its reasons; `refer_kind` is empty where it is no referral."""

    outcome: Outcome
    refer_kind: str = ""
    reasons: tuple[str, ...] = ()


class CaseLine(ConclusionLine, frozen=True, kw_only=True):
    """An exported decision; fields that no judgement reads are skipped.

    `decision` and `unit` are words for decision and applicant. `override` is what the rules
    concluded where something else was decided. `loan_bad` is None where no loan is known.
    """

    decision: str
    unit: str
    product: str
    decided: datetime
    digest: str = ""
    arm: str = ""
    inputs: Mapping[str, Any] = {}
    factors: Mapping[str, Any] = {}
    providers: tuple[str, ...] = ()
    list_answers: tuple[AnswerLine, ...] = ()
    offer: CaseOffer | None = None
    override: ConclusionLine | None = None
    loan_bad: bool | None = None

    @property
    def side(self) -> Side:
        """What the rules concluded then; raises ValueError where the line does not tell it."""
        told = self.override or self
        kind = ReferKind(told.refer_kind) if told.refer_kind else None
        if told.outcome is not Outcome.APPROVE or self.offer is None:
            return Side(told.outcome, kind, codes=told.reasons)
        amount, reduced = self.offer.approved_amount, self.offer.offer_kind == OfferKind.REDUCED
        approved = None if amount is None else AmountLine(amount, self.offer.currency).money.minor
        instalment = self.offer.outputs.get("instalment")
        paid = None if instalment is None else value_of(instalment)
        minor = paid.minor if isinstance(paid, Money) else None
        return Side(told.outcome, kind, approved, minor, reduced, told.reasons)


_DECODER = msgspec.json.Decoder(CaseLine, float_hook=Decimal)


class LineBroken(ValueError):
    """A line holds no exported decision; the message says why."""


def parsed(line: bytes) -> CaseLine:
    """The decision of a line; raises LineBroken."""
    try:
        told = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LineBroken(f"the line is no exported decision ({error})") from None
    if told.decided.tzinfo is None:
        raise LineBroken("`decided` names no time zone")
    return told


def value_of(told: Any) -> Value:
    """A value as a line writes it: numbers are Decimal; raises ValueError for anything else."""
    if isinstance(told, bool | str | Decimal):
        return told
    if isinstance(told, int):
        return Decimal(told)
    if isinstance(told, dict) and "date" in told:
        return msgspec.convert(told, DayLine).date
    return msgspec.convert(told, AmountLine).money
