"""Differences between two texts that people wrote: the parts of both compared, in plain words."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from math import inf
from typing import TypeVar

import msgspec

from decision_service.rules.keys import SECTIONS

NOT_WRITTEN = "not written"
NO_VALUE = "no value"
_NUMBERS = (int, float, Decimal)
_WORDS = {"min": "minimum", "max": "maximum"}
_LABELS = {key.name: key.label for section in SECTIONS for key in section.keys if key.label}
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

    @property
    def opposite(self) -> Direction:
        return _OPPOSITES.get(self, self)


_OPPOSITES = {Direction.TIGHTENS: Direction.LOOSENS, Direction.LOOSENS: Direction.TIGHTENS}


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


class Leaf(msgspec.Struct, frozen=True):
    """A value as people read it; texts of one meaning are no change."""

    text: str
    meaning: Hashable


class Part(msgspec.Struct, frozen=True):
    """What is written of one thing.

    `values` are its values by key; the empty key is that of a thing that is one text. `kind` joins
    parts whose order counts. `new` is what a further part does to the fences, `grows` what a
    greater value of a key does. `dated` are the values of a parameter by label and by the day from
    which they count.
    """

    group: str
    subject: str
    values: Mapping[str, Leaf]
    kind: str = ""
    new: Direction = Direction.CHANGES
    grows: Mapping[str, Direction] = {}
    dated: Mapping[str, Mapping[str, Leaf]] = {}


def compare_parts(
    before: Iterable[Part], after: Iterable[Part], more: Iterable[WrittenChange] = ()
) -> tuple[WrittenChange, ...]:
    """The differences, with `more` that were found elsewhere, group by group."""
    old = _by_subject(before)
    new = _by_subject(after)
    found = [change for key in keys_of(old, new) for change in _part(old.get(key), new.get(key))]
    found += [*_orders(old.values(), new.values()), *more]
    groups = list(dict.fromkeys(group for group, _ in new))
    for place, group in enumerate(dict.fromkeys(group for group, _ in old)):
        if group not in groups:
            # A group that is gone is shown where it was.
            groups.insert(place, group)
    groups = keys_of((change.group for change in found), groups)
    return tuple(sorted(found, key=lambda change: groups.index(change.group)))


def _by_subject(parts: Iterable[Part]) -> dict[tuple[str, str], Part]:
    return {(part.group, part.subject): part for part in parts}


def keys_of(before: Iterable[Key], after: Iterable[Key]) -> list[Key]:
    """All keys: those of the newer side in its order, then those that are gone."""
    return list(dict.fromkeys((*after, *before)))


def named(name: str) -> str:
    """An id as people read it, with the id where that differs."""
    words = in_words(name)
    return words if words == name else f"{words} ({name})"


def in_words(name: str) -> str:
    """`min_income_months` is `minimum income months`."""
    return " ".join(_WORDS.get(word, word) for word in name.split("_"))


def from_to(old: str, new: str) -> str:
    return f"from {_quoted(old)} to {_quoted(new)}"


def _quoted(text: str) -> str:
    return f"`{text}`" if " " in text and text not in (NOT_WRITTEN, NO_VALUE) else text


def _part(before: Part | None, after: Part | None) -> Iterator[WrittenChange]:
    if before is None or after is None:
        yield from (_presence(part, is_new=before is None) for part in (before, after) if part)
        return
    for key in keys_of(before.values, after.values):
        old = before.values.get(key)
        new = after.values.get(key)
        if (old and old.meaning) != (new and new.meaning):
            yield _value(after, key, old, after=new)
    for label in keys_of(before.dated, after.dated):
        subject = f"{after.subject} of {label}" if label else after.subject
        steps = before.dated.get(label, {}), after.dated.get(label, {})
        yield from _steps(after.group, subject, *steps)


def _presence(part: Part, *, is_new: bool) -> WrittenChange:
    whole = ", ".join(f"{_label(key)} {one.text}".strip() for key, one in part.values.items())
    if is_new:
        words = f"is new: {whole}" if whole else "is new"
        return WrittenChange(
            part.group,
            part.subject,
            ChangeKind.ADDED,
            words=words,
            before="",
            after=whole,
            direction=part.new,
        )
    words = f"is gone; it was: {whole}" if whole else "is gone"
    return WrittenChange(
        part.group,
        part.subject,
        ChangeKind.REMOVED,
        words=words,
        before=whole,
        after="",
        direction=part.new.opposite,
    )


def _value(part: Part, key: str, before: Leaf | None, after: Leaf | None) -> WrittenChange:
    kind = ChangeKind.CHANGED
    if before is None or after is None:
        kind = ChangeKind.ADDED if before is None else ChangeKind.REMOVED
    old = before.text if before else ""
    new = after.text if after else ""
    subject = f"{part.subject}: {_label(key)}" if key else part.subject
    words = from_to(old or NOT_WRITTEN, new or NOT_WRITTEN)
    direction = _effect(before, after, part.grows.get(key, Direction.CHANGES))
    return WrittenChange(
        part.group, subject, kind, words=words, before=old, after=new, direction=direction
    )


def _effect(before: Leaf | None, after: Leaf | None, grows: Direction) -> Direction:
    """What a changed value does where a greater one `grows`; a value that is no number CHANGES."""
    # Without a value there is no bound; of what holds back, no time to wait.
    unwritten = inf if grows is Direction.LOOSENS else 0
    old = unwritten if before is None else before.meaning
    new = unwritten if after is None else after.meaning
    if not isinstance(old, _NUMBERS) or not isinstance(new, _NUMBERS):
        return Direction.CHANGES
    return grows if new > old else grows.opposite


def _label(key: str) -> str:
    return _LABELS.get(key, in_words(key))


def _steps(
    group: str, subject: str, before: Mapping[str, Leaf], after: Mapping[str, Leaf]
) -> Iterator[WrittenChange]:
    """What is in force otherwise, from each day on from which it is."""
    shown = ("", "")
    days = sorted({*before, *after})
    for day in days:
        old = _in_force(before, day)
        new = _in_force(after, day)
        texts = (old.text if old else NO_VALUE, new.text if new else NO_VALUE)
        # A difference that goes on is said once, on the day on which it begins.
        if texts != shown and (old and old.meaning) != (new and new.meaning):
            when = f" on {day}" if day else f" before {days[1]}" if len(days) > 1 else ""
            words = f"{from_to(*texts)}{when}"
            yield WrittenChange(
                group,
                subject,
                ChangeKind.CHANGED,
                words=words,
                before=texts[0],
                after=texts[1],
            )
        shown = texts


def _in_force(values: Mapping[str, Leaf], day: str) -> Leaf | None:
    # Days of ISO 8601 sort as texts, and the empty one, which is always, before all.
    begun = [start for start in values if start <= day]
    return values[begun[-1]] if begun else None


def _orders(before: Iterable[Part], after: Iterable[Part]) -> Iterator[WrittenChange]:
    old = _ordered(before)
    new = _ordered(after)
    for group, kind in (one for one in new if one in old):
        was = old[group, kind]
        now = new[group, kind]
        first = [one for one in was if one in now]
        second = [one for one in now if one in was]
        if first != second:
            order = ", ".join(second)
            yield WrittenChange(
                group,
                f"the {kind} are",
                ChangeKind.CHANGED,
                words=f"in another order: {order}",
                before=", ".join(first),
                after=order,
            )


def _ordered(parts: Iterable[Part]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for part in parts:
        if part.kind:
            found.setdefault((part.group, part.kind), []).append(part.subject)
    return found
