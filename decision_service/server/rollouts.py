"""The RolloutService: rollouts read, compared and moved, with their messages and requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from operator import itemgetter
from typing import Any, TypeVar

import msgspec
from google.protobuf.message import Message

from decision_service.api.v1 import rollout_figures_pb2 as figures_pb
from decision_service.api.v1 import rollout_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.decide.application import Application
from decision_service.domain.decision import Arm
from decision_service.domain.ports import Clock
from decision_service.domain.values import Money
from decision_service.rollout.assign import enters_comparison, first_match
from decision_service.rollout.impact import (
    LeftOut,
    MatrixRow,
    causes_of,
    matrix_of,
    rates_of,
    reasons_of,
)
from decision_service.rollout.judge import ArmCount, interval
from decision_service.rollout.model import RolloutStage, Segment, Shadow, TrackName, percent_of
from decision_service.rollout.ports import JournalAction
from decision_service.rollout.state import Proposal, ProposalKind, RolloutState, widenings
from decision_service.rulebook.rulebook import ActiveRulesStatus
from decision_service.server.context import RpcContext
from decision_service.server.decisions import inputs_from
from decision_service.server.page_tokens import StepNumber, make_token, page_size, read_token
from decision_service.server.releases import check_why
from decision_service.server.rulesets import RULESETS
from decision_service.server.wire import (
    Fields,
    Mapper,
    Problems,
    check_product,
    check_reference,
    check_user_id,
)
from decision_service.steering.compare import CompareVersions, ComparisonRequest, VersionComparison
from decision_service.steering.figures import GuardrailPoint, ShadowLine, ShowFigures
from decision_service.steering.journal import RolloutChange
from decision_service.steering.operate import AssignmentExplanation, OperateRollouts, RolloutView

SERVICE = service_pb.DESCRIPTOR.services_by_name["RolloutService"]
DEFAULT_WINDOW = timedelta(days=7)
LONGEST_WINDOW = timedelta(days=366)
DEFAULT_JUDGED = 200
MOST_JUDGED = 2_000

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


def _held(stage: RolloutStage) -> timedelta | None:
    return stage.hold or None


def _of_challenger(name: str) -> Callable[[RolloutState], Any]:
    """A field of the challenger's track; None while there is no challenger."""

    def field(state: RolloutState) -> Any:
        return state.challenger and getattr(state.challenger, name)

    return field


def _proposed_track(change: Proposal) -> str:
    return change.track if change.kind is ProposalKind.ADVANCE else ""


def _proposal_ends(change: Proposal) -> datetime | None:
    return change.ends if change.by else None


def _interval_end(place: int) -> Callable[[ArmCount], str]:
    """An end of a share's 95 % interval, in percent."""

    def end(count: ArmCount) -> str:
        return _hundredths(interval(count)[place])

    return end


def _shadow_changes(line: ShadowLine) -> list[MatrixRow]:
    return [row for row in matrix_of(line.sums) if row.before != row.after]


def _left_out(why: LeftOut | None) -> Callable[[VersionComparison | ShadowLine], int]:
    """How many decisions were not compared for a reason, or for another one than these two."""

    def counted(of: VersionComparison | ShadowLine) -> int:
        counts = of.sums.left_out
        named = {one: counts.get(one.value, 0) for one in (LeftOut.ERASED, LeftOut.RULE_ERROR)}
        return sum(counts.values()) - sum(named.values()) if why is None else named[why]

    return counted


def _outcomes(found: VersionComparison) -> list[Fields]:
    return [
        ROLLOUTS.fields(
            figures_pb.ComparedOutcomes,
            row,
            live_amount=Money(found.currency, row.amount_before),
            other_amount=Money(found.currency, row.amount_after),
        )
        for row in matrix_of(found.sums)
    ]


