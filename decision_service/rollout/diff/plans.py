"""Compares two plans: everything in which they differ, in the order of the newer one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from math import inf

from msgspec.structs import replace

from decision_service.language.changes import (
    NOT_WRITTEN,
    ChangeKind,
    Direction,
    WrittenChange,
    from_to,
    in_words,
    keys_of,
    reordered,
    written_change,
)
from decision_service.rollout.diff.entries import entries_of
from decision_service.rollout.diff.entry import LENGTHS, PlanEntry
from decision_service.rollout.model import Plan

LONGEST_LIST = 5
"""Units that are named in a sentence; the rest is counted."""

_LABELS = {"when": "the condition"}
_Entries = Mapping[tuple[str, str], PlanEntry]


def compare_plans(before: Plan | None, after: Plan | None) -> tuple[WrittenChange, ...]:
    """The differences, none if and only if the digests are equal.

    A plan that is new is told whole, one that is gone in a sentence.
    """
    if before is not None and after is None:
        return (WrittenChange("plan", "the plan", ChangeKind.REMOVED, "is gone"),)
    found = [*_changed(_entries(before), _entries(after)), *_units(before, after)]
    groups = keys_of((), (change.group for change in found))
    return tuple(sorted(found, key=lambda change: groups.index(change.group)))


def _entries(plan: Plan | None) -> _Entries:
    """The entries by their group and subject."""
    found = () if plan is None else entries_of(plan)
    return {(entry.group, entry.subject): entry for entry in found}


def _changed(before: _Entries, after: _Entries) -> Iterator[WrittenChange]:
    for key in keys_of(before, after):
        yield from _entry(before.get(key), after.get(key))
    yield from _order(before.values(), after.values())


def _entry(before: PlanEntry | None, after: PlanEntry | None) -> Iterator[WrittenChange]:
    entry = after or before
    assert entry is not None  # noqa: S101 - a key of one of the sides
    if before is None or after is None:
        old, new = (None if one is None else _whole(one) for one in (before, after))
        written = written_change(entry.group, entry.subject, old, new)
        yield replace(written, direction=_of_presence(entry, is_new=before is None))
        return
    for key in keys_of(before.values, after.values):
        first, second = before.values.get(key), after.values.get(key)
        if first != second:
            yield _written(entry, key, first, second)


def _written(entry: PlanEntry, key: str, before: str | None, after: str | None) -> WrittenChange:
    """The change of one key, from or to `not written` where a side has it not."""
    kind = ChangeKind.CHANGED
    if before is None or after is None:
        kind = ChangeKind.ADDED if before is None else ChangeKind.REMOVED
    old, new = before or NOT_WRITTEN, after or NOT_WRITTEN
    subject = f"{entry.subject}: {_label(key)}" if key else entry.subject
    which = _of_value(entry, key, before, after)
    words = from_to(old, new)
    return WrittenChange(entry.group, subject, kind, words, before or "", after or "", which)


_BINDS = frozenset({"caps", "guardrails", "queues"})
_MORE_LOOSENS = re.compile(
    r"percent|max|min_units|within|review|review_second|sla|.*(max_amount|_per_day)\)?"
    r"|.*\((second_person_above|contest_sla)\)"
)
_MORE_TIGHTENS = re.compile(r"hold|min_decisions|alpha")
_NUMBER = re.compile(r"(-?[\d.]+)([dhms]?)")


def _of_presence(entry: PlanEntry, *, is_new: bool) -> Direction:
    """The direction of an entry that is new or gone."""
    binds = entry.kind in _BINDS or ("" in entry.values and _is_bound(entry.subject))
    if not binds and entry.kind != "segments":
        return Direction.CHANGES
    return Direction.TIGHTENS if binds is is_new else Direction.LOOSENS


def _of_value(entry: PlanEntry, key: str, before: str | None, after: str | None) -> Direction:
    """The direction of a value; without one there is no bound, of a stage no time to wait."""
    name = key or entry.subject
    grows = _is_bound(name)
    aside = entry.kind == "shadows" or (entry.kind == "queues" and key != "sla")
    if aside or not (grows or _MORE_TIGHTENS.fullmatch(name)):
        return Direction.CHANGES
    unwritten = inf if grows and name != "percent" else 0
    old, new = (unwritten if text is None else _size(text) for text in (before, after))
    return Direction.LOOSENS if (new > old) is grows else Direction.TIGHTENS


def _is_bound(name: str) -> bool:
    return bool(_MORE_LOOSENS.fullmatch(name))


def _size(text: str) -> float:
    """A number, or a length in seconds."""
    found = _NUMBER.fullmatch(text)
    return float(found[1]) * dict(LENGTHS, **{"": 1})[found[2]] if found else inf


def _label(key: str) -> str:
    return _LABELS.get(key, in_words(key))


def _whole(entry: PlanEntry) -> str:
    return ", ".join(f"{_label(key)} {text}".strip() for key, text in entry.values.items() if text)


def _order(before: Iterable[PlanEntry], after: Iterable[PlanEntry]) -> Iterator[WrittenChange]:
    """The changes of order of stages, segments, shadows, caps, guardrails, queues and reasons."""
    old, new = _ordered(before), _ordered(after)
    for group, kind in keys_of(old, new):
        sides = (side.get((group, kind), ()) for side in (old, new))
        yield from reordered(group, f"the {kind} are", *sides)


def _ordered(entries: Iterable[PlanEntry]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if entry.kind:
            found.setdefault((entry.group, entry.kind), []).append(entry.subject)
    return found


def _units(before: Plan | None, after: Plan | None) -> Iterator[WrittenChange]:
    """The changes of who is always in and who never."""
    for name in ("allow", "deny"):
        old, new = (
            frozenset[str]() if plan is None else getattr(plan.go_live, name)
            for plan in (before, after)
        )
        yield from _joined(name, sorted(new - old), ChangeKind.ADDED)
        yield from _joined(name, sorted(old - new), ChangeKind.REMOVED)


def _joined(name: str, units: list[str], kind: ChangeKind) -> Iterator[WrittenChange]:
    if not units:
        return
    more = len(units) - LONGEST_LIST
    named = ", ".join(units[:LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")
    count = f"{len(units)} unit{'' if len(units) == 1 else 's'}"
    whole, added = ", ".join(units), kind is ChangeKind.ADDED
    words = f"has {count} more: {named}" if added else f"has {count} fewer: {named}"
    sides = ("", whole) if added else (whole, "")
    which = Direction.LOOSENS if added is (name == "allow") else Direction.TIGHTENS
    yield WrittenChange("go-live", name, kind, words, *sides, which)
