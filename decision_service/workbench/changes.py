"""Differences between two texts that people wrote, found in their trees and put in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import TypeVar

import msgspec

from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode

NOT_WRITTEN = "not written"
NO_VALUE = "no value"
_NO_TEXTS = (NOT_WRITTEN, NO_VALUE)
NOTHING = MapNode((), Place("", 1, 1, 2))
_WORDS = {"min": "minimum", "max": "maximum"}
_TOKEN = re.compile(r"""\d+(?:\.\d+)?|"[^"]*"|'[^']*'|\w+(?:\.\w+)*|<=|>=|==|!=|\S""")
Alike = Callable[[Scalar, Scalar], bool]
Key = TypeVar("Key", bound=Hashable)


class ChangeKind(StrEnum):
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
    return f"from {_quoted(old)} to {_quoted(new)}"


def _quoted(text: str) -> str:
    return f"`{text}`" if " " in text and text not in _NO_TEXTS else text


def reordered(
    group: str, subject: str, before: Iterable[str], after: Iterable[str]
) -> Iterator[WrittenChange]:
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


def same_text(before: Scalar, after: Scalar) -> bool:
    """Whether two leaves say the same; numbers count by value."""
    if before.is_number and after.is_number:
        return Decimal(before.text) == Decimal(after.text)
    alike_in_kind = before.is_text == after.is_text and before.is_flag == after.is_flag
    return alike_in_kind and before.text.strip() == after.text.strip()


def same_expression(before: Scalar, after: Scalar) -> bool:
    return _TOKEN.findall(before.text) == _TOKEN.findall(after.text)


def same(before: YamlNode, after: YamlNode, alike: Alike = same_text) -> bool:
    match before, after:
        case Scalar(), Scalar():
            return alike(before, after)
        case ListNode(), ListNode():
            old, new = before.items, after.items
            return len(old) == len(new) and all(map(partial(same, alike=alike), old, new))
        case MapNode(), MapNode():
            keys = [e.key for e in before.entries]
            return keys == [e.key for e in after.entries] and all(
                same(a.value, b.value, alike)
                for a, b in zip(before.entries, after.entries, strict=True)
            )
    return False


def said(node: YamlNode | None) -> str:
    if node is None:
        return NOT_WRITTEN
    if isinstance(node, Scalar):
        return " ".join(node.text.split())
    if isinstance(node, ListNode):
        return f"[{', '.join(_inner(item) for item in node.items)}]"
    return ", ".join(f"{entry.key} {_inner(entry.value)}" for entry in node.entries)


def _inner(node: YamlNode) -> str:
    if not isinstance(node, MapNode):
        return said(node)
    keys = {entry.key for entry in node.entries}
    if keys == {"in", "points"}:
        return f"{said(node.get('in'))} gives {said(node.get('points'))} points"
    return said(node.get("en")) if keys == {"en"} else f"{{{said(node)}}}"


def as_map(node: YamlNode | None) -> MapNode:
    return node if isinstance(node, MapNode) else NOTHING


def items_by(node: YamlNode | None, key: str) -> Mapping[str, MapNode]:
    items = node.items if isinstance(node, ListNode) else ()
    found = [item for item in items if isinstance(item, MapNode)]
    return {said(item.get(key)): item for item in found}


def compared(
    group: str,
    subject: str,
    before: YamlNode | None,
    after: YamlNode | None,
    alike: Alike = same_text,
) -> Iterator[WrittenChange]:
    if before is None and after is None:
        return
    if before is None or after is None or not same(before, after, alike):
        texts = (None if node is None else said(node) for node in (before, after))
        yield written_change(group, subject, *texts)