def _measured(place: int) -> Callable[[GuardrailPoint], str]:
    """A guardrail's share at a point, or an end of its interval."""

    def measured(point: GuardrailPoint) -> str:
        return _hundredths(point.measured[place]) if point.measured else ""

    return measured


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
            "allowed": lambda look: len(look.product.plan.go_live.allow),
            "denied": lambda look: len(look.product.plan.go_live.deny),
            "proposed": "product.state.proposed",
            "widens": _widens,
        },
        pb.ShadowVersion: {"percent": _percent},
        pb.RolloutSegment: {"percent": _percent, "condition": "condition.text"},
        pb.RolloutStage: {"percent": _percent, "hold": _held},
        pb.RolloutStep: {"create_time": "at"},
        pb.RolloutStanding: {
            "go_live_stage": "go_live.stage",
            "killed": "go_live.killed",
            "challenger_version": _of_challenger("version"),
            "challenger_stage": _of_challenger("stage"),
            "challenger_killed": _of_challenger("killed"),
        },
        pb.ProposedStep: {
            "track": _proposed_track,
            "stage": _goal_of(ProposalKind.ADVANCE),
            "create_time": "at",
            "expire_time": _proposal_ends,
            "action": "kind",
            "arm": _goal_of(ProposalKind.REVIVE),
            "plan_digest": _goal_of(ProposalKind.PLAN),
        },
        service_pb.Pin: {"create_time": "since", "expire_time": None},
        figures_pb.VersionComparison: {
            "since_time": "since",
            "compared": "sums.everybody.applicants",
            "agreed": "sums.agreed",
            "not_comparable": _left_out(None),
            "failed": _left_out(LeftOut.RULE_ERROR),
            "erased": _left_out(LeftOut.ERASED),
            "outcomes": _outcomes,
            "moves": lambda found: causes_of(found.sums),
            "rates": lambda found: rates_of(found.sums),
            "reasons": lambda found: reasons_of(found.sums),
        },
        figures_pb.ComparedOutcomes: {
            "live": "before",
            "other": "after",
            "count": "applicants",
            "live_amount": None,
            "other_amount": None,
        },
        figures_pb.ComparedMove: {
            "change": "name",
            "count": "named",
            "example": lambda row: row.examples[0] if row.examples else "",
        },
        figures_pb.UntriedValue: {"parameter": "param", "from_date": "start"},
        figures_pb.ComparedRate: {
            "live_percent": lambda rate: _hundredths(rate.before.share),
            "other_percent": lambda rate: _hundredths(rate.after.share),
            "difference": lambda rate: _hundredths(rate.difference.difference),
            "low": lambda rate: _hundredths(rate.difference.low),
            "high": lambda rate: _hundredths(rate.difference.high),
        },
        figures_pb.ComparedReason: dict(
            zip(("live", "other", "count"), map(itemgetter, range(3)), strict=True)
        ),
        figures_pb.MeasuredShare: {
            "count": "events",
            "percent": lambda count: _hundredths(count.rate),
            "low": _interval_end(0),
            "high": _interval_end(1),
        },
        figures_pb.GuardrailPoint: {
            "end_time": "end",
            **dict(zip(("value", "low", "high"), map(_measured, range(3)), strict=True)),
        },
        figures_pb.ShadowFigures: {
            "compared": "sums.everybody.applicants",
            "agreed": "sums.agreed",
            "not_comparable": _left_out(None),
            "failed": _left_out(LeftOut.RULE_ERROR),
            "changes": _shadow_changes,
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
        check_why(problems, why, ticket)
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
    compare: CompareVersions
    status: Callable[[], ActiveRulesStatus]
    clock: Clock

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

    async def compare_versions(
        self, request: service_pb.CompareVersionsRequest, _: RpcContext
    ) -> service_pb.CompareVersionsResponse:
        question = question_from(request, self.clock.now())
        found = await self.compare(question)
        return ROLLOUTS.message(service_pb.CompareVersionsResponse, comparison=found)

    def shown(self, look: RolloutView) -> pb.Rollout:
        """One rollout, with what the last reading of the rules folder found in its files."""
        folder = f"/{look.product.name}/"
        refused = self.status().refused
        found = [RULESETS.fields(rules_pb.Problem, one) for one in refused if folder in one.file]
        return ROLLOUTS.message(pb.Rollout, look, refused=found)
