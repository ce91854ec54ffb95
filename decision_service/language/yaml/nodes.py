"""The tree a YAML text becomes: maps, lists and scalars, each knowing where it stands."""

from __future__ import annotations

import re

import msgspec

from decision_service.language.diagnostics import Place

MOST_DIGITS = 34

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")


class Comment(msgspec.Struct, frozen=True):
    """A comment that follows a leaf on its line: the text after `#`, and where the `#` stands."""

    text: str
    place: Place


class Scalar(msgspec.Struct, frozen=True):
    """A leaf: its `text` as YAML reads it, and whether it stood without quotes (`plain`).

    `verbatim` says that the text is the source within the place, so that a position in the text is
    a column in the file. `torn` marks one whose fault is reported already: readers pass over it.
    """

    text: str
    plain: bool
    place: Place
    verbatim: bool = True
    torn: bool = False
    comment: Comment | None = None

    def at(self, start: int, end: int) -> Place:
        """The place of characters `start` to `end` of the text, as exact as the source allows."""
        return self.place.part(start, end) if self.verbatim else self.place

    @property
    def empty(self) -> bool:
        """Whether nothing was written (`key:` with no value)."""
        return self.plain and not self.text

    @property
    def is_integer(self) -> bool:
        """Whether it is a plain whole number of at most 34 significant digits."""
        return self.plain and few_digits(self.text) and bool(_INTEGER.fullmatch(self.text))

    @property
    def is_number(self) -> bool:
        """Whether it is a plain decimal number, whole or not, of at most 34 significant digits."""
        if not (self.plain and few_digits(self.text)):
            return False
        return bool(_INTEGER.fullmatch(self.text) or _DECIMAL.fullmatch(self.text))

    @property
    def is_flag(self) -> bool:
        """Whether it is a plain `true` or `false`."""
        return self.plain and self.text in ("true", "false")

    @property
    def is_text(self) -> bool:
        """Whether it is neither empty, a number nor a flag."""
        return not (self.empty or self.is_number or self.is_flag)


def few_digits(text: str) -> bool:
    """Whether a number has at most 34 significant digits, and few zeros before them.

    34 digits are what arithmetic keeps, so that every result can be written into a file.
    """
    significant = sum(c.isdigit() for c in text.lstrip("-0."))
    return significant <= MOST_DIGITS and len(text) <= 2 * MOST_DIGITS


class MapEntry(msgspec.Struct, frozen=True):
    """One key of a map with its value."""

    key: str
    key_place: Place
    value: YamlNode


class MapNode(msgspec.Struct, frozen=True):
    """A map in file order; keys are unique. The place is its first key or its brace."""

    entries: tuple[MapEntry, ...]
    place: Place

    def get(self, key: str) -> YamlNode | None:
        """The value of a key, None where there is no such key."""
        return next((e.value for e in self.entries if e.key == key), None)

    def key_place(self, key: str) -> Place:
        """A key's place; the map's own place where the key is absent."""
        return next((e.key_place for e in self.entries if e.key == key), self.place)


class ListNode(msgspec.Struct, frozen=True):
    """A list in file order; the place is its first dash or its bracket."""

    items: tuple[YamlNode, ...]
    place: Place


YamlNode = Scalar | MapNode | ListNode
