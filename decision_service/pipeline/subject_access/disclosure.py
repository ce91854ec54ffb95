"""What an export leaves out, and why: what is of others, signals of fraud, the rules themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

import msgspec

from decision_service.domain.own_facts import OwnFacts

LEFT_OUT: Mapping[str, str] = {
    "who else uses an account, a user or a name (factors reuse.*)": "it tells of other persons",
    "own records counted together with another user of the same account (factors history.*)": (
        "they tell of that person"
    ),
    "tags that rules keep from everybody, and answers of lists": (
        "they are signals of fraud, which would be no use once they are told"
    ),
    "what a reason asks for, points of a score, steps of the rules": (
        "they are the lender's rules, and who knows their limits can arrange data to fit; the "
        "reasons, the values that they rest on and the score are told"
    ),
    "queues of reviews, notes and explanations of reviewers": (
        "they are the lender's work, and may name others; results and reasons are told"
    ),
    "reasons of reviewers that the lender keeps from everybody": (
        "they are signals of fraud, which would be no use once they are told"
    ),
    "totals of the day that a decision was made beside": "they are of all applicants",
    "keys, checksums, names of the lender's staff": "they tell nothing of the person",
}
"""What is stored of a person and told in no export, by what it is."""

_OF_OTHERS = "reuse."
_OWN_RECORDS = "history."
_SENT = "inputs."


class Disclosure(msgspec.Struct, frozen=True):
    """What a person is told of one decision; `factors` are the names of its factor values.

    `shared` says that the decision's own records count decisions of another user of an account.
    """

    factors: frozenset[str]
    shared: bool

    @classmethod
    def of(cls, factors: Iterable[str], own: OwnFacts) -> Self:
        """By the decision's factor values and its own facts."""
        return cls(
            frozenset(factors), own.reuse is not None and (own.reuse.users_of_account or 1) > 1
        )

    def tells(self, name: str) -> bool:
        """Whether the value of a factor, an input or a derived name may be told."""
        if name.startswith(_OF_OTHERS):
            return False
        if not self.shared or name.startswith(_SENT):
            return True
        return name in self.factors and not name.startswith(_OWN_RECORDS)
