"""What may leave of a decision: no id, no reference, and no text that the rules do not know."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from decimal import Decimal

from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb

_DIGITS = 16
"""Hex digits of a tag: a million decisions have a pair of one tag in 1 of 37 million exports."""


def tag_of(decision_id: str) -> str:
    """A word for a decision by which it is found again from its id, and never the reverse."""
    return hashlib.sha256(decision_id.encode()).hexdigest()[:_DIGITS]


def export_key() -> bytes:
    """A secret of one export, by which applicants are told apart in it and nowhere else."""
    return secrets.token_bytes(_DIGITS)


class Texts:
    """Texts as they may leave: words of the rule file stay, any other gets a stand-in."""

    def __init__(self, ruleset: rules_pb.Ruleset) -> None:
        self._source = ruleset.source
        self._labels = {label for each in ruleset.inputs for label in each.one_of}
        self._stand_ins: dict[str, str] = {}

    def shown(self, text: str) -> str:
        """The text, or `text-1` in its place, the same text always by the same word."""
        known = text in self._labels or any(f"{q}{text}{q}" in self._source for q in "\"'")
        if known:
            return text
        return self._stand_ins.setdefault(text, f"text-{len(self._stand_ins) + 1}")


@dataclass(frozen=True, slots=True)
class Exported:
    """A decision in FULL view with the version that made it, as the server has it now.

    `ruleset` is empty where the server has that version no more, or where no rules decided. `key`
    is the export's. `loan_bad` is None where no loan is known.
    """

    decision: pb.Decision
    ruleset: rules_pb.Ruleset
    key: bytes = field(default_factory=export_key)
    loan_bad: bool | None = None

    @property
    def tag(self) -> str:
        return tag_of(self.decision.decision_id)

    @property
    def unit(self) -> str:
        """A word for the applicant, the same in one export alone."""
        digest = hmac.new(self.key, self.decision.user_id.encode(), hashlib.sha256)
        return digest.hexdigest()[:_DIGITS]

    @property
    def texts(self) -> Texts:
        """The masking of this decision's texts."""
        return Texts(self.ruleset)


def amount_text(money: MoneyMessage) -> str:
    """An amount in major units, exact, without its currency."""
    amount = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
    return f"{amount.normalize():f}"
