"""Differences between two rollout plans, one a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from math import inf
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from decision_service.domain.reviews import ReviewPolicy
from decision_service.rollout.keys import DESK
from decision_service.rollout.model import GoLive, Plan, Stages, Versions
from decision_service.rules.language.evaluation import Formula
from decision_service.workbench.changes import (
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

LONGEST_LIST = 5
"""Units that are named in a sentence; the rest is counted."""

LENGTHS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LABELS = {"when": "the condition"}
_KEYS = {
    "approvals": "approvals_per_day",
    "amount": "amount_per_day",
    "maximum": "max",
    "condition": "when",
}
"""Keys of a plan whose names in the code are others."""
_BINDS = frozenset({"caps", "guardrails", "queues"})
_MORE_LOOSENS = re.compile(
    r"percent|max|min_units|within|review|review_second|sla|.*(max_amount|_per_day)\)?"
    r"|.*\((second_person_above|contest_sla)\)"
)
_MORE_TIGHTENS = re.compile(r"hold|min_decisions")
_NUMBER = re.compile(r"(-?[\d.]+)([dhms]?)")


class PlanEntry(msgspec.Struct, frozen=True):
    """What a plan says of one thing.

    `kind` joins entries whose order counts, empty where it does not. `values` has a text for each
    key; the empty key is that of an entry that is one text.
    """

    group: str
    subject: str
    values: Mapping[str, str]
    kind: str = ""


_Entries = Mapping[tuple[str, str], PlanEntry]


def single(group: str, key: str, text: str) -> PlanEntry:
    words = in_words(key)
    return PlanEntry(group, words if words == key else f"{words} ({key})", {"": text})


def values_of(part: msgspec.Struct) -> dict[str, str]:
    """The text of each key of a part that says anything, but its name."""
    found: dict[str, str] = {}
    for name, value in asdict(part).items():
        if name == "ceiling":
            found |= {"compares with": "champion"} if value is None else values_of(value)
        elif text := percent_of(value) if name == "percent" else _text(value):
            found[_KEYS.get(name, name)] = text
    return {key: text for key, text in found.items() if key != "name"}


def _text(value: Any) -> str:
    """0 and an empty text are nothing written."""
    match value:
        case Decimal():
            return digits_of(value)
        case timedelta():
            return length_of(value)
        case Formula():
            return value.text
        case frozenset():
            return ", ".join(sorted(value))
    return str(value) if value else ""


def percent_of(share: int) -> str:
    """Thousandths of a percent as a percentage."""
    return digits_of(Decimal(share) / 1000)


def digits_of(number: Decimal | None) -> str:
    """A number without exponent and trailing zeros; empty for none."""
    return "" if number is None else f"{number.normalize():f}"


def length_of(length: timedelta) -> str:
    """A length in the largest unit that leaves no rest: `14d`, `36h`; empty for none."""
    seconds = int(length.total_seconds())
    unit, size = next(one for one in LENGTHS.items() if seconds % one[1] == 0)
    return f"{seconds // size}{unit}" if seconds else ""


def review_entries(review: ReviewPolicy) -> Iterator[PlanEntry]:
    for queue in review.queues:
        yield PlanEntry("review", f"queue {queue.name}", values_of(queue), "queues")
    if review.authority is not None:
        yield PlanEntry("review", "the authority", values_of(review.authority))
    for reason in review.reasons:
        letter = {f"letter_in_{one}": text for one, text in sorted(reason.letter.items())}
        told = {} if reason.is_told else {"told": "nobody"}
        values = {"": reason.text} | letter | told
        yield PlanEntry("review", f"reason {reason.code}", values, "reasons")
    yield single("review", "contest_sla", length_of(review.contest_sla))


def entries_of(plan: Plan) -> Iterator[PlanEntry]:
    """Everything that the digest of a plan covers but its product and lists of units."""
    yield single("plan", "unit", plan.unit)
    yield single("plan", "pin_for", length_of(plan.pin_for))
    if plan.second_person_above is not None:
        yield single("plan", "second_person_above", percent_of(plan.second_person_above))
    yield from _go_live(plan.go_live)
    yield from _versions(plan.versions)
    for cap in plan.caps:
        yield PlanEntry("caps", f"cap {cap.name}", values_of(cap), "caps")
    for guardrail in plan.guardrails:
        name = f"guardrail {guardrail.name}"
        yield PlanEntry("guardrails", name, values_of(guardrail), "guardrails")
    if plan.review is not None:
        yield from review_entries(plan.review)


def _go_live(go_live: GoLive) -> Iterator[PlanEntry]:
    yield single("go-live", "salt", go_live.salt)
    for segment in go_live.segments:
        yield PlanEntry("go-live", f"segment {segment.name}", values_of(segment), "segments")
    yield from _stages("go-live", go_live.stages)
    yield single("go-live", "advance", go_live.advance)


def _stages(group: str, stages: Stages) -> Iterator[PlanEntry]:
    for stage in stages.steps:
        yield PlanEntry(group, f"stage {stage.name}", values_of(stage), "stages")
    yield single(group, "initial_stage", stages.initial)


def _versions(versions: Versions) -> Iterator[PlanEntry]:
    yield PlanEntry("versions", "the champion", {"": f"v{versions.champion}"})
    for shadow in versions.shadow:
        share = {"percent": percent_of(shadow.percent)}
        yield PlanEntry("versions", f"shadow v{shadow.version}", share, "shadows")
    challenger = versions.challenger
    if challenger is None:
        return
    yield PlanEntry("challenger", "the challenger", {"": f"v{challenger.version}"})
    yield single("challenger", "salt", challenger.salt)
    yield from _stages("challenger", challenger.stages)
    for metric, expected in challenger.expect.items():
        name = f"the expected {in_words(metric)} ({metric})"
        yield PlanEntry("challenger", name, values_of(expected))


def file_of(change: WrittenChange) -> str:
    """The file of the product that has the changed value."""
    return DESK if change.group == "review" else "rollout.yaml"


def compare_plans(before: Plan | None, after: Plan | None) -> tuple[WrittenChange, ...]:
    """The differences, none if and only if the digests are equal; a plan that is gone is one."""
    if before is not None and after is None:
        return (WrittenChange("plan", "the plan", ChangeKind.REMOVED, "is gone"),)
    sides = (() if plan is None else entries_of(plan) for plan in (before, after))
    old, new = ({(entry.group, entry.subject): entry for entry in side} for side in sides)
    found = [*_changed(old, new), *_units(before, after)]
    groups = keys_of((), (change.group for change in found))
    return tuple(sorted(found, key=lambda change: groups.index(change.group)))


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
    kind = ChangeKind.CHANGED
    if before is None or after is None:
        kind = ChangeKind.ADDED if before is None else ChangeKind.REMOVED
    old, new = before or NOT_WRITTEN, after or NOT_WRITTEN
    subject = f"{entry.subject}: {_label(key)}" if key else entry.subject
    which = _of_value(entry, key, before, after)
    words = from_to(old, new)
    return WrittenChange(entry.group, subject, kind, words, before or "", after or "", which)


def _of_presence(entry: PlanEntry, *, is_new: bool) -> Direction:
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
    found = _NUMBER.fullmatch(text)
    return float(found[1]) * dict(LENGTHS, **{"": 1})[found[2]] if found else inf


def _label(key: str) -> str:
    return _LABELS.get(key, in_words(key))


def _whole(entry: PlanEntry) -> str:
    return ", ".join(f"{_label(key)} {text}".strip() for key, text in entry.values.items() if text)


def _order(before: Iterable[PlanEntry], after: Iterable[PlanEntry]) -> Iterator[WrittenChange]:
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
