"""Requirements of a track's next stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from decision_service.rollout.judging import GuardrailState, Judgement
from decision_service.rollout.model import Advance, Plan, RolloutStage, Stages
from decision_service.rollout.state import (
    ProposalKind,
    RolloutState,
    Track,
    TrackName,
    needs_two,
)


class Readiness(msgspec.Struct, frozen=True):
    """`next` is None at the last stage.

    `holds_until` is when the present stage has held long enough, `decisions_missing` how many it
    still needs, `blocked_by` what else stands against going on, in an operator's words.
    """

    next: RolloutStage | None
    holds_until: datetime
    decisions_missing: int
    blocked_by: tuple[str, ...]

    def at(self, now: datetime) -> bool:
        """Whether everything is met, so that automatic advancing goes on."""
        met = now >= self.holds_until and not self.decisions_missing and not self.blocked_by
        return met and self.next is not None


def waits_for(
    plan: Plan,
    state: RolloutState,
    name: TrackName,
    decisions: int,
    judgements: Sequence[Judgement],
) -> Readiness | None:
    """The requirements of a track's next stage; None where the plan has no such track.

    `decisions` are those since the track entered its stage.
    """
    stages, track = _track(plan, state, name)
    if stages is None or track is None:
        return None
    present, above = stages.named(track.stage), stages.after(track.stage)
    held, fewest = (present.hold, present.min_decisions) if present else (None, 0)
    return Readiness(
        next=above,
        holds_until=track.since + held if held else track.since,
        decisions_missing=max(0, fewest - decisions),
        blocked_by=(*_blocks(state, track, judgements), *_second(plan, state, name, above)),
    )


def not_awaited(
    plan: Plan, state: RolloutState, name: TrackName, decisions: int, now: datetime
) -> str:
    """What a step up now would not wait for, in words; empty where hold and count are met."""
    readiness = waits_for(plan, state, name, decisions, ())
    if readiness is None:
        return ""
    found = []
    if now < readiness.holds_until:
        found.append(f"is held until {readiness.holds_until:%Y-%m-%d %H:%M} UTC")
    if readiness.decisions_missing:
        found.append(f"has {decisions} of {decisions + readiness.decisions_missing} decisions")
    return " and ".join(found)


def advances_itself(
    plan: Plan,
    state: RolloutState,
    decisions: int,
    judgements: Sequence[Judgement],
    now: datetime,
) -> bool:
    """Whether go-live moves on without an operator; a challenger never does."""
    readiness = waits_for(plan, state, TrackName.GO_LIVE, decisions, judgements)
    return plan.go_live.advance is Advance.AUTO and readiness is not None and readiness.at(now)


def _track(plan: Plan, state: RolloutState, name: TrackName) -> tuple[Stages | None, Track | None]:
    if name is TrackName.GO_LIVE:
        return plan.go_live.stages, state.go_live
    challenger = plan.versions.challenger
    return (challenger.stages if challenger else None), state.challenger


def _second(
    plan: Plan, state: RolloutState, name: TrackName, above: RolloutStage | None
) -> Iterator[str]:
    """What a step that needs two callers waits for."""
    if above is None or not needs_two(plan, above.percent):
        return
    first = state.proposed
    waits = first is not None and first.kind is ProposalKind.ADVANCE
    if first is None or not waits or (first.track, first.goal) != (name, above.name):
        yield "needs two callers: one advances and another confirms"
    else:
        yield f"proposed by {first.by}: another caller confirms by {first.ends:%Y-%m-%d %H:%M} UTC"


def _blocks(state: RolloutState, track: Track, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    found = ["paused"] if state.paused else []
    if track.stage is None:
        found.append("below its first stage, where only an operator begins")
    if track.killed or state.go_live.killed:
        found.append("killed")
    found += [
        f"guardrail {j.guardrail} tripped"
        for j in judgements
        if j.standing is GuardrailState.TRIPPED
    ]
    return tuple(found)
