"""The RolloutService: rollouts read and moved, with their messages and requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from google.protobuf.message import Message

from decision_service.api.v1 import rollout_figures_pb2 as figures_pb
from decision_service.api.v1 import rollout_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.decide.application import Application
from decision_service.domain.decision import Arm
from decision_service.rollout.assign import enters_comparison, first_match
from decision_service.rollout.impact import LeftOut, matrix_of
from decision_service.rollout.judge import ArmCount, interval
from decision_service.rollout.model import RolloutStage, Segment, Shadow, TrackName, percent_of
from decision_service.rollout.ports import JournalAction
from decision_service.rollout.state import Proposal, ProposalKind, widenings
from decision_service.rollout_running.figures import GuardrailPoint, ShadowLine, ShowFigures
from decision_service.rollout_running.journal import RolloutChange
from decision_service.rollout_running.operate import (
    AssignmentExplanation,
    OperateRollouts,
    RolloutView,
)
from decision_service.rulebook.rulebook import ActiveRulesStatus
from decision_service.server.services.decisions import inputs_from
from decision_service.server.services.rulesets import RULESETS
from decision_service.server.transport.context import RpcContext
from decision_service.server.transport.page_tokens import (
    StepNumber,
    make_token,
    page_size,
    read_token,
)
from decision_service.server.transport.wire import (
    Mapper,
    Problems,
    check_change,
    check_product,
    check_reference,
    check_user_id,
    of_given,
)

SERVICE = service_pb.DESCRIPTOR.services_by_name["RolloutService"]
M = TypeVar("M", bound=Message)
Member = TypeVar("Member", bound=StrEnum)


def _percent(of: RolloutStage | Segment | Shadow) -> Decimal:
    return percent_of(of.percent)


def _hundredths(share: float) -> str:
    return f"{share * 100 + 0.0:.2f}"


def _widens(look: RolloutView) -> tuple[str, ...]:
    product = look.product
    waits = product.state.proposed
    waiting = product.waiting
    if waits is None or waiting is None or waits.goal != waiting.digest:
        return ()
    return widenings(product.plan, waiting, product.state)


def _goal_of(kind: ProposalKind) -> Callable[[Proposal], str]:
    def goal(change: Proposal) -> str:
        return change.goal if change.kind is kind else ""

    return goal


def _track(change: Proposal) -> str:
    return change.track if change.kind is ProposalKind.ADVANCE else ""


def _ends(change: Proposal) -> datetime | None:
    """A changed plan waits without an end until a caller confirms it first."""
    return change.ends if change.by else None


def _allowed(look: RolloutView) -> int:
    return len(look.product.plan.go_live.allow)


def _denied(look: RolloutView) -> int:
    return len(look.product.plan.go_live.deny)


def _hold(stage: RolloutStage) -> timedelta | None:
    return stage.hold or None


def _rate(count: ArmCount) -> str:
    return _hundredths(count.rate)


def _low(count: ArmCount) -> str:
    return _hundredths(interval(count)[0])


def _high(count: ArmCount) -> str:
    return _hundredths(interval(count)[1])


def _changes(line: ShadowLine) -> list[object]:
    return [row for row in matrix_of(line.sums) if row.before != row.after]


def _failed(line: ShadowLine) -> int:
    """On how many decisions the shadow's rules ended in an error."""
    return line.sums.left_out.get(LeftOut.RULE_ERROR.value, 0)


def _not_comparable(line: ShadowLine) -> int:
    """How many decisions lacked what the shadow needs; erased ones are no fault of either."""
    counts = line.sums.left_out
    erased = counts.get(LeftOut.ERASED.value, 0)
    return sum(counts.values()) - erased - _failed(line)


def _measured(place: int) -> Callable[[GuardrailPoint], str]:
    """A guardrail's share at a point, or an end of its interval."""

    def share(point: GuardrailPoint) -> str:
        return _hundredths(point.measured[place]) if point.measured else ""

    return share


