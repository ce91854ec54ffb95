"""What a transaction is: the first class rule whose provider, sign and words fit it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from decision_service.domain.needs import ClassRule
from decision_service.factors.tally import BUCKET_OF, UNMAPPED

_WORD = re.compile(r"[^\W_]+")

Signed = tuple[int, int, int]
"""The bucket of a zero amount, of a credit and of a debit with one description: [sign] is it."""


class Classifier(dict[str | None, Signed]):
    """The buckets of one provider's transactions by description; each is looked at once.

    A rule fits when its sign is the amount's (0 fits any) and one of its words (where it names
    any) begins a word of the description, case and punctuation aside: `withdraw` is in
    "Withdrawal", `fee` is in "fees" and not in "coffee". None is unmapped.
    """

    def __init__(self, provider_id: str, rules: Sequence[ClassRule]) -> None:
        super().__init__()
        self._rules = [
            (tuple(_spaced(word) for word in rule.words), rule)
            for rule in rules
            if fnmatchcase(provider_id, rule.provider)
        ]

    def __missing__(self, description: str | None) -> Signed:
        text = _spaced(description or "")
        found = self._first(text, 0), self._first(text, 1), self._first(text, -1)
        self[description] = found
        return found

    def _first(self, text: str, sign: int) -> int:
        for words, rule in self._rules:
            if rule.sign in (0, sign) and (not words or any(word in text for word in words)):
                return BUCKET_OF[rule.gives]
        return UNMAPPED


def _spaced(text: str) -> str:
    """The words alone, a blank before each."""
    return f" {' '.join(_WORD.findall(text.casefold()))}"
