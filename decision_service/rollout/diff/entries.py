"""A plan as entries in the words of its file, for comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal

import msgspec

from decision_service.language.changes import in_words
from decision_service.rollout.guardrails import Ceiling, Guardrail
from decision_service.rollout.model import Challenger, GoLive, Plan, Stages, Versions

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class PlanEntry(msgspec.Struct, frozen=True):
    """What a plan says of one thing.

    `kind` joins entries whose order counts, empty where it does not. `values` has a text for each
    key; the empty key stands for an entry that is one text.
    """

    group: str
    subject: str
    values: Mapping[str, str]
    kind: str = ""


def entries_of(plan: Plan) -> Iterator[PlanEntry]:
    """Everything that the digest of a plan covers but its product and lists of units."""
    yield _single("plan", "unit", plan.unit)
    yield _single("plan", "pin_for", _length(plan.pin_for))
    yield _single("plan", "unreported_days", str(plan.unreported.days))
    yield from _go_live(plan.go_live)
    yield from _versions(plan.versions)
    yield from _bounds_of_a_day(plan)
    for guardrail in plan.guardrails:
        yield _guardrail(guardrail)


def _bounds_of_a_day(plan: Plan) -> Iterator[PlanEntry]:
    for cap in plan.caps:
        values = _values(
            tier=cap.tier, approvals_per_day=cap.approvals, amount_per_day=_digits(cap.amount)
        )
        yield PlanEntry("caps", f"cap {cap.name}", values, "caps")
    if plan.explore:
        values = _values(
            percent=_percent(plan.explore.percent),
            max_amount=_digits(plan.explore.max_amount),
            amount_per_day=_digits(plan.explore.amount),
        )
        yield PlanEntry("explore", "the control group", values)


def _go_live(go_live: GoLive) -> Iterator[PlanEntry]:
    yield _single("go-live", "salt", go_live.salt)
    for segment in go_live.segments:
        values = _values(when=segment.condition.text, percent=_percent(segment.percent))
        yield PlanEntry("go-live", f"segment {segment.name}", values, "segments")
    yield from _stages("go-live", go_live.stages)
    yield _single("go-live", "advance", go_live.advance)


def _stages(group: str, stages: Stages) -> Iterator[PlanEntry]:
    for stage in stages.steps:
        values = _values(
            percent=_percent(stage.percent),
            hold=_length(stage.hold),
            min_decisions=stage.min_decisions,
        )
        yield PlanEntry(group, f"stage {stage.name}", values, "stages")
    yield _single(group, "initial_stage", stages.initial)


def _versions(versions: Versions) -> Iterator[PlanEntry]:
    yield PlanEntry("versions", "the champion", {"": f"v{versions.champion}"})
    for shadow in versions.shadow:
        values = _values(percent=_percent(shadow.percent))
        yield PlanEntry("versions", f"shadow v{shadow.version}", values, "shadows")
    if versions.challenger:
        yield from _challenger(versions.challenger)


def _challenger(challenger: Challenger) -> Iterator[PlanEntry]:
    yield PlanEntry("challenger", "the challenger", {"": f"v{challenger.version}"})
    yield _single("challenger", "salt", challenger.salt)
    yield from _stages("challenger", challenger.stages)
    for metric, expected in challenger.expect.items():
        values = _values(change=_digits(expected.change), within=_digits(expected.within))
        yield PlanEntry("challenger", f"the expected {in_words(metric)} ({metric})", values)
    for key in ("max_amount", "max_approved_per_day"):
        amount = getattr(challenger.limits, key)
        if amount is not None:
            yield _single("challenger", key, _digits(amount))


def _guardrail(guardrail: Guardrail) -> PlanEntry:
    test = guardrail.test
    if isinstance(test, Ceiling):
        tested = _values(max=_digits(test.maximum), window=_length(test.window or timedelta(0)))
    else:
        tested = _values(versus="champion", alpha=_digits(test.alpha))
    values = _values(
        metric=guardrail.metric,
        scope=guardrail.scope,
        **tested,
        min_units=guardrail.min_units,
        action=guardrail.action,
    )
    return PlanEntry("guardrails", f"guardrail {guardrail.name}", values, "guardrails")


def _single(group: str, key: str, text: str) -> PlanEntry:
    words = in_words(key)
    return PlanEntry(group, words if words == key else f"{words} ({key})", {"": text})


def _values(**given: str | int | None) -> dict[str, str]:
    """The texts of those that say anything; 0 and an empty text stand for nothing written."""
    return {key: str(value) for key, value in given.items() if value}


def _percent(share: int) -> str:
    return _digits(Decimal(share) / 1000)


def _digits(number: Decimal | None) -> str:
    return "" if number is None else f"{number.normalize():f}"


def _length(length: timedelta) -> str:
    """A length in the largest unit that leaves no rest: `14d`, `36h`; empty for none."""
    seconds = int(length.total_seconds())
    size, unit = next((u for u in _UNITS if seconds % u[0] == 0), _UNITS[-1])
    return f"{seconds // size}{unit}" if seconds else ""
