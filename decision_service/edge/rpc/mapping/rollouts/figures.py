"""What rollouts have measured, as operators read it."""

from __future__ import annotations

from decimal import Decimal

from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import rollout_figures_pb2 as pb
from decision_service.domain.money import Money, to_minor
from decision_service.edge.rpc.mapping.rollouts.comparison import left_out_counts
from decision_service.edge.rpc.mapping.rollouts.rollout import percent_text
from decision_service.edge.rpc.mapping.values import money_to_message, timestamp
from decision_service.impact.sums import matrix_of
from decision_service.pipeline.rollout.figures import (
    ArmLine,
    Figures,
    GuardrailLine,
    NextStage,
    ShadowLine,
)
from decision_service.pipeline.rollout.guardrails.evaluate import GuardrailResult
from decision_service.pipeline.rollout.guardrails.guardrail_text import (
    allowed_words,
    value_words,
    window_words,
)
from decision_service.pipeline.rules.rulebook import Product
from decision_service.rollout.allowances import DayTotal
from decision_service.rollout.model import DayCap
from decision_service.rollout.sequential import ArmCount, interval


def figures_message(figures: Figures) -> pb.RolloutFigures:
    """Everything that a rollout has measured."""
    currency = figures.product.champion.currency
    message = pb.RolloutFigures(
        since_time=timestamp(figures.since),
        arms=[_arm(line, currency) for line in figures.arms],
        shadows=[_shadow(line) for line in figures.shadows],
        guardrails=[_guard(guard, figures.product) for guard in figures.guards],
        next=[_next(one) for one in figures.next],
    )
    message.caps.extend(_cap(*one, currency) for one in figures.day)
    return message


def _cap(cap: DayCap, total: DayTotal, currency: str) -> pb.CapFigures:
    message = pb.CapFigures(
        name=cap.name,
        tier=cap.tier,
        approvals=total.approvals,
        max_approvals=cap.approvals or 0,
        amount=money_to_message(Money(currency, total.amount)),
    )
    if cap.amount is not None:
        message.max_amount.CopyFrom(_money(cap.amount, currency))
    return message


def _money(amount: Decimal, currency: str) -> MoneyMessage:
    return money_to_message(Money(currency, to_minor(amount, currency)))


def _arm(line: ArmLine, currency: str) -> pb.ArmFigures:
    tally = line.tally
    return pb.ArmFigures(
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


def _share(count: int, units: int) -> pb.MeasuredShare:
    tally = ArmCount(units, count)
    low, high = interval(tally)
    return pb.MeasuredShare(
        count=count, percent=_hundredths(tally.rate), low=_hundredths(low), high=_hundredths(high)
    )


def _hundredths(rate: float) -> str:
    return f"{rate * 100:.2f}"


def _shadow(line: ShadowLine) -> pb.ShadowFigures:
    left_out = left_out_counts(line.sums)
    return pb.ShadowFigures(
        version=line.version,
        percent=percent_text(line.share),
        compared=line.sums.everybody.applicants,
        agreed=line.sums.agreed,
        not_comparable=left_out.not_comparable,
        failed=left_out.failed,
        changes=[
            pb.OutcomeChange(
                live=f"OUTCOME_{row.before}", other=f"OUTCOME_{row.after}", count=row.applicants
            )
            for row in matrix_of(line.sums)
            if row.before != row.after
        ],
    )


def _guard(guard: GuardrailLine, product: Product) -> pb.GuardrailFigures:
    word, awaited = guard.word, guard.awaited
    message = pb.GuardrailFigures(
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
    )
    if awaited and awaited.by:
        message.units_by_time.CopyFrom(timestamp(awaited.by))
    return message


def _next(one: NextStage) -> pb.NextStage:
    readiness, stage = one.readiness, one.readiness.next
    message = pb.NextStage(
        track=one.track.value,
        stage=stage.name if stage else "",
        percent=percent_text(stage.percent) if stage else "",
        hold_until_time=timestamp(readiness.holds_until),
        decisions_missing=readiness.decisions_missing,
        blocked_by=readiness.blocked_by,
        decisions=one.decisions,
        waiting=[_waiting(word) for word in one.waiting],
        guardrails=len(one.guards),
    )
    if one.count.by:
        message.decisions_by_time.CopyFrom(timestamp(one.count.by))
    if one.ready_by:
        message.ready_by_time.CopyFrom(timestamp(one.ready_by))
    return message


def _waiting(word: GuardrailResult) -> pb.WaitingGuardrail:
    guardrail = word.guardrail
    return pb.WaitingGuardrail(
        name=guardrail.name, units=word.judgement.units, min_units=guardrail.min_units
    )
