"""One difference between two texts that people wrote, in plain words."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

import msgspec

NOT_WRITTEN = "not written"
NO_VALUE = "no value"
_NO_TEXTS = (NOT_WRITTEN, NO_VALUE)
Key = TypeVar("Key", bound=Hashable)
_WORDS = {"min": "minimum", "max": "maximum"}


class ChangeKind(StrEnum):
    """What happened to something."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Direction(StrEnum):
    """What a change does to the fences: CHANGES where that cannot be said from its text."""

    TIGHTENS = "tightens"
    LOOSENS = "loosens"
    CHANGES = "changes"


class WrittenChange(msgspec.Struct, frozen=True):
    """One difference.

    `group` is the part of the file (`stage eligibility`), `subject` what it is about (`rule
    short_history`), `words` the rest of the sentence, `before` and `after` the texts compared.
    """

    group: str
    subject: str
    sort: ChangeKind
    words: str
    before: str = ""
    after: str = ""
    direction: Direction = Direction.CHANGES


def written_change(
    group: str, subject: str, before: str | None, after: str | None
) -> WrittenChange:
    """The change of one text; None where it is not written."""
    if before is None:
        return WrittenChange(group, subject, ChangeKind.ADDED, f"is new: {after}", "", after or "")
    if after is None:
        words = f"is gone; it was: {before}"
        return WrittenChange(group, subject, ChangeKind.REMOVED, words, before)
    words = from_to(before, after)
    return WrittenChange(group, subject, ChangeKind.CHANGED, words, before, after)


def from_to(old: str, new: str) -> str:
    """The change of a value, in quotes where it has several words."""
    return f"from {_quoted(old)} to {_quoted(new)}"


def _quoted(text: str) -> str:
    return f"`{text}`" if " " in text and text not in _NO_TEXTS else text


def reordered(
    group: str, subject: str, before: Iterable[str], after: Iterable[str]
) -> Iterator[WrittenChange]:
    """The change of order of what both sides have."""
    old, new = list(before), list(after)
    kept_old, kept_new = [k for k in old if k in new], [k for k in new if k in old]
    if kept_old != kept_new:
        words = f"in another order: {', '.join(kept_new)}"
        yield WrittenChange(
            group, subject, ChangeKind.CHANGED, words, ", ".join(kept_old), ", ".join(kept_new)
        )


def keys_of(before: Iterable[Key], after: Iterable[Key]) -> list[Key]:
    """All keys: those of the newer side in its order, then those that are gone."""
    return list(dict.fromkeys((*after, *before)))


def in_words(name: str) -> str:
    """An id as people read it: `min_income_months` is `minimum income months`."""
    return " ".join(_WORDS.get(word, word) for word in name.split("_"))
