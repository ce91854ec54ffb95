"""What a transaction is: the first class rule whose provider, sign and words fit it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from decision_service.domain.needs import ClassRule, TransactionClass
from decision_service.factors.tally import BUCKET_OF, REPAID, UNMAPPED

_WORD = re.compile(r"[^\W_]+")

Signed = tuple[int, int, int]
"""The bucket of a zero amount, of a credit and of a debit with one description: [sign] is it."""

Phrase = tuple[str, str]
"""What a rule looks for: its first word, by which most texts are told, and all with blanks."""


class Classifier:
    """The buckets of one provider's transactions by what their descriptions say.

    A rule fits when its sign is the amount's (0 fits any) and one of its words (where it names
    any) begins a word of the description, case and punctuation aside: `withdraw` is in
    "Withdrawal", `fee` is in "fees" and not in "coffee". None is unmapped.
    """

    def __init__(self, provider_id: str, rules: Sequence[ClassRule]) -> None:
        fitting = [rule for rule in rules if _fits(provider_id, rule.provider)]
        self._rules = [(_phrases_of(rule.words), rule) for rule in fitting]
        self._phrases = tuple({phrase: None for phrases, _ in self._rules for phrase in phrases})
        self._signed: dict[tuple[str, ...], Signed] = {}

    def signed(self, description: str | None) -> Signed:
        """The buckets of a description; equal where descriptions are classed alike."""
        text = f" {(description or '').casefold()}"
        said = tuple([p for start, p in self._phrases if start in text and _says(text, start, p)])
        found = self._signed.get(said)
        if found is None:
            found = self._first(said, 0), self._first(said, 1), self._first(said, -1)
            self._signed[said] = found
        return found

    def _first(self, said: Sequence[str], sign: int) -> int:
        for phrases, rule in self._rules:
            if rule.sign in (0, sign) and any(phrase in said for _, phrase in phrases):
                repaid = rule.gives is TransactionClass.LOAN and sign < 0
                return REPAID if repaid else BUCKET_OF[rule.gives]
        return UNMAPPED


@lru_cache(maxsize=4096)
def _fits(provider_id: str, glob: str) -> bool:
    return fnmatchcase(provider_id, glob)


@lru_cache(maxsize=1024)
def _phrases_of(words: tuple[str, ...]) -> Sequence[Phrase]:
    """What a rule looks for; one without words finds its empty phrase in every text."""
    return tuple(map(_phrase, words or ("",)))


def _phrase(word: str) -> Phrase:
    words = _WORD.findall(word.casefold()) or [""]
    return words[0], _spaced(words)


def _says(text: str, start: str, phrase: str) -> bool:
    """Whether a phrase, whose first word is somewhere in the text, begins a word of it."""
    if phrase in text:
        return True
    if len(phrase) > len(start) + 1:
        return phrase in _spaced(_WORD.findall(text))
    return any(not text[at - 1].isalnum() for at in _places(text, start))


def _places(text: str, start: str) -> Iterator[int]:
    at = text.find(start)
    while at >= 0:
        yield at
        at = text.find(start, at + 1)


def _spaced(words: Sequence[str]) -> str:
    """The words with a blank before each."""
    return f" {' '.join(words)}"
