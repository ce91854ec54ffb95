"""A rollout's state, the pure steps from one to the next, and how a changed plan widens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.rollout.model import (
    Guardrail,
    Plan,
    PlanConflict,
    Track,
    TrackName,
    dealt,
    ladder,
    track_clashes,
)

Switched = Arm | None
"""What the kill switch stops: the challenger, else the whole product."""

PROPOSAL_LASTS = timedelta(hours=24)
"""For how long what a caller proposed waits for a second one."""


class ProposalKind(StrEnum):
    """What waits for a second caller, as the journal names it once it is taken."""

    ADVANCE = "advance"
    REVIVE = "revive"
    PLAN = "plan"


class Proposal(msgspec.Struct, frozen=True):
    """A change that waits until another caller than `by` confirms it.

    `goal` is the stage of a step, the arm of a revival (empty for the product), or the digest of a
    changed plan. A changed plan has no `by` until a caller confirms it first.
    """

    kind: ProposalKind
    goal: str
    by: str
    at: datetime
    track: TrackName = TrackName.GO_LIVE

    @property
    def ends(self) -> datetime:
        """When what `by` asked for no longer counts; a changed plan then waits for two again."""
        return self.at + PROPOSAL_LASTS


class RolloutState(msgspec.Struct, frozen=True):
    """One product's rollout state; `challenger` is None where the plan has none.

    `decided_by` are the versions that ever were champion or challenger, in order: an applicant can
    be pinned to no other. `proposed` is what waits for a second caller.
    """

    product: str
    go_live: Track
    challenger: Track | None = None
    paused: bool = False
    decided_by: tuple[int, ...] = ()
    proposed: Proposal | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Why a step was not taken, in one sentence for an operator."""

    message: str


StepResult = RolloutState | Refusal


def initial_state(plan: Plan, now: datetime) -> RolloutState:
    return RolloutState(
        plan.product,
        dealt(plan, TrackName.GO_LIVE, Track(plan.go_live.stages.initial, now, None)),
        _fresh_challenger(plan, now),
        decided_by=_deciders(plan),
    )


def advance(
    plan: Plan, state: RolloutState, track: TrackName | None, now: datetime, who: str = ""
) -> StepResult:
    """One stage up; refused while paused, while the track is killed, and at the top.

    Steps are taken from the state as the plan adopts it. Above the plan's share for one person the
    caller `who` proposes the step for another one to `confirm`; the service waits there by itself.
    `track` may be None while the plan has no challenger. Whether a stage was held long enough is
    asked before (`readiness`).
    """
    above = _above(plan, state, track, now=now)
    if isinstance(above, Refusal):
        return above
    name = track or TrackName.GO_LIVE
    moved = above.challenger if name is TrackName.CHALLENGER else None
    stage = (moved or above.go_live).stage
    if not needs_two(plan, ladder(plan, name)[1].percent(stage)):
        return above
    return _proposed(state, Proposal(ProposalKind.ADVANCE, stage or "", who, at=now, track=name))


def confirm(
    plan: Plan, waiting: Plan | None, state: RolloutState, who: str, now: datetime
) -> StepResult:
    """A changed plan is proposed by the first caller; `waiting` is that of this process."""
    first = state.proposed
    fresh = first is not None and bool(first.by) and now < first.ends
    if first is None or not (fresh or first.kind is ProposalKind.PLAN):
        return Refusal(f"nothing of {plan.product} waits for a second caller")
    if fresh and first.by == who:
        return Refusal(_waits_for_another(plan.product, first))
    if first.kind is ProposalKind.ADVANCE:
        return _above(plan, state, first.track, now=now)
    if first.kind is ProposalKind.REVIVE:
        arm = next((one for one in Arm if one.value == first.goal), None)
        return _switch(replace(state, proposed=None), arm, killed=False)
    if waiting is None or waiting.digest != first.goal:
        return Refusal(
            f"the plan of {plan.product} that waits is not the one that this process has read: "
            "publish the same rules to every process"
        )
    if fresh:
        return adopt(waiting, state, now)
    return replace(state, proposed=replace(first, by=who, at=now))


