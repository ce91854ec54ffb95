"""Rollouts as operators read them."""

from __future__ import annotations

from decimal import Decimal

from google.protobuf.duration_pb2 import Duration

from decision_service.api.v1 import rollout_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as service_pb
from decision_service.edge.rpc.mapping.decisions.decision import assignment_message
from decision_service.edge.rpc.mapping.ruleset import problem_message
from decision_service.edge.rpc.mapping.values import decimal_text, money_to_message, timestamp
from decision_service.language.diagnostics import Diagnostic
from decision_service.pipeline.rollout.operate import AssignmentExplanation, RolloutView
from decision_service.pipeline.rollout_ports import JournalEntry
from decision_service.pipeline.rules.rulebook import Product
from decision_service.rollout.gate import Pin, enters_comparison, first_match
from decision_service.rollout.model import Plan, RolloutStage, Segment, Stages
from decision_service.rollout.state import (
    Proposal,
    ProposalKind,
    RolloutState,
    Track,
    TrackName,
)
from decision_service.rollout.widening import widenings


def rollout_message(look: RolloutView, refused: tuple[Diagnostic, ...]) -> pb.Rollout:
    """One rollout; `refused` is what the last reading of the rules folder found, of all files."""
    product, plan = look.product, look.product.plan
    return pb.Rollout(
        product=product.name,
        unit=plan.unit.value,
        plan_digest=plan.digest,
        position=look.last.position,
        paused=product.state.paused,
        go_live=_go_live(look),
        challenger=_challenger(look),
        shadows=[
            pb.ShadowVersion(version=s.version, percent=percent_text(s.percent))
            for s in plan.versions.shadow
        ],
        last_step=step_message(look.last),
        refused=[problem_message(one) for one in refused if f"/{product.name}/" in one.file],
        segments=[_segment(segment) for segment in plan.go_live.segments],
        allowed=len(plan.go_live.allow),
        denied=len(plan.go_live.deny),
        proposed=_proposed(product.state.proposed),
        widens=_widens(product),
    )


def step_message(entry: JournalEntry) -> pb.RolloutStep:
    """One step of the journal."""
    return pb.RolloutStep(
        position=entry.position,
        create_time=timestamp(entry.at),
        who=entry.who,
        why=entry.why,
        action=entry.action.value,
        before=None if entry.before is None else _standing(entry.before),
        after=_standing(entry.after),
        plan_digest=entry.plan_digest,
        figures=entry.figures,
        ticket=entry.ticket,
    )


def explained_message(explained: AssignmentExplanation) -> service_pb.ExplainAssignmentResponse:
    """Where an applicant would be put, with what was looked up for it."""
    plan = explained.product.plan
    subject, assignment = explained.placement.subject, explained.placement.assignment
    matched = first_match(plan, subject.inputs)
    total = subject.approved_today
    return service_pb.ExplainAssignmentResponse(
        assignment=assignment_message(assignment),
        version=assignment.version or 0,
        segment=matched.name if matched and assignment.enrolment_reason == "SEGMENT" else "",
        pin=None if subject.pin is None else _pin(plan, subject.pin),
        approved_today=None if total is None else money_to_message(total),
        compared=enters_comparison(plan, subject, assignment),
    )


def percent_text(share: int) -> str:
    """Thousandths of a percent as a decimal of percents: 5000 is `5`."""
    return decimal_text(Decimal(share).scaleb(-3))


def _go_live(look: RolloutView) -> pb.RolloutTrack:
    plan, state = look.product.plan, look.product.state
    entered = look.entered.get(TrackName.GO_LIVE)
    return _track(plan.versions.champion, plan.go_live.stages, state.go_live, entered)


def _challenger(look: RolloutView) -> pb.RolloutTrack | None:
    challenger, track = look.product.plan.versions.challenger, look.product.state.challenger
    if challenger is None or track is None:
        return None
    entered = look.entered.get(TrackName.CHALLENGER)
    return _track(challenger.version, challenger.stages, track, entered)


def _track(
    version: int, stages: Stages, track: Track, entered: JournalEntry | None
) -> pb.RolloutTrack:
    present, above = stages.named(track.stage), stages.after(track.stage)
    message = pb.RolloutTrack(
        version=version,
        stage=track.stage or "",
        percent=percent_text(stages.percent(track.stage)),
        since_time=timestamp(track.since),
        entered_by=None if entered is None else step_message(entered),
        killed=track.killed,
        stages=[_stage(stage) for stage in stages.steps],
        next=None if above is None else _stage(above),
    )
    if present is not None and present.hold:
        message.hold_until_time.CopyFrom(timestamp(track.since + present.hold))
    return message


def _segment(segment: Segment) -> pb.RolloutSegment:
    return pb.RolloutSegment(
        name=segment.name,
        condition=segment.condition.text,
        percent=percent_text(segment.percent),
    )


def _stage(stage: RolloutStage) -> pb.RolloutStage:
    message = pb.RolloutStage(
        name=stage.name, percent=percent_text(stage.percent), min_decisions=stage.min_decisions
    )
    if stage.hold:
        hold = Duration()
        hold.FromTimedelta(stage.hold)
        message.hold.CopyFrom(hold)
    return message


def _standing(state: RolloutState) -> pb.RolloutStanding:
    challenger = state.challenger
    return pb.RolloutStanding(
        go_live_stage=state.go_live.stage or "",
        killed=state.go_live.killed,
        challenger_version=0 if challenger is None else challenger.version or 0,
        challenger_stage="" if challenger is None else challenger.stage or "",
        challenger_killed=challenger is not None and challenger.killed,
        paused=state.paused,
        proposed=_proposed(state.proposed),
    )


def _proposed(change: Proposal | None) -> pb.ProposedStep | None:
    if change is None:
        return None
    step = change.kind is ProposalKind.ADVANCE
    return pb.ProposedStep(
        track=change.track.value if step else "",
        stage=change.goal if step else "",
        by=change.by,
        create_time=timestamp(change.at),
        expire_time=timestamp(change.ends) if change.by else None,
        action=change.kind.value,
        arm=change.goal if change.kind is ProposalKind.REVIVE else "",
        plan_digest=change.goal if change.kind is ProposalKind.PLAN else "",
    )


def _widens(product: Product) -> tuple[str, ...]:
    waits, waiting = product.state.proposed, product.waiting
    if waits is None or waiting is None or waits.goal != waiting.digest:
        return ()
    return widenings(product.plan, waiting, product.state)


def _pin(plan: Plan, pin: Pin) -> service_pb.Pin:
    return service_pb.Pin(
        arm=pin.arm.value,
        version=pin.version,
        create_time=timestamp(pin.since),
        expire_time=timestamp(pin.since + plan.pin_for),
    )
