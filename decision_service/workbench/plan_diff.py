"""Differences between two rollout plans, one a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from math import inf

import msgspec
from msgspec.structs import replace

from decision_service.domain.reviews import ReviewPolicy, ReviewQueue
from decision_service.rollout.keys import DESK
from decision_service.rollout.model import (
    Challenger,
    GoLive,
    Guardrail,
    Plan,
    Stages,
    Versions,
)
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


def values_of(**given: str | int | None) -> dict[str, str]:
    """The texts of those that say anything; 0 and an empty text are nothing written."""
    return {key: str(value) for key, value in given.items() if value}


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
        yield PlanEntry("review", f"queue {queue.name}", _queue(queue), "queues")
    if review.authority is not None:
        limits = values_of(
            review=digits_of(review.authority.review),
            review_second=digits_of(review.authority.review_second),
        )
        yield PlanEntry("review", "the authority", limits)
    for reason in review.reasons:
        values = {"": reason.text}
        values |= {
            f"letter_in_{language}": text for language, text in sorted(reason.letter.items())
        }
        values |= values_of(told=None if reason.is_told else "nobody")
        yield PlanEntry("review", f"reason {reason.code}", values, "reasons")
    yield single("review", "contest_sla", length_of(review.contest_sla))


def _queue(queue: ReviewQueue) -> dict[str, str]:
    return values_of(
        sla=length_of(queue.sla),
        kinds=", ".join(sorted(queue.kinds)),
        tags=", ".join(sorted(queue.tags)),
        reasons=", ".join(sorted(queue.reasons)),
        min_amount=digits_of(queue.min_amount),
        max_amount=digits_of(queue.max_amount),
    )


def entries_of(plan: Plan) -> Iterator[PlanEntry]:
    """Everything that the digest of a plan covers but its product and lists of units."""
    yield single("plan", "unit", plan.unit)
    yield single("plan", "pin_for", length_of(plan.pin_for))
    if plan.second_person_above is not None:
        yield single("plan", "second_person_above", percent_of(plan.second_person_above))
    yield from _go_live(plan.go_live)
    yield from _versions(plan.versions)
    for cap in plan.caps:
        values = values_of(
            tier=cap.tier,
            arm=cap.arm,
            approvals_per_day=cap.approvals,
            amount_per_day=digits_of(cap.amount),
            max_amount=digits_of(cap.max_amount),
        )
        yield PlanEntry("caps", f"cap {cap.name}", values, "caps")
    for guardrail in plan.guardrails:
        yield _guardrail(guardrail)
    if plan.review is not None:
        yield from review_entries(plan.review)


def _go_live(go_live: GoLive) -> Iterator[PlanEntry]:
    yield single("go-live", "salt", go_live.salt)
    for segment in go_live.segments:
        values = values_of(when=segment.condition.text, percent=percent_of(segment.percent))
        yield PlanEntry("go-live", f"segment {segment.name}", values, "segments")
    yield from _stages("go-live", go_live.stages)
    yield single("go-live", "advance", go_live.advance)


def _stages(group: str, stages: Stages) -> Iterator[PlanEntry]:
    for stage in stages.steps:
        values = values_of(
            percent=percent_of(stage.percent),
            hold=length_of(stage.hold),
            min_decisions=stage.min_decisions,
        )
        yield PlanEntry(group, f"stage {stage.name}", values, "stages")
    yield single(group, "initial_stage", stages.initial)


def _versions(versions: Versions) -> Iterator[PlanEntry]:
    yield PlanEntry("versions", "the champion", {"": f"v{versions.champion}"})
    for shadow in versions.shadow:
        values = values_of(percent=percent_of(shadow.percent))
        yield PlanEntry("versions", f"shadow v{shadow.version}", values, "shadows")
    if versions.challenger:
        yield from _challenger(versions.challenger)


def _challenger(challenger: Challenger) -> Iterator[PlanEntry]:
    yield PlanEntry("challenger", "the challenger", {"": f"v{challenger.version}"})
    yield single("challenger", "salt", challenger.salt)
    yield from _stages("challenger", challenger.stages)
    for metric, expected in challenger.expect.items():
        values = values_of(change=digits_of(expected.change), within=digits_of(expected.within))
        yield PlanEntry("challenger", f"the expected {in_words(metric)} ({metric})", values)


def _guardrail(guardrail: Guardrail) -> PlanEntry:
    tested, ceiling = {"versus": "champion"}, guardrail.ceiling
    if ceiling is not None:
        window = length_of(ceiling.window or timedelta(0))
        tested = values_of(max=digits_of(ceiling.maximum), window=window)
    values = values_of(
        metric=guardrail.metric,
        scope=guardrail.scope,
        **tested,
        min_units=guardrail.min_units,
        action=guardrail.action,
    )
    return PlanEntry("guardrails", f"guardrail {guardrail.name}", values, "guardrails")


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
