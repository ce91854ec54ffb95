"""A plan as entries in the words of its file, for comparison."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from decision_service.language.changes import in_words
from decision_service.rollout.diff.entry import (
    PlanEntry,
    digits_of,
    length_of,
    percent_of,
    single,
    values_of,
)
from decision_service.rollout.diff.review import review_entries
from decision_service.rollout.guardrails import Ceiling, Guardrail
from decision_service.rollout.model import Challenger, GoLive, Plan, Stages, Versions


def entries_of(plan: Plan) -> Iterator[PlanEntry]:
    """Everything that the digest of a plan covers but its product and lists of units."""
    yield single("plan", "unit", plan.unit)
    yield single("plan", "pin_for", length_of(plan.pin_for))
    yield single("plan", "unreported_days", str(plan.unreported.days))
    if plan.second_person_above is not None:
        yield single("plan", "second_person_above", percent_of(plan.second_person_above))
    yield from _go_live(plan.go_live)
    yield from _versions(plan.versions)
    yield from _bounds_of_a_day(plan)
    for guardrail in plan.guardrails:
        yield _guardrail(guardrail)
    if plan.review is not None:
        yield from review_entries(plan.review)


def _bounds_of_a_day(plan: Plan) -> Iterator[PlanEntry]:
    for cap in plan.caps:
        values = values_of(
            tier=cap.tier, approvals_per_day=cap.approvals, amount_per_day=digits_of(cap.amount)
        )
        yield PlanEntry("caps", f"cap {cap.name}", values, "caps")


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
    for key in ("max_amount", "max_approved_per_day"):
        amount = getattr(challenger.limits, key)
        if amount is not None:
            yield single("challenger", key, digits_of(amount))


def _guardrail(guardrail: Guardrail) -> PlanEntry:
    test = guardrail.test
    if isinstance(test, Ceiling):
        tested = values_of(
            max=digits_of(test.maximum), window=length_of(test.window or timedelta(0))
        )
    else:
        tested = values_of(versus="champion", alpha=digits_of(test.alpha))
    values = values_of(
        metric=guardrail.metric,
        scope=guardrail.scope,
        **tested,
        min_units=guardrail.min_units,
        action=guardrail.action,
    )
    return PlanEntry("guardrails", f"guardrail {guardrail.name}", values, "guardrails")