def needs_two(plan: Plan, share: int) -> bool:
    """Whether a step to a share, in thousandths of a percent, needs two callers."""
    limit = plan.second_person_above
    return limit is not None and share > limit


def roll_back(
    plan: Plan, state: RolloutState, track: TrackName | None, now: datetime
) -> StepResult:
    """One stage down; below the first is 0 %, and there it is refused."""
    return _on_track(plan, state, track, now=now, move=_down)


def kill(state: RolloutState, arm: Switched) -> StepResult:
    """Stop the challenger, or the whole product for None and for the champion."""
    return _switch(state, arm, killed=True)


def revive(plan: Plan, state: RolloutState, arm: Switched, who: str, now: datetime) -> StepResult:
    """Undo a kill: the same arm, at the stage where it stood; a great share needs two callers."""
    revived = _switch(state, arm, killed=False)
    if revived == state or not needs_two(plan, _share_of(plan, state, arm)):
        return revived
    goal = "" if arm is None else arm.value
    return _proposed(state, Proposal(ProposalKind.REVIVE, goal, who, at=now))


def clashes(plan: Plan, state: RolloutState) -> tuple[PlanConflict, ...]:
    """Why a changed plan does not fit the running state (PLAN_CHANGED); empty where it fits.

    A salt that deals applicants now may not change and the current stages must still exist. A
    challenger of another version is another rollout and clashes with nothing.
    """
    found = track_clashes(plan, TrackName.GO_LIVE, state.go_live)
    challenger = _same_challenger(plan, state.challenger)
    if challenger is None:
        return found
    return found + track_clashes(plan, TrackName.CHALLENGER, challenger)


def adopt(plan: Plan, state: RolloutState, now: datetime) -> StepResult:
    """The state under a changed plan, or all its clashes.

    The tracks stay where they are. A challenger that is new, or of a new version, begins at its
    initial stage; one that is gone from the plan is gone from the state.
    """
    if plan.product != state.product:
        return Refusal(f"the plan is of {plan.product} and the state of {state.product}")
    found = clashes(plan, state)
    if found:
        return Refusal("; ".join(clash.message for clash in found))
    challenger = _same_challenger(plan, state.challenger)
    if challenger is not None:
        challenger = dealt(plan, TrackName.CHALLENGER, challenger)
    return replace(
        state,
        go_live=dealt(plan, TrackName.GO_LIVE, state.go_live),
        challenger=challenger or _fresh_challenger(plan, now),
        decided_by=_deciders(plan, state.decided_by),
        proposed=None,
    )


def fitting(plan: Plan, state: RolloutState, held: RolloutState) -> RolloutState:
    """The state as a process can follow it whose plan may be older than the one it was made under.

    A track at a stage or on a salt that this plan does not have stays where it was
    in `held`. Kills and pauses always count.
    """
    go_live = state.go_live
    challenger = state.challenger
    if track_clashes(plan, TrackName.GO_LIVE, go_live):
        go_live = replace(held.go_live, killed=go_live.killed)
    known = _same_challenger(plan, challenger)
    before = _same_challenger(plan, held.challenger)
    if known and before and track_clashes(plan, TrackName.CHALLENGER, known):
        challenger = replace(before, killed=known.killed)
    return replace(state, go_live=go_live, challenger=challenger)


# Tracks


def _fresh_challenger(plan: Plan, now: datetime) -> Track | None:
    challenger = plan.versions.challenger
    if challenger is None:
        return None
    track = Track(challenger.stages.initial, now, None, version=challenger.version)
    return dealt(plan, TrackName.CHALLENGER, track)


def _same_challenger(plan: Plan, track: Track | None) -> Track | None:
    challenger = plan.versions.challenger
    same = challenger is not None and track is not None and track.version == challenger.version
    return track if same else None


def _deciders(plan: Plan, before: tuple[int, ...] = ()) -> tuple[int, ...]:
    challenger = plan.versions.challenger
    now = {plan.versions.champion} | ({challenger.version} if challenger else set())
    return tuple(sorted(now.union(before)))


# Steps


def _above(plan: Plan, state: RolloutState, track: TrackName | None, now: datetime) -> StepResult:
    if state.paused:
        return Refusal(f"the rollout of {plan.product} is paused: resume it before advancing")
    return _on_track(plan, state, track, now=now, move=_up)


