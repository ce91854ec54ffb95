"""The RolloutService: reading rollouts and moving them, with the requests of operators."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from decision_service.api.v1 import rollout_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as service_pb
from decision_service.decide.application import Application
from decision_service.domain.decision import Arm
from decision_service.domain.ports import Clock
from decision_service.rollout.model import TrackName
from decision_service.rollout.ports import JournalEntry
from decision_service.rulebook.rulebook import ActiveRulesStatus
from decision_service.server.context import RpcContext
from decision_service.server.decisions import inputs_from
from decision_service.server.page_tokens import make_step_token, page_size, read_step_token
from decision_service.server.rollout_views import (
    comparison_message,
    explained_message,
    figures_message,
    rollout_message,
    step_message,
)
from decision_service.server.wire import (
    Problems,
    check_page_size,
    check_product,
    check_reference,
    check_user_id,
)
from decision_service.steering.compare import CompareVersions, ComparisonRequest
from decision_service.steering.figures import ShowFigures
from decision_service.steering.operate import OperateRollouts, RolloutView, StepRequest

SERVICE = service_pb.DESCRIPTOR.services_by_name["RolloutService"]
LONGEST_WHY = 500
LONGEST_TICKET = 100
DEFAULT_WINDOW = timedelta(days=7)
LONGEST_WINDOW = timedelta(days=366)
DEFAULT_JUDGED = 200
MOST_JUDGED = 2_000

Member = TypeVar("Member", bound=StrEnum)


class ChangeRequest(Protocol):
    product: str
    why: str
    ticket: str


def listed_product_from(request: service_pb.ListRolloutStepsRequest) -> str:
    with Problems() as problems:
        check_product(problems, request.product)
        check_page_size(problems, request.page_size)
    return request.product


def order_from(
    request: ChangeRequest, caller: str, problems: Problems | None = None
) -> StepRequest:
    problems = problems or Problems()
    check_product(problems, request.product)
    why, ticket = why_from(request.why, problems), request.ticket.strip()
    _check_text(problems, "ticket", ticket, LONGEST_TICKET)
    problems.raise_if_any()
    return StepRequest(request.product, caller, why, ticket)


def why_from(text: str, problems: Problems) -> str:
    """The reason of a change; an empty or a long one is noted."""
    why = text.strip()
    if not why:
        problems.add("why", "is empty: every change needs its reason")
    _check_text(problems, "why", why, LONGEST_WHY)
    return why


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


def question_from(request: service_pb.CompareVersionsRequest, now: datetime) -> ComparisonRequest:
    with Problems() as problems:
        check_product(problems, request.product)
        if request.shadow_version < 0:
            problems.add(
                "shadow_version", f"is {request.shadow_version}: it must be a version, or 0"
            )
        if not 0 <= request.most_decisions <= MOST_JUDGED:
            problems.add("most_decisions", f"must be 0 to {MOST_JUDGED:,}")
        window = _window(request, problems)
        params_as_of = _params_as_of(request, problems)
    return ComparisonRequest(
        product=request.product,
        shadow=request.shadow_version,
        since=now - window,
        most=request.most_decisions or DEFAULT_JUDGED,
        now=now,
        params_as_of=params_as_of,
        champion=request.champion,
    )


def _params_as_of(request: service_pb.CompareVersionsRequest, problems: Problems) -> date | None:
    """The day whose parameters to judge by; a shadow has none, the champion needs one."""
    text = request.params_as_of
    day = problems.date("params_as_of", text) if text else None
    if request.shadow_version and (text or request.champion):
        problems.add("shadow_version", "is set: a shadow is compared by what it left, alone")
    if request.champion and not text:
        problems.add("params_as_of", "must be set: the champion is compared with itself by it")
    return day


def _window(request: service_pb.CompareVersionsRequest, problems: Problems) -> timedelta:
    if not request.HasField("window"):
        return DEFAULT_WINDOW
    seconds = request.window.seconds
    if not 1 <= seconds <= LONGEST_WINDOW.total_seconds():
        problems.add("window", f"must be 1 s to {LONGEST_WINDOW.days} days")
        return DEFAULT_WINDOW
    return timedelta(seconds=seconds)


def _check_text(problems: Problems, field: str, text: str, longest: int) -> None:
    if len(text) > longest or not text.isprintable():
        problems.add(field, f"must be one line of at most {longest} printable characters")


class RolloutUseCases(msgspec.Struct, frozen=True):
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
        with Problems() as problems:
            check_product(problems, request.product)
        rollout = self._message(await self._operate.show(request.product))
        figures = figures_message(await self._use_cases.figures(request.product))
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
        track = _member(TrackName, "track", request.track, problems)
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
        track = _member(TrackName, "track", request.track, problems)
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
        arm = _member(Arm, "arm", request.arm, problems)
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
