"""The RolloutService: rollouts read, compared and moved, with their messages and requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from operator import itemgetter
from typing import Any, TypeVar

import msgspec

from decision_service.api.v1 import rollout_figures_pb2 as figures_pb
from decision_service.api.v1 import rollout_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.decide.application import Application
from decision_service.domain.decision import Arm
from decision_service.domain.ports import Clock
from decision_service.domain.values import Money, to_minor
from decision_service.rollout.assign import enters_comparison, first_match
from decision_service.rollout.impact import LeftOut, causes_of, matrix_of, rates_of, reasons_of
from decision_service.rollout.judge import ArmCount, interval
from decision_service.rollout.model import RolloutStage, Segment, Shadow, Stages, Track, TrackName
from decision_service.rollout.ports import JournalEntry
from decision_service.rollout.state import Proposal, ProposalKind, widenings
from decision_service.rulebook.rulebook import ActiveRulesStatus
from decision_service.rules.language.diagnostics import Diagnostic
from decision_service.server.context import RpcContext
from decision_service.server.decisions import inputs_from
from decision_service.server.page_tokens import StepNumber, make_token, page_size, read_token
from decision_service.server.rulesets import RULESETS
from decision_service.server.wire import (
    Fields,
    Mapper,
    Problems,
    check_page_size,
    check_product,
    check_reference,
    check_user_id,
    decimal_text,
)
from decision_service.steering.compare import (
    CompareVersions,
    ComparisonRequest,
    VersionComparison,
)
from decision_service.steering.figures import ArmLine, Figures, ShadowLine, ShowFigures
from decision_service.steering.guardrails import allowed_words, value_words, window_words
from decision_service.steering.journal import RolloutChange
from decision_service.steering.operate import (
    AssignmentExplanation,
    OperateRollouts,
    RolloutView,
)

SERVICE = service_pb.DESCRIPTOR.services_by_name["RolloutService"]
LONGEST_WHY = 500
LONGEST_TICKET = 100
DEFAULT_WINDOW = timedelta(days=7)
LONGEST_WINDOW = timedelta(days=366)
DEFAULT_JUDGED = 200
MOST_JUDGED = 2_000

Member = TypeVar("Member", bound=StrEnum)


def percent_text(share: int) -> str:
    """Thousandths of a percent as a decimal of percents: 5000 is `5`."""
    return decimal_text(Decimal(share).scaleb(-3))


def _percent(of: RolloutStage | Segment | Shadow) -> str:
    return percent_text(of.percent)


def _share(line: ArmLine | ShadowLine) -> str:
    return percent_text(line.share)


def _hundredths(share: float) -> str:
    return f"{share * 100 + 0.0:.2f}"


def _go_live(look: RolloutView) -> Fields:
    plan, state = look.product.plan, look.product.state
    entered = look.entered.get(TrackName.GO_LIVE)
    return _track(plan.versions.champion, plan.go_live.stages, state.go_live, entered)


def _challenger(look: RolloutView) -> Fields | None:
    challenger, track = look.product.plan.versions.challenger, look.product.state.challenger
    if challenger is None or track is None:
        return None
    entered = look.entered.get(TrackName.CHALLENGER)
    return _track(challenger.version, challenger.stages, track, entered)


def _track(version: int, stages: Stages, track: Track, entered: JournalEntry | None) -> Fields:
    present = stages.named(track.stage)
    hold = present.hold if present is not None else None
    return ROLLOUTS.fields(
        pb.RolloutTrack,
        track,
        version=version,
        percent=percent_text(stages.percent(track.stage)),
        entered_by=entered,
        stages=stages.steps,
        next=stages.after(track.stage),
        hold_until_time=track.since + hold if hold else None,
    )


def _widens(look: RolloutView) -> tuple[str, ...]:
    product = look.product
    waits, waiting = product.state.proposed, product.waiting
    if waits is None or waiting is None or waits.goal != waiting.digest:
        return ()
    return widenings(product.plan, waiting, product.state)


def _goal_of(kind: ProposalKind) -> Callable[[Proposal], str]:
    """The goal of a change that waits, where it is of a kind."""
    return lambda change: change.goal if change.kind is kind else ""


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


ROLLOUTS = Mapper(
    {
        pb.Rollout: {
            "product": "product.name",
            "unit": "product.plan.unit",
            "plan_digest": "product.plan.digest",
            "position": "last.position",
            "paused": "product.state.paused",
            "go_live": _go_live,
            "challenger": _challenger,
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
        pb.RolloutStage: {"percent": _percent, "hold": lambda stage: stage.hold or None},
        pb.RolloutTrack: {
            "version": None,
            "percent": None,
            "since_time": "since",
            "entered_by": None,
            "stages": None,
            "next": None,
            "hold_until_time": None,
        },
        pb.RolloutStep: {"create_time": "at"},
        pb.RolloutStanding: {
            "go_live_stage": "go_live.stage",
            "killed": "go_live.killed",
            "challenger_version": lambda state: state.challenger and state.challenger.version,
            "challenger_stage": lambda state: state.challenger and state.challenger.stage,
            "challenger_killed": lambda state: state.challenger and state.challenger.killed,
        },
        pb.ProposedStep: {
            "track": lambda change: change.track if change.kind is ProposalKind.ADVANCE else "",
            "stage": _goal_of(ProposalKind.ADVANCE),
            "create_time": "at",
            "expire_time": lambda change: change.ends if change.by else None,
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
        figures_pb.ArmFigures: {
            "percent": _share,
            "applicants": "tally.units",
            "decisions": "tally.decisions",
            "approved": lambda line: ArmCount(line.tally.units, line.tally.approved),
            "referred": lambda line: ArmCount(line.tally.units, line.tally.referred),
            "declined": lambda line: ArmCount(line.tally.units, line.tally.declined),
            "missing": lambda line: ArmCount(line.tally.units, line.tally.missing),
            "approved_amount": None,
            "attempts": "errors.units",
            "internal_errors": "errors.events",
            "p99_ms": lambda line: round(line.p99_ms),
        },
        figures_pb.MeasuredShare: {
            "count": "events",
            "percent": lambda count: _hundredths(count.rate),
            "low": lambda count: _hundredths(interval(count)[0]),
            "high": lambda count: _hundredths(interval(count)[1]),
        },
        figures_pb.ShadowFigures: {
            "percent": _share,
            "compared": "sums.everybody.applicants",
            "agreed": "sums.agreed",
            "not_comparable": _left_out(None),
            "failed": _left_out(LeftOut.RULE_ERROR),
            "changes": lambda line: [
                row for row in matrix_of(line.sums) if row.before != row.after
            ],
        },
        figures_pb.OutcomeChange: {"live": "before", "other": "after", "count": "applicants"},
        figures_pb.GuardrailFigures: {
            "name": "word.guardrail.name",
            "metric": "word.guardrail.metric",
            "of": lambda guard: guard.word.arm or "product",
            "action": "word.guardrail.action",
            "standing": "word.judgement.standing",
            "value": lambda guard: value_words(guard.word),
            "allowed": None,
            "window": lambda guard: window_words(guard.word),
            "units": "word.judgement.units",
            "min_units": "word.guardrail.min_units",
            "units_missing": lambda guard: guard.awaited and guard.awaited.missing,
            "units_by_time": lambda guard: guard.awaited and guard.awaited.by,
        },
        figures_pb.NextStage: {
            "stage": lambda one: one.readiness.next and one.readiness.next.name,
            "percent": lambda one: one.readiness.next and _percent(one.readiness.next),
            "hold_until_time": "readiness.holds_until",
            "decisions_missing": "readiness.decisions_missing",
            "decisions_by_time": "count.by",
            "ready_by_time": "ready_by",
            "blocked_by": "readiness.blocked_by",
            "guardrails": lambda one: len(one.guards),
        },
        figures_pb.WaitingGuardrail: {
            "name": "guardrail.name",
            "units": "judgement.units",
            "min_units": "guardrail.min_units",
        },
        figures_pb.CapFigures: {
            "approvals": None,
            "max_approvals": "approvals",
            "amount": None,
            "max_amount": None,
        },
    }
)


def rollout_message(look: RolloutView, refused: Iterable[Diagnostic]) -> pb.Rollout:
    """One rollout; `refused` is what the last reading of the rules folder found, of all files."""
    folder = f"/{look.product.name}/"
    found = [RULESETS.fields(rules_pb.Problem, one) for one in refused if folder in one.file]
    return ROLLOUTS.message(pb.Rollout, look, refused=found)


def explained_message(explained: AssignmentExplanation) -> service_pb.ExplainAssignmentResponse:
    """Where an applicant would be put, with what was looked up for it."""
    plan = explained.product.plan
    subject, assignment = explained.placement.subject, explained.placement.assignment
    matched, pin = first_match(plan, subject.inputs), subject.pin
    return ROLLOUTS.message(
        service_pb.ExplainAssignmentResponse,
        assignment=assignment,
        version=assignment.version,
        segment=matched.name if matched and assignment.enrolment_reason == "SEGMENT" else "",
        pin=pin and ROLLOUTS.fields(service_pb.Pin, pin, expire_time=pin.since + plan.pin_for),
        approved_today=subject.approved_today,
        compared=enters_comparison(plan, subject, assignment),
    )


def figures_message(figures: Figures) -> figures_pb.RolloutFigures:
    product = figures.product
    currency = product.champion.currency
    return ROLLOUTS.message(
        figures_pb.RolloutFigures,
        since_time=figures.since,
        arms=[
            ROLLOUTS.fields(
                figures_pb.ArmFigures, line, approved_amount=Money(currency, line.approved)
            )
            for line in figures.arms
        ],
        shadows=figures.shadows,
        guardrails=[
            ROLLOUTS.fields(
                figures_pb.GuardrailFigures,
                guard,
                allowed=allowed_words(guard.word.guardrail, product),
            )
            for guard in figures.guards
        ],
        next=figures.next,
        caps=[
            ROLLOUTS.fields(
                figures_pb.CapFigures,
                cap,
                approvals=total.approvals,
                amount=Money(currency, total.amount),
                max_amount=None
                if cap.amount is None
                else Money(currency, to_minor(cap.amount, currency)),
            )
            for cap, total in figures.day
        ],
    )


def listed_product_from(request: service_pb.ListRolloutStepsRequest) -> str:
    with Problems() as problems:
        check_product(problems, request.product)
        check_page_size(problems, request.page_size)
    return request.product


def change_from(
    request: Any, context: RpcContext, problems: Problems | None = None
) -> RolloutChange:
    """A change with its reason, and where the request says so what it was decided on."""
    problems, why, ticket = problems or Problems(), request.why.strip(), request.ticket.strip()
    check_product(problems, request.product)
    if not why:
        problems.add("why", "is empty: every change needs its reason")
    for field, text, longest in (("why", why, LONGEST_WHY), ("ticket", ticket, LONGEST_TICKET)):
        if len(text) > longest or not text.isprintable():
            problems.add(field, f"must be one line of at most {longest} printable characters")
    position = getattr(request, "position", 0)
    if position < 0:
        problems.add("position", f"is {position}: it must be that of a step, or 0")
    problems.raise_if_any()
    seen = getattr(request, "plan_digest", "")
    return RolloutChange(request.product, context.info.caller, why, ticket, seen, position)


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


class RolloutServicer(msgspec.Struct, frozen=True):
    """Translates between the wire and the rollouts."""

    operate: OperateRollouts
    figures: ShowFigures
    compare: CompareVersions
    status: Callable[[], ActiveRulesStatus]
    clock: Clock

    async def list_rollouts(
        self, request: service_pb.ListRolloutsRequest, context: RpcContext
    ) -> service_pb.ListRolloutsResponse:
        del request, context
        looks = await self.operate.show_all()
        return service_pb.ListRolloutsResponse(rollouts=[self._message(look) for look in looks])

    async def get_rollout(
        self, request: service_pb.GetRolloutRequest, context: RpcContext
    ) -> service_pb.GetRolloutResponse:
        del context
        with Problems() as problems:
            check_product(problems, request.product)
        rollout = self._message(await self.operate.show(request.product))
        figures = figures_message(await self.figures(request.product))
        return service_pb.GetRolloutResponse(rollout=rollout, figures=figures)

    async def explain_assignment(
        self, request: service_pb.ExplainAssignmentRequest, context: RpcContext
    ) -> service_pb.ExplainAssignmentResponse:
        del context
        return explained_message(await self.operate.explain(applicant_from(request)))

    async def list_rollout_steps(
        self, request: service_pb.ListRolloutStepsRequest, context: RpcContext
    ) -> service_pb.ListRolloutStepsResponse:
        del context
        product, size = listed_product_from(request), page_size(request.page_size)
        before = read_token(product, request.page_token, StepNumber)
        steps = await self.operate.rollouts.history(product, before, size + 1)
        more = len(steps) > size
        return service_pb.ListRolloutStepsResponse(
            steps=[ROLLOUTS.fields(pb.RolloutStep, entry) for entry in steps[:size]],
            next_page_token=make_token(product, steps[size - 1].position if more else None),
        )

    async def advance_rollout(
        self, request: service_pb.AdvanceRolloutRequest, context: RpcContext
    ) -> service_pb.AdvanceRolloutResponse:
        change, track = _of_track(request, context)
        step = await self.operate.advance(change, track, early=request.early)
        return service_pb.AdvanceRolloutResponse(**self._done(change, step))

    async def confirm_rollout(
        self, request: service_pb.ConfirmRolloutRequest, context: RpcContext
    ) -> service_pb.ConfirmRolloutResponse:
        change = change_from(request, context)
        step = await self.operate.confirm(change)
        return service_pb.ConfirmRolloutResponse(**self._done(change, step))

    async def roll_back_rollout(
        self, request: service_pb.RollBackRolloutRequest, context: RpcContext
    ) -> service_pb.RollBackRolloutResponse:
        change, track = _of_track(request, context)
        step = await self.operate.roll_back(change, track)
        return service_pb.RollBackRolloutResponse(**self._done(change, step))

    async def pause_rollout(
        self, request: service_pb.PauseRolloutRequest, context: RpcContext
    ) -> service_pb.PauseRolloutResponse:
        change = change_from(request, context)
        step = await self.operate.pause(change)
        return service_pb.PauseRolloutResponse(**self._done(change, step))

    async def resume_rollout(
        self, request: service_pb.ResumeRolloutRequest, context: RpcContext
    ) -> service_pb.ResumeRolloutResponse:
        change = change_from(request, context)
        step = await self.operate.resume(change)
        return service_pb.ResumeRolloutResponse(**self._done(change, step))

    async def set_kill_switch(
        self, request: service_pb.SetKillSwitchRequest, context: RpcContext
    ) -> service_pb.SetKillSwitchResponse:
        problems = Problems()
        arm = _member(Arm, "arm", request.arm, problems)
        change = change_from(request, context, problems)
        step = await self.operate.set_kill_switch(change, arm, killed=request.killed)
        return service_pb.SetKillSwitchResponse(**self._done(change, step))

    async def compare_versions(
        self, request: service_pb.CompareVersionsRequest, context: RpcContext
    ) -> service_pb.CompareVersionsResponse:
        del context
        question = question_from(request, self.clock.now())
        found = await self.compare(question)
        return ROLLOUTS.message(service_pb.CompareVersionsResponse, comparison=found)

    def _done(self, change: RolloutChange, step: JournalEntry | None) -> Fields:
        """A step, absent where nothing changed, and the rollout after it."""
        taken = None if step is None else ROLLOUTS.fields(pb.RolloutStep, step)
        return {"step": taken, "rollout": self._message(self.operate.after(change.product))}

    def _message(self, look: RolloutView) -> pb.Rollout:
        return rollout_message(look, self.status().refused)


def _of_track(
    request: service_pb.AdvanceRolloutRequest | service_pb.RollBackRolloutRequest,
    context: RpcContext,
) -> tuple[RolloutChange, TrackName | None]:
    problems = Problems()
    track = _member(TrackName, "track", request.track, problems)
    return change_from(request, context, problems), track