ROLLOUTS = Mapper(
    {
        pb.Rollout: {
            "product": "product.name",
            "unit": "product.plan.unit",
            "plan_digest": "product.plan.digest",
            "position": "last.position",
            "paused": "product.state.paused",
            "shadows": "product.plan.versions.shadow",
            "last_step": "last",
            "refused": None,
            "segments": "product.plan.go_live.segments",
            "allowed": _allowed,
            "denied": _denied,
            "proposed": "product.state.proposed",
            "widens": _widens,
        },
        pb.ShadowVersion: {"percent": _percent},
        pb.RolloutSegment: {"percent": _percent, "condition": "condition.text"},
        pb.RolloutStage: {"percent": _percent, "hold": _hold},
        pb.RolloutStep: {"create_time": "at"},
        pb.RolloutStanding: {
            "go_live_stage": "go_live.stage",
            "killed": "go_live.killed",
            "challenger_version": of_given("challenger", "version"),
            "challenger_stage": of_given("challenger", "stage"),
            "challenger_killed": of_given("challenger", "killed"),
        },
        pb.ProposedStep: {
            "track": _track,
            "stage": _goal_of(ProposalKind.ADVANCE),
            "create_time": "at",
            "expire_time": _ends,
            "action": "kind",
            "arm": _goal_of(ProposalKind.REVIVE),
            "plan_digest": _goal_of(ProposalKind.PLAN),
        },
        service_pb.Pin: {"create_time": "since", "expire_time": None},
        figures_pb.MeasuredShare: {
            "count": "events",
            "percent": _rate,
            "low": _low,
            "high": _high,
        },
        figures_pb.GuardrailPoint: {
            "end_time": "end",
            **dict(zip(("value", "low", "high"), map(_measured, range(3)), strict=True)),
        },
        figures_pb.ShadowFigures: {
            "compared": "sums.everybody.applicants",
            "agreed": "sums.agreed",
            "not_comparable": _not_comparable,
            "failed": _failed,
            "changes": _changes,
        },
        figures_pb.OutcomeChange: {"live": "before", "other": "after", "count": "applicants"},
    }
)


def explained_message(explained: AssignmentExplanation) -> service_pb.ExplainAssignmentResponse:
    """Where an applicant would be put, with what was looked up for it."""
    plan = explained.product.plan
    subject = explained.placement.subject
    assignment = explained.placement.assignment
    matched = first_match(plan, subject.inputs)
    pin = subject.pin
    return ROLLOUTS.message(
        service_pb.ExplainAssignmentResponse,
        assignment=assignment,
        version=assignment.version,
        segment=matched.name if matched and assignment.enrolment_reason == "SEGMENT" else "",
        pin=pin and ROLLOUTS.fields(service_pb.Pin, pin, expire_time=pin.since + plan.pin_for),
        approved_today=subject.approved_today,
        compared=enters_comparison(plan, subject, assignment),
    )


def change_from(request: Any, context: RpcContext) -> RolloutChange:
    """A change with its reason, and as far as the request says so what of and what it rests on."""
    why = request.why.strip()
    ticket = request.ticket.strip()
    position = getattr(request, "position", 0)
    with Problems() as problems:
        track = _member(TrackName, "track", getattr(request, "track", ""), problems=problems)
        arm = _member(Arm, "arm", getattr(request, "arm", ""), problems=problems)
        check_product(problems, request.product)
        if not why:
            problems.add("why", "is empty: every change needs its reason")
        check_change(problems, why, ticket)
        if position < 0:
            problems.add("position", f"is {position}: it must be that of a step, or 0")
    return RolloutChange(
        request.product,
        context.info.caller,
        why,
        ticket=ticket,
        plan_digest=getattr(request, "plan_digest", ""),
        position=position,
        track=track,
        arm=arm,
    )


def _member(kind: type[Member], field: str, value: str, problems: Problems) -> Member | None:
    """The member of a name, None where none is named; another name is noted."""
    if value in kind.__members__.values():
        return kind(value)
    if value:
        problems.add(field, f"must be one of {', '.join(kind)}")
    return None


