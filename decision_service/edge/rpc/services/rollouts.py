"""The RolloutService: reading rollouts and moving them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.api.v1 import rollout_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as service_pb
from decision_service.edge.rpc.context import RpcContext
from decision_service.edge.rpc.mapping.page_tokens import (
    make_step_token,
    page_size,
    read_step_token,
)
from decision_service.edge.rpc.mapping.problems import Problems
from decision_service.edge.rpc.mapping.rollouts.comparison import comparison_message
from decision_service.edge.rpc.mapping.rollouts.figures import figures_message
from decision_service.edge.rpc.mapping.rollouts.requests import (
    applicant_from,
    listed_product_from,
    order_from,
    product_from,
    question_from,
    switched_from,
    track_from,
)
from decision_service.edge.rpc.mapping.rollouts.rollout import (
    explained_message,
    rollout_message,
    step_message,
)
from decision_service.edge.rpc.services.methods import Methods, unary
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.rollout.figures import ShowFigures
from decision_service.pipeline.rollout.operate import OperateRollouts, RolloutView, StepRequest
from decision_service.pipeline.rollout.pairs.compare import CompareVersions
from decision_service.pipeline.rollout_ports import JournalEntry
from decision_service.pipeline.rules.active import ActiveRulesStatus

SERVICE = "decision_service.api.v1.RolloutService"


class RolloutUseCases(msgspec.Struct, frozen=True):
    """What the servicer translates for."""

    operate: OperateRollouts
    figures: ShowFigures
    compare: CompareVersions
    status: Callable[[], ActiveRulesStatus]
    clock: Clock


class RolloutServicer:
    """Translates between the wire and the rollouts."""

    def __init__(self, use_cases: RolloutUseCases) -> None:
        self._use_cases = use_cases
        self._operate = use_cases.operate
        self._status = use_cases.status

    async def list_rollouts(
        self, request: service_pb.ListRolloutsRequest, context: RpcContext
    ) -> service_pb.ListRolloutsResponse:
        """Every rollout."""
        del request, context
        looks = await self._operate.show_all()
        return service_pb.ListRolloutsResponse(rollouts=[self._message(look) for look in looks])

    async def get_rollout(
        self, request: service_pb.GetRolloutRequest, context: RpcContext
    ) -> service_pb.GetRolloutResponse:
        """One rollout with its figures."""
        del context
        product = product_from(request.product)
        rollout = self._message(await self._operate.show(product))
        figures = figures_message(await self._use_cases.figures(product))
        return service_pb.GetRolloutResponse(rollout=rollout, figures=figures)

    async def explain_assignment(
        self, request: service_pb.ExplainAssignmentRequest, context: RpcContext
    ) -> service_pb.ExplainAssignmentResponse:
        """Where an applicant would be put now."""
        del context
        return explained_message(await self._operate.explain(applicant_from(request)))

    async def list_rollout_steps(
        self, request: service_pb.ListRolloutStepsRequest, context: RpcContext
    ) -> service_pb.ListRolloutStepsResponse:
        """One page of the journal."""
        del context
        product, size = listed_product_from(request), page_size(request.page_size)
        before = read_step_token(product, request.page_token)
        steps = await self._operate.steps(product, before, size + 1)
        more = len(steps) > size
        return service_pb.ListRolloutStepsResponse(
            steps=[step_message(entry) for entry in steps[:size]],
            next_page_token=make_step_token(product, steps[size - 1].position) if more else "",
        )

    async def advance_rollout(
        self, request: service_pb.AdvanceRolloutRequest, context: RpcContext
    ) -> service_pb.AdvanceRolloutResponse:
        """One stage up."""
        problems = Problems()
        track = track_from(request.track, problems)
        order = replace(_decided_on(request, context, problems), early=request.early)
        taken = await self._operate.advance(order, track)
        return service_pb.AdvanceRolloutResponse(**self._done(order, taken))

    async def confirm_rollout(
        self, request: service_pb.ConfirmRolloutRequest, context: RpcContext
    ) -> service_pb.ConfirmRolloutResponse:
        """What another caller proposed."""
        order = _decided_on(request, context, Problems())
        taken = await self._operate.confirm(order)
        return service_pb.ConfirmRolloutResponse(**self._done(order, taken))

    async def roll_back_rollout(
        self, request: service_pb.RollBackRolloutRequest, context: RpcContext
    ) -> service_pb.RollBackRolloutResponse:
        """One stage down."""
        problems = Problems()
        track = track_from(request.track, problems)
        order = _decided_on(request, context, problems)
        taken = await self._operate.roll_back(order, track)
        return service_pb.RollBackRolloutResponse(**self._done(order, taken))

    async def pause_rollout(
        self, request: service_pb.PauseRolloutRequest, context: RpcContext
    ) -> service_pb.PauseRolloutResponse:
        """Stop advancing."""
        order = order_from(request, context.info.caller)
        taken = await self._operate.pause(order)
        return service_pb.PauseRolloutResponse(**self._done(order, taken))

    async def resume_rollout(
        self, request: service_pb.ResumeRolloutRequest, context: RpcContext
    ) -> service_pb.ResumeRolloutResponse:
        """Let advancing go on."""
        order = order_from(request, context.info.caller)
        taken = await self._operate.resume(order)
        return service_pb.ResumeRolloutResponse(**self._done(order, taken))

    async def set_kill_switch(
        self, request: service_pb.SetKillSwitchRequest, context: RpcContext
    ) -> service_pb.SetKillSwitchResponse:
        """Kill or revive."""
        problems = Problems()
        arm = switched_from(request.arm, problems)
        order = order_from(request, context.info.caller, problems)
        taken = await self._operate.set_kill_switch(order, arm, killed=request.killed)
        return service_pb.SetKillSwitchResponse(**self._done(order, taken))

    async def compare_versions(
        self, request: service_pb.CompareVersionsRequest, context: RpcContext
    ) -> service_pb.CompareVersionsResponse:
        """Two versions on the same applicants."""
        del context
        question = question_from(request, self._use_cases.clock.now())
        found = await self._use_cases.compare(question)
        return service_pb.CompareVersionsResponse(comparison=comparison_message(found))

    def _done(self, order: StepRequest, step: JournalEntry | None) -> dict[str, Any]:
        """A step, absent where nothing changed, and the rollout after it."""
        rollout = self._message(self._operate.after(order.product))
        return {"step": None if step is None else step_message(step), "rollout": rollout}

    def _message(self, look: RolloutView) -> pb.Rollout:
        return rollout_message(look, self._status().refused)


def methods(servicer: RolloutServicer) -> Methods:
    """The service's methods."""
    return {
        "ListRollouts": unary(servicer.list_rollouts, service_pb.ListRolloutsRequest),
        "GetRollout": unary(servicer.get_rollout, service_pb.GetRolloutRequest),
        "ExplainAssignment": unary(
            servicer.explain_assignment, service_pb.ExplainAssignmentRequest
        ),
        "ListRolloutSteps": unary(servicer.list_rollout_steps, service_pb.ListRolloutStepsRequest),
        "AdvanceRollout": unary(servicer.advance_rollout, service_pb.AdvanceRolloutRequest),
        "ConfirmRollout": unary(servicer.confirm_rollout, service_pb.ConfirmRolloutRequest),
        "RollBackRollout": unary(servicer.roll_back_rollout, service_pb.RollBackRolloutRequest),
        "PauseRollout": unary(servicer.pause_rollout, service_pb.PauseRolloutRequest),
        "ResumeRollout": unary(servicer.resume_rollout, service_pb.ResumeRolloutRequest),
        "CompareVersions": unary(servicer.compare_versions, service_pb.CompareVersionsRequest),
        "SetKillSwitch": unary(servicer.set_kill_switch, service_pb.SetKillSwitchRequest),
    }


def _decided_on(
    request: service_pb.AdvanceRolloutRequest
    | service_pb.ConfirmRolloutRequest
    | service_pb.RollBackRolloutRequest,
    context: RpcContext,
    problems: Problems,
) -> StepRequest:
    """The order with the plan and position it was decided on."""
    if request.position < 0:
        problems.add("position", f"is {request.position}: it must be that of a step, or 0")
    order = order_from(request, context.info.caller, problems)
    return replace(order, plan_digest=request.plan_digest, position=request.position)
