"""Two rollout plans compared, desks included: everything that differs, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from decision_service.domain.reviews import ReviewPolicy
from decision_service.rollout.keys import DESK, OVERTAKEN
from decision_service.rollout.model import GoLive, Plan, Stages, Versions
from decision_service.rulebook.changes import (
    ChangeKind,
    Direction,
    Leaf,
    Part,
    WrittenChange,
    compare_parts,
    named,
)
from decision_service.rules.language.evaluation import Formula

LONGEST_LIST = 5
"""Units that are named in a sentence; the rest is counted."""

_LENGTHS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_KEYS = {
    "approvals": "approvals_per_day",
    "amount": "amount_per_day",
    "maximum": "max",
    "condition": "when",
}
"""Keys of a plan whose names in the code are others."""

_WIDER = (
    *("", "percent", "max", "min_units", "review", "review_second", "sla"),
    *("approvals_per_day", "amount_per_day", "max_amount"),
)
_GROWS = {
    **dict.fromkeys(_WIDER, Direction.LOOSENS),
    **dict.fromkeys(("hold", "min_decisions"), Direction.TIGHTENS),
}
"""What a greater value does to the fences."""

_BAND = {"min": Direction.TIGHTENS, "max": Direction.LOOSENS}


def compare_plans(before: Plan | None, after: Plan | None) -> tuple[WrittenChange, ...]:
    """The differences, none if and only if the digests are equal; a plan that is gone is one."""
    if before is not None and after is None:
        return (WrittenChange("plan", "the plan", ChangeKind.REMOVED, words="is gone"),)
    old = () if before is None else _parts_of_plan(before)
    new = () if after is None else _parts_of_plan(after)
    return compare_parts(old, new, _units(before, after))


def file_of(change: WrittenChange) -> str:
    """The file of the product that has the changed value."""
    return DESK if change.group == "review" else "rollout.yaml"


def _parts_of_plan(plan: Plan) -> Iterator[Part]:
    """Everything that the digest of a plan covers but its product and lists of units."""
    yield _alone("plan", named("unit"), plan.unit)
    yield _alone("plan", named("pin_for"), plan.pin_for)
    if (share := plan.second_person_above) is not None:
        part = Part("plan", named("second_person_above"), {"": _percent(share)}, grows=_GROWS)
        # Without it one person may go to any share.
        yield replace(part, new=Direction.TIGHTENS)
    yield from _go_live(plan.go_live)
    yield from _versions(plan.versions)
    for cap in plan.caps:
        yield _bound("caps", f"cap {cap.name}", cap, kind="caps")
    for guardrail in plan.guardrails:
        yield _bound("guardrails", f"guardrail {guardrail.name}", guardrail, kind="guardrails")
    if plan.review is not None:
        yield from _review(plan.review)


def _alone(group: str, subject: str, value: Any) -> Part:
    return Part(group, subject, {"": _leaf_of(value)})


def _bound(group: str, subject: str, part: msgspec.Struct, kind: str) -> Part:
    return Part(group, subject, _values_of(part), kind=kind, new=Direction.TIGHTENS, grows=_GROWS)


def _values_of(part: msgspec.Struct) -> dict[str, Leaf]:
    """The value of each key of a part that says anything, but its name."""
    found: dict[str, Leaf] = {}
    for name, value in asdict(part).items():
        if name == "ceiling":
            found |= {"compares with": _leaf_of("champion")} if value is None else _values_of(value)
        elif name == "percent":
            found[name] = _percent(value)
        # What is not set is not written, so that a new key of plans is no change of an old one.
        elif name != "name" and value:
            found[_KEYS.get(name, name)] = _leaf_of(value)
    return found


def _percent(share: int) -> Leaf:
    """Thousandths of a percent as a percentage."""
    return _leaf_of(Decimal(share) / 1000)


def _leaf_of(value: Any) -> Leaf:
    match value:
        case Decimal():
            return Leaf(f"{value.normalize():f}", value)
        case timedelta():
            seconds = int(value.total_seconds())
            # The largest unit that divides it, as people write it: 1d, and not 24h.
            unit, size = next(one for one in _LENGTHS.items() if seconds % one[1] == 0)
            return Leaf(f"{seconds // size}{unit}", seconds)
        case Formula():
            return Leaf(value.text, value.text)
        case frozenset():
            return Leaf(", ".join(sorted(value)), value)
    return Leaf(str(value), value)


def _go_live(go_live: GoLive) -> Iterator[Part]:
    yield _alone("go-live", "salt", go_live.salt)
    for segment in go_live.segments:
        values = _values_of(segment)
        name = f"segment {segment.name}"
        yield Part("go-live", name, values, kind="segments", new=Direction.LOOSENS, grows=_GROWS)
    yield from _stages("go-live", go_live.stages)
    yield _alone("go-live", "advance", go_live.advance)


def _stages(group: str, stages: Stages) -> Iterator[Part]:
    for stage in stages.steps:
        yield Part(group, f"stage {stage.name}", _values_of(stage), kind="stages", grows=_GROWS)
    yield _alone(group, named("initial_stage"), stages.initial)


def _versions(versions: Versions) -> Iterator[Part]:
    yield _alone("versions", "the champion", f"v{versions.champion}")
    for shadow in versions.shadow:
        values = {"percent": _percent(shadow.percent)}
        yield Part("versions", f"shadow v{shadow.version}", values, kind="shadows")
    challenger = versions.challenger
    if challenger is None:
        return
    yield _alone("challenger", "the challenger", f"v{challenger.version}")
    yield _alone("challenger", "salt", challenger.salt)
    yield from _stages("challenger", challenger.stages)
    for metric, expected in challenger.expect.items():
        name = f"the expected {named(metric)}"
        low = expected.change - expected.within
        high = expected.change + expected.within
        bounds = {"min": _leaf_of(low), "max": _leaf_of(high)}
        yield Part("challenger", name, bounds, grows=_BAND)


def _review(review: ReviewPolicy) -> Iterator[Part]:
    for queue in review.queues:
        part = _bound("review", f"queue {queue.name}", queue, kind="queues")
        yield replace(part, grows={"sla": Direction.LOOSENS})
    if review.authority is not None:
        yield Part("review", "the authority", _values_of(review.authority), grows=_GROWS)
    for reason in review.reasons:
        letter = {f"letter_in_{one}": _leaf_of(text) for one, text in sorted(reason.letter.items())}
        told = {} if reason.is_told else {"told": _leaf_of("nobody")}
        outcome = OVERTAKEN if reason.overtaken else reason.outcome
        only = {} if outcome is None else {"outcome": _leaf_of(outcome)}
        values = {"": _leaf_of(reason.text)} | letter | told | only
        yield Part("review", f"reason {reason.code}", values, kind="reasons")
    yield replace(_alone("review", named("contest_sla"), review.contest_sla), grows=_GROWS)
    if review.withdraw_within:
        part = _alone("review", named("withdraw_within"), review.withdraw_within)
        # Without it a slip is final at once.
        yield replace(part, new=Direction.TIGHTENS, grows={"": Direction.TIGHTENS})


def _units(before: Plan | None, after: Plan | None) -> Iterator[WrittenChange]:
    for name in ("allow", "deny"):
        old = _listed(before, name)
        new = _listed(after, name)
        yield from _joined(name, sorted(new - old), ChangeKind.ADDED)
        yield from _joined(name, sorted(old - new), ChangeKind.REMOVED)


def _listed(plan: Plan | None, name: str) -> frozenset[str]:
    return frozenset() if plan is None else getattr(plan.go_live, name)


def _joined(name: str, units: list[str], kind: ChangeKind) -> Iterator[WrittenChange]:
    if not units:
        return
    more = len(units) - LONGEST_LIST
    listed = ", ".join(units[:LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")
    count = f"{len(units)} unit{'' if len(units) == 1 else 's'}"
    whole = ", ".join(units)
    added = kind is ChangeKind.ADDED
    words = f"has {count} {'more' if added else 'fewer'}: {listed}"
    # More who are allowed and fewer who are denied are both more who are decided.
    which = Direction.LOOSENS if added is (name == "allow") else Direction.TIGHTENS
    yield WrittenChange(
        "go-live",
        name,
        kind,
        words=words,
        before="" if added else whole,
        after=whole if added else "",
        direction=which,
    )
