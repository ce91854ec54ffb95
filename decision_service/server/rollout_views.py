"""Rollouts as operators read them: states, statistics, and two versions compared."""

from __future__ import annotations

from decimal import Decimal

from google.protobuf.duration_pb2 import Duration

from decision_service.api.v1 import rollout_figures_pb2 as rollout_figures_pb
from decision_service.api.v1 import rollout_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as service_pb
from decision_service.domain.money import Money, to_minor
from decision_service.domain.ports import DayTotal
from decision_service.rollout.assign import Pin, enters_comparison, first_match
from decision_service.rollout.impact import (
    CauseRow,
    ImpactSums,
    LeftOut,
    MatrixRow,
    Rate,
    causes_of,
    matrix_of,
    rates_of,
    reasons_of,
)
from decision_service.rollout.judge import ArmCount, interval
from decision_service.rollout.model import (
    DayCap,
    Plan,
    RolloutStage,
    Segment,
    Stages,
    Track,
    TrackName,
)
from decision_service.rollout.ports import JournalEntry
from decision_service.rollout.state import Proposal, ProposalKind, RolloutState, widenings
from decision_service.rulebook.rulebook import Product
from decision_service.rules.language.diagnostics import Diagnostic
from decision_service.server.decision_views import assignment_message
from decision_service.server.rulesets import problem_message
from decision_service.server.wire import (
    Fields,
    decimal_text,
    money_to_message,
    optional_money,
    optional_time,
    same,
    timestamp,
)
from decision_service.steering.compare import VersionComparison
from decision_service.steering.figures import ArmLine, Figures, GuardrailLine, NextStage, ShadowLine
from decision_service.steering.guardrails import (
    allowed_words,
    value_words,
    window_words,
)
from decision_service.steering.operate import AssignmentExplanation, RolloutView


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
    return pb.RolloutStep(
        **same(entry, "position", "who", "why", "action", "plan_digest", "figures", "ticket"),
        create_time=timestamp(entry.at),
        before=None if entry.before is None else _standing(entry.before),
        after=_standing(entry.after),
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
        name=segment.name, condition=segment.condition.text, percent=percent_text(segment.percent)
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


def _left_out(sums: ImpactSums) -> Fields:
    """Decisions that were not compared: data erased, rules failed, all else."""
    counts = sums.left_out
    erased, failed = (counts.get(why.value, 0) for why in (LeftOut.ERASED, LeftOut.RULE_ERROR))
    rest = sum(counts.values()) - erased - failed
    return {"erased": erased, "failed": failed, "not_comparable": rest}


def comparison_message(found: VersionComparison) -> rollout_figures_pb.VersionComparison:
    sums = found.sums
    return rollout_figures_pb.VersionComparison(
        **same(found, "product", "live_version", "other_version", "lists_of_today"),
        **_left_out(sums),
        since_time=timestamp(found.since),
        compared=sums.everybody.applicants,
        agreed=sums.agreed,
        outcomes=[_outcomes(row, found.currency) for row in matrix_of(sums)],
        moves=[_move(row) for row in causes_of(sums)],
        params_as_of="" if found.params_as_of is None else found.params_as_of.isoformat(),
        untried=[
            rollout_figures_pb.UntriedValue(
                **same(one, "version", "value"),
                parameter=one.param,
                from_date="" if one.start is None else one.start.isoformat(),
            )
            for one in found.untried
        ],
        rates=[_rate(rate) for rate in rates_of(sums)],
        reasons=[
            rollout_figures_pb.ComparedReason(live=old, other=new, count=count)
            for old, new, count in reasons_of(sums)
        ],
    )


def _outcomes(row: MatrixRow, currency: str) -> rollout_figures_pb.ComparedOutcomes:
    return rollout_figures_pb.ComparedOutcomes(
        live=f"OUTCOME_{row.before}",
        other=f"OUTCOME_{row.after}",
        count=row.applicants,
        live_amount=money_to_message(Money(currency, row.amount_before)),
        other_amount=money_to_message(Money(currency, row.amount_after)),
        examples=row.examples,
    )


def _move(row: CauseRow) -> rollout_figures_pb.ComparedMove:
    return rollout_figures_pb.ComparedMove(
        change=row.name,
        count=row.named,
        example=row.examples[0] if row.examples else "",
        **same(row, "first", "alone", "gained", "lost"),
    )


def _rate(rate: Rate) -> rollout_figures_pb.ComparedRate:
    between = rate.difference
    return rollout_figures_pb.ComparedRate(
        outcome=f"OUTCOME_{rate.outcome}",
        live_percent=_hundredths(rate.before.share),
        other_percent=_hundredths(rate.after.share),
        difference=_hundredths(between.difference),
        low=_hundredths(between.low),
        high=_hundredths(between.high),
    )


def _hundredths(share: float) -> str:
    return f"{share * 100 + 0.0:.2f}"


def figures_message(figures: Figures) -> rollout_figures_pb.RolloutFigures:
    currency = figures.product.champion.currency
    return rollout_figures_pb.RolloutFigures(
        since_time=timestamp(figures.since),
        arms=[_arm(line, currency) for line in figures.arms],
        shadows=[_shadow(line) for line in figures.shadows],
        guardrails=[_guard(guard, figures.product) for guard in figures.guards],
        next=[_next(one) for one in figures.next],
        caps=[_cap(cap, total, currency) for cap, total in figures.day],
    )


def _cap(cap: DayCap, total: DayTotal, currency: str) -> rollout_figures_pb.CapFigures:
    most = None if cap.amount is None else Money(currency, to_minor(cap.amount, currency))
    return rollout_figures_pb.CapFigures(
        **same(cap, "name", "tier"),
        approvals=total.approvals,
        max_approvals=cap.approvals or 0,
        amount=money_to_message(Money(currency, total.amount)),
        max_amount=optional_money(most),
    )


def _arm(line: ArmLine, currency: str) -> rollout_figures_pb.ArmFigures:
    tally = line.tally
    return rollout_figures_pb.ArmFigures(
        arm=line.arm.value,
        version=line.version,
        percent=percent_text(line.share),
        applicants=tally.units,
        decisions=tally.decisions,
        approved=_share(tally.approved, tally.units),
        referred=_share(tally.referred, tally.units),
        declined=_share(tally.declined, tally.units),
        missing=_share(tally.missing, tally.units),
        approved_amount=money_to_message(Money(currency, line.approved)),
        attempts=line.errors.units,
        internal_errors=line.errors.events,
        p99_ms=round(line.p99_ms),
    )


def _share(count: int, units: int) -> rollout_figures_pb.MeasuredShare:
    tally = ArmCount(units, count)
    low, high = interval(tally)
    return rollout_figures_pb.MeasuredShare(
        count=count,
        percent=_rate_hundredths(tally.rate),
        low=_rate_hundredths(low),
        high=_rate_hundredths(high),
    )


def _rate_hundredths(rate: float) -> str:
    return f"{rate * 100:.2f}"


def _shadow(line: ShadowLine) -> rollout_figures_pb.ShadowFigures:
    left_out = _left_out(line.sums)
    return rollout_figures_pb.ShadowFigures(
        version=line.version,
        percent=percent_text(line.share),
        compared=line.sums.everybody.applicants,
        agreed=line.sums.agreed,
        not_comparable=left_out["not_comparable"],
        failed=left_out["failed"],
        changes=[
            rollout_figures_pb.OutcomeChange(
                live=f"OUTCOME_{row.before}", other=f"OUTCOME_{row.after}", count=row.applicants
            )
            for row in matrix_of(line.sums)
            if row.before != row.after
        ],
    )


def _guard(guard: GuardrailLine, product: Product) -> rollout_figures_pb.GuardrailFigures:
    word, awaited = guard.word, guard.awaited
    return rollout_figures_pb.GuardrailFigures(
        name=word.guardrail.name,
        metric=word.guardrail.metric.value,
        of=word.arm.value if word.arm else "product",
        action=word.guardrail.action.value,
        standing=word.judgement.standing.value,
        value=value_words(word),
        allowed=allowed_words(word.guardrail, product),
        window=window_words(word),
        units=word.judgement.units,
        min_units=word.guardrail.min_units,
        units_missing=awaited.missing if awaited else 0,
        units_by_time=optional_time(awaited.by) if awaited else None,
    )


def _next(one: NextStage) -> rollout_figures_pb.NextStage:
    readiness, stage = one.readiness, one.readiness.next
    return rollout_figures_pb.NextStage(
        track=one.track.value,
        stage=stage.name if stage else "",
        percent=percent_text(stage.percent) if stage else "",
        hold_until_time=timestamp(readiness.holds_until),
        decisions_missing=readiness.decisions_missing,
        blocked_by=readiness.blocked_by,
        decisions=one.decisions,
        waiting=[
            rollout_figures_pb.WaitingGuardrail(
                name=word.guardrail.name,
                units=word.judgement.units,
                min_units=word.guardrail.min_units,
            )
            for word in one.waiting
        ],
        guardrails=len(one.guards),
        decisions_by_time=optional_time(one.count.by),
        ready_by_time=optional_time(one.ready_by),
    )