def _proposed(state: RolloutState, change: Proposal) -> StepResult:
    """The change proposed; refused while the same one waits, or a changed plan."""
    first = state.proposed
    if first is not None and first.kind is ProposalKind.PLAN:
        return Refusal(
            f"a changed plan of {state.product} waits for two callers: confirm it first "
            f"(`rollout confirm {state.product}`), or bring back the plan in force"
        )
    what = (change.kind, change.goal, change.track)
    if first and change.at < first.ends and (first.kind, first.goal, first.track) == what:
        return Refusal(_waits_for_another(state.product, first))
    return replace(state, proposed=change)


def _waits_for_another(product: str, first: Proposal) -> str:
    return (
        f"`{first.by}` proposed this already: another caller confirms it "
        f"(`rollout confirm {product}`) by {first.ends:%Y-%m-%d %H:%M} UTC"
    )


def _share_of(plan: Plan, state: RolloutState, arm: Switched) -> int:
    """The greatest share that a revived arm gives to any group, in thousandths of a percent."""
    if arm is Arm.CHALLENGER and state.challenger is not None:
        return ladder(plan, TrackName.CHALLENGER)[1].percent(state.challenger.stage)
    segments = (segment.percent for segment in plan.go_live.segments)
    return max(plan.go_live.stages.percent(state.go_live.stage), *segments, 0)


TrackMove = Callable[[Plan, TrackName, Track, datetime], Track | Refusal]


def _on_track(
    plan: Plan, running: RolloutState, name: TrackName | None, now: datetime, move: TrackMove
) -> StepResult:
    state = adopt(plan, running, now)
    if isinstance(state, Refusal):
        return state
    if running.proposed is not None and running.proposed.kind is ProposalKind.PLAN:
        state = replace(state, proposed=running.proposed)
    if name is None and state.challenger is not None:
        return Refusal("go-live and the challenger both have stages: say which with --track")
    name = name or TrackName.GO_LIVE
    track = state.go_live if name is TrackName.GO_LIVE else state.challenger
    if track is None:
        return Refusal(f"the plan of {plan.product} has no challenger")
    moved = move(plan, name, track, now)
    if isinstance(moved, Refusal):
        return moved
    changed = {"go_live" if name is TrackName.GO_LIVE else "challenger": moved}
    return replace(state, **changed)


def _up(plan: Plan, name: TrackName, track: Track, now: datetime) -> Track | Refusal:
    if track.killed:
        return Refusal(f"{name} of {plan.product} is killed: revive it before advancing")
    _, stages = ladder(plan, name)
    above = stages.after(track.stage)
    if above is None:
        return Refusal(f"{name} of {plan.product} is at `{track.stage}`, its last stage")
    return dealt(plan, name, replace(track, stage=above.name, since=now))


def _down(plan: Plan, name: TrackName, track: Track, now: datetime) -> Track | Refusal:
    if track.stage is None:
        return Refusal(f"{name} of {plan.product} is below its first stage, at 0 % already")
    _, stages = ladder(plan, name)
    below = stages.before(track.stage)
    stage = below.name if below else None
    return dealt(plan, name, replace(track, stage=stage, since=now))


def _switch(state: RolloutState, arm: Switched, *, killed: bool) -> StepResult:
    if arm is not Arm.CHALLENGER:
        return replace(state, go_live=replace(state.go_live, killed=killed))
    if state.challenger is None:
        return Refusal(f"the rollout of {state.product} has no challenger")
    return replace(state, challenger=replace(state.challenger, killed=killed))


def widenings(before: Plan, after: Plan, state: RolloutState) -> tuple[str, ...]:
    """Each way in which a plan widens the one in force, in words, beyond what one person may.

    `state` is that of the plan in force; where it asks for no second person any greater share is
    one of them.
    """
    held = before.second_person_above
    lock = after.second_person_above
    limit = held or 0
    was = before.go_live
    now = after.go_live
    plain = {
        "`second_person_above` is gone": held is not None and lock is None,
        "`second_person_above` is higher": None not in (held, lock) and (lock or 0) > limit,
        "another unit deals all applicants anew": after.unit is not before.unit,
        "pins end sooner": after.pin_for < before.pin_for,
        "more are on `allow`": bool(now.allow - was.allow),
        "fewer are on `deny`": bool(was.deny - now.deny),
    }
    return (
        *(words for words, widens in plain.items() if widens),
        *_go_live(before, after, state, limit=limit),
        *_versions(before, after, state, limit=limit),
        *_guardrails(before, after),
        *_money(before, after),
    )