def applicant_from(request: service_pb.ExplainAssignmentRequest) -> Application:
    with Problems() as problems:
        check_product(problems, request.product)
        if request.user_id:
            check_user_id(problems, request.user_id)
        check_reference(problems, "customer_ref", request.customer_ref)
        inputs = inputs_from(request, problems)
    return Application(
        request_id="",
        user_id=request.user_id,
        product=request.product,
        customer_ref=request.customer_ref,
        inputs=inputs,
    )


def _step(answer: type[M], action: JournalAction | None) -> Callable[..., Awaitable[M]]:
    """The RPC of a step; its answer has no step where nothing changed, and the rollout after it."""

    async def taken(servicer: RolloutServicer, request: Any, context: RpcContext) -> M:
        change = change_from(request, context)
        taking = action
        if getattr(request, "killed", False):
            taking = JournalAction.KILL
        entry = await servicer.operate.move(change, taking, early=getattr(request, "early", False))
        step = entry and ROLLOUTS.fields(pb.RolloutStep, entry)
        return answer(step=step, rollout=servicer.shown(servicer.operate.after(change.product)))

    return taken


class RolloutServicer(msgspec.Struct, frozen=True):
    operate: OperateRollouts
    figures: ShowFigures
    status: Callable[[], ActiveRulesStatus]

    async def list_rollouts(
        self, _request: service_pb.ListRolloutsRequest, _: RpcContext
    ) -> service_pb.ListRolloutsResponse:
        looks = await self.operate.show_all()
        return service_pb.ListRolloutsResponse(rollouts=[self.shown(look) for look in looks])

    async def get_rollout(
        self, request: service_pb.GetRolloutRequest, _: RpcContext
    ) -> service_pb.GetRolloutResponse:
        with Problems() as problems:
            check_product(problems, request.product)
        rollout = self.shown(await self.operate.show(request.product))
        found = await self.figures(request.product, with_points=request.with_points)
        figures = ROLLOUTS.fields(figures_pb.RolloutFigures, found)
        return service_pb.GetRolloutResponse(rollout=rollout, figures=figures)

    async def explain_assignment(
        self, request: service_pb.ExplainAssignmentRequest, _: RpcContext
    ) -> service_pb.ExplainAssignmentResponse:
        return explained_message(await self.operate.explain(applicant_from(request)))

    async def list_rollout_steps(
        self, request: service_pb.ListRolloutStepsRequest, _: RpcContext
    ) -> service_pb.ListRolloutStepsResponse:
        product = request.product
        size = page_size(request.page_size)
        with Problems(request) as problems:
            check_product(problems, product)
        before = read_token(product, request.page_token, StepNumber)
        steps = await self.operate.rollouts.history(product, before, size + 1)
        more = len(steps) > size
        return service_pb.ListRolloutStepsResponse(
            steps=[ROLLOUTS.fields(pb.RolloutStep, entry) for entry in steps[:size]],
            next_page_token=make_token(product, steps[size - 1].position if more else None),
        )

    advance_rollout = _step(service_pb.AdvanceRolloutResponse, JournalAction.ADVANCE)
    confirm_rollout = _step(service_pb.ConfirmRolloutResponse, None)
    roll_back_rollout = _step(service_pb.RollBackRolloutResponse, JournalAction.ROLL_BACK)
    pause_rollout = _step(service_pb.PauseRolloutResponse, JournalAction.PAUSE)
    resume_rollout = _step(service_pb.ResumeRolloutResponse, JournalAction.RESUME)
    set_kill_switch = _step(service_pb.SetKillSwitchResponse, JournalAction.REVIVE)

    def shown(self, look: RolloutView) -> pb.Rollout:
        """One rollout, with what the last reading of the rules folder found in its files."""
        folder = f"/{look.product.name}/"
        refused = self.status().refused
        found = [RULESETS.fields(rules_pb.Problem, one) for one in refused if folder in one.file]
        return ROLLOUTS.message(pb.Rollout, look, refused=found)
