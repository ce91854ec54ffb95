"""Texts of rollouts: stages, steps and reasons as operators read them."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import rollout_pb2, rollout_service_pb2
from decision_service.cli.display.text import instant_text

WHOLE_SLOTS = 100_000


def stage_text(track: rollout_pb2.RolloutTrack) -> str:
    """`stage early (5 %)`, `below its first stage (0 %)`; killed or not."""
    stage = f"stage {track.stage}" if track.stage else "below its first stage"
    killed = ", KILLED" if track.killed else ""
    return f"{stage} ({track.percent} %){killed}"


def track_text(track: rollout_pb2.RolloutTrack) -> str:
    """Where a track stands, since when, and who brought it there why."""
    words = f"{stage_text(track)} since {instant_text(track.since_time)}"
    if not track.HasField("entered_by"):
        return words
    step = track.entered_by
    return f"{words} by {step.who} “{step.why}”"


def moved_text(step: rollout_pb2.RolloutStep) -> str:
    """What a step changed, for example `go-live staff → pilot`."""
    if not step.HasField("before"):
        return _begun(step.after)
    plan = [f"plan {step.plan_digest[:16]} in force"] if step.action == "plan" else []
    return ", ".join((*plan, *_moves(step.before, step.after))) or "nothing moved"


def proposed_text(change: rollout_pb2.ProposedStep) -> str:
    """What waits for a second caller, and until when."""
    words = {
        "advance": f"{change.track} to {change.stage}",
        "revive": f"{change.arm or 'product'} revived",
        "plan": f"plan {change.plan_digest[:16]}",
    }[change.action]
    if not change.by:
        return f"{words} waits for two callers to confirm it"
    until = instant_text(change.expire_time)
    return f"{words} proposed by {change.by}, another caller confirms it by {until}"


def _begun(after: rollout_pb2.RolloutStanding) -> str:
    words = f"go-live at {_stage(after.go_live_stage)}"
    if after.challenger_version:
        stage = _stage(after.challenger_stage)
        words += f", challenger v{after.challenger_version} at {stage}"
    return words


def _moves(
    before: rollout_pb2.RolloutStanding, after: rollout_pb2.RolloutStanding
) -> Iterator[str]:
    if before.go_live_stage != after.go_live_stage:
        yield f"go-live {_stage(before.go_live_stage)} → {_stage(after.go_live_stage)}"
    if before.killed != after.killed:
        yield "product killed" if after.killed else "product revived"
    if before.paused != after.paused:
        yield "paused" if after.paused else "resumed"
    if after.HasField("proposed") and before.proposed != after.proposed:
        yield proposed_text(after.proposed)
    yield from _challenger_moves(before, after)


def _challenger_moves(
    before: rollout_pb2.RolloutStanding, after: rollout_pb2.RolloutStanding
) -> Iterator[str]:
    if before.challenger_version != after.challenger_version:
        yield f"challenger {_version(before)} → {_version(after)}"
        return
    if before.challenger_stage != after.challenger_stage:
        stages = f"{_stage(before.challenger_stage)} → {_stage(after.challenger_stage)}"
        yield f"challenger v{after.challenger_version} {stages}"
    if before.challenger_killed != after.challenger_killed:
        state = "killed" if after.challenger_killed else "revived"
        yield f"challenger v{after.challenger_version} {state}"


def _stage(name: str) -> str:
    return name or "0 %"


def _version(standing: rollout_pb2.RolloutStanding) -> str:
    return f"v{standing.challenger_version}" if standing.challenger_version else "none"


# Why an applicant is where it is

_ENROLMENT = {
    "KILLED": "the product is killed: nobody is decided",
    "DENIED": "it is on the plan's deny list",
    "ALLOWED": "it is on the plan's allow list",
    "PINNED": "it was decided here before",
}
_ARM = {
    "CHAMPION": "outside the challenger's share, or there is no challenger",
    "CHALLENGER": "within the challenger's share",
    "PINNED": "this version decided it before",
    "PIN_ENDED": "the version that decided it before decides no longer",
    "LIMIT_REACHED": "over a limit of the challenger",
}


def enrolment_text(explained: rollout_service_pb2.ExplainAssignmentResponse) -> str:
    """Why an applicant is decided here, or is not."""
    assignment = explained.assignment
    reason = assignment.enrolment_reason
    if reason == "SEGMENT":
        return f"segment {explained.segment} matches{_slot_text(assignment)}"
    if reason in _ENROLMENT:
        return _ENROLMENT[reason]
    side = "inside" if reason == "IN_STAGE" else "outside"
    stage = f"stage {assignment.stage}" if assignment.stage else "the share below the first stage"
    return f"{side} {stage}{_slot_text(assignment)}"


def arm_text(explained: rollout_service_pb2.ExplainAssignmentResponse) -> str:
    """Why this version decides."""
    assignment = explained.assignment
    words = _ARM[assignment.arm_reason]
    if not assignment.HasField("arm_slot"):
        return words
    return f"{words}, challenger slot {assignment.arm_slot:,} of {WHOLE_SLOTS:,}"


def pin_text(pin: rollout_service_pb2.Pin) -> str:
    """`champion v1 since …, until …`."""
    since, until = instant_text(pin.create_time), instant_text(pin.expire_time)
    return f"{pin.arm} v{pin.version} since {since}, until {until}"


def _slot_text(assignment: pb.Assignment) -> str:
    if not assignment.HasField("enrolment_slot"):
        return ""
    return f", go-live slot {assignment.enrolment_slot:,} of {WHOLE_SLOTS:,}"