def _go_live(before: Plan, after: Plan, state: RolloutState, limit: int) -> Iterator[str]:
    yield from _stages(before, after, TrackName.GO_LIVE, track=state.go_live, limit=limit)
    old = {(s.name, s.condition.text): s.percent for s in before.go_live.segments}
    new = {(s.name, s.condition.text): s.percent for s in after.go_live.segments}
    for (name, condition), share in new.items():
        if share > max(limit, old.get((name, condition), 0)):
            yield f"segment {name} ({condition}) gets {share / 1000:g} %"
    rest = max(after.go_live.stages.percent(state.go_live.stage), *new.values(), 0)
    if [key for key in new if key in old] != list(old) and rest > limit:
        yield f"applicants of another segment may get {rest / 1000:g} %"


def _stages(before: Plan, after: Plan, name: TrackName, track: Track, limit: int) -> Iterator[str]:
    _, old = ladder(before, name)
    _, new = ladder(after, name)
    share = new.percent(track.stage)
    if share > max(limit, old.percent(track.stage)):
        yield f"{name} stage {track.stage} gets {share / 1000:g} %"
    for stage in old.steps:
        now = new.named(stage.name)
        if now and (now.hold < stage.hold or now.min_decisions < stage.min_decisions):
            yield f"{name} stage {stage.name} waits for less"


def _versions(before: Plan, after: Plan, state: RolloutState, limit: int) -> Iterator[str]:
    old = before.versions.challenger
    new = after.versions.challenger
    was = before.versions.champion
    champion = after.versions.champion
    if champion != was:
        yield f"the champion is v{champion} and no longer v{was}"
    if new is None:
        return
    if old is not None and state.challenger is not None and old.version == new.version:
        yield from _stages(before, after, TrackName.CHALLENGER, track=state.challenger, limit=limit)
        if new.expect != old.expect:
            yield f"the challenger v{new.version} is expected to differ otherwise"
    elif (share := new.stages.percent(new.stages.initial)) > limit:
        yield f"the challenger v{new.version} begins at {share / 1000:g} %"


def _guardrails(before: Plan, after: Plan) -> Iterator[str]:
    now = {guardrail.name: guardrail for guardrail in after.guardrails}
    for guardrail in before.guardrails:
        new = now.get(guardrail.name)
        if new is None:
            yield f"guardrail {guardrail.name} is gone"
        elif not _as_strict(guardrail, new):
            yield f"guardrail {guardrail.name} is weaker, or another one"


def _as_strict(old: Guardrail, new: Guardrail) -> bool:
    """Whether it trips at least where the old one does, and then does the same."""
    strict = new.min_units <= old.min_units
    same = new.ceiling
    if old.ceiling is not None and new.ceiling is not None:
        strict = strict and new.ceiling.maximum <= old.ceiling.maximum
        same = replace(new.ceiling, maximum=old.ceiling.maximum)
    return strict and replace(new, min_units=old.min_units, ceiling=same) == old


def _money(before: Plan, after: Plan) -> Iterator[str]:
    caps = {(cap.name, cap.tier, cap.arm): cap for cap in after.caps}
    bounds = ("approvals", "amount", "max_amount")
    for cap in before.caps:
        new = caps.get((cap.name, cap.tier, cap.arm))
        if new is None:
            yield f"cap {cap.name} is gone"
        elif any(_looser(getattr(cap, name), getattr(new, name)) for name in bounds):
            yield f"cap {cap.name} is looser"
    was = before.review.authority if before.review else None
    now = after.review.authority if after.review else None
    if now and (was is None or now.review > was.review or now.review_second > was.review_second):
        yield f"reviewers may grant more: {now.review:f}, two of them {now.review_second:f}"


def _looser(old: Decimal | int | None, new: Decimal | int | None) -> bool:
    return old is not None and (new is None or new > old)
