"""Decisions as clients read them; the same code makes the recorded bytes and every later view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.decision import Assignment, Decision, RulesetRef
from decision_service.domain.factor import Factors, FactorValue, SourceUse, Value
from decision_service.domain.verdict import (
    Condition,
    DataRequest,
    Offer,
    Reason,
    RuleTrace,
    Score,
    StageTrace,
    Verdict,
)
from decision_service.edge.rpc.values import (
    decimal_text,
    missing_message,
    money_to_message,
    timestamp,
    value_to_message,
)
from decision_service.pipeline.ports import ReplyStyle


class ProtoReplyEncoder:
    """The `ReplyEncoder` of the pipeline: a serialized CreateDecisionResponse."""

    def encode(self, decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> bytes:
        """The response's bytes, the same for equal arguments (map entries sorted)."""
        message = decision_message(decision, style.languages)
        if style.full:
            add_full_view(message, decision.inputs, decision.factors, traces)
        response = service_pb.CreateDecisionResponse(decision=message)
        return response.SerializeToString(deterministic=True)


def decision_message(decision: Decision, languages: Sequence[str]) -> pb.Decision:
    """The decision in BASIC view, its texts in the first language that the ruleset has."""
    return pb.Decision(
        decision_id=decision.decision_id,
        request_id=decision.request_id,
        application_id=decision.application_id,
        customer_ref=decision.customer_ref,
        user_id=decision.user_id,
        product=decision.product,
        assignment=assignment_message(decision.assignment),
        data_quality=_data_quality(decision),
        as_of_date=decision.as_of.date.isoformat(),
        create_time=timestamp(decision.created),
        expire_time=None if decision.expires is None else timestamp(decision.expires),
        ruleset_ref=None if decision.ruleset_ref is None else ref_message(decision.ruleset_ref),
        engine_version=decision.engine_version,
        **verdict_fields(decision.verdict, languages),
    )


def verdict_fields(verdict: Verdict, languages: Sequence[str]) -> dict[str, Any]:
    """The fields of a Decision that hold what a ruleset concluded."""
    return {
        "outcome": f"OUTCOME_{verdict.outcome}",
        "refer_kind": verdict.refer_kind and f"REFER_KIND_{verdict.refer_kind}",
        "reasons": [_reason(reason, languages) for reason in verdict.reasons],
        "data_requests": [_data_request(request) for request in verdict.data_requests],
        "scores": [_score(score) for score in verdict.scores],
        "offer": None if verdict.offer is None else _offer(verdict.offer),
        "conditions": [_condition(one, languages) for one in verdict.conditions],
    }


def ref_message(ref: RulesetRef) -> pb.RulesetRef:
    """How a decision names its rules."""
    return pb.RulesetRef(ruleset=ref.ruleset, version=ref.version, digest=ref.digest)


def assignment_message(assignment: Assignment) -> pb.Assignment:
    """Where the rollout put an applicant."""
    return pb.Assignment(
        rollout=assignment.rollout,
        enrolment_reason=assignment.enrolment_reason.value,
        enrolment_slot=assignment.enrolment_slot,
        arm=assignment.arm or "",
        arm_reason=assignment.arm_reason or "",
        arm_slot=assignment.arm_slot,
        plan_digest=assignment.plan_digest,
        stage=assignment.stage,
    )


def add_full_view(
    message: pb.Decision,
    inputs: Mapping[str, Value],
    factors: Factors | None,
    traces: Sequence[StageTrace],
) -> None:
    """Add what only the FULL view has: inputs, factor values by name, traces in file order."""
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(value_to_message(value))
    if factors is not None:
        names = sorted(factors.values)
        message.factor_values.extend(_factor_value(factors.values[name]) for name in names)
    message.rule_traces.extend(_rule_trace(stage, rule) for stage in traces for rule in stage.rules)


def in_language(texts: Mapping[str, str], languages: Sequence[str]) -> str:
    """The text in the first language there is (`fil-PH` finds `fil`), else in English."""
    for language in languages:
        text = texts.get(language) or texts.get(language.partition("-")[0])
        if text:
            return text
    return texts["en"]


def _reason(reason: Reason, languages: Sequence[str]) -> pb.Reason:
    return pb.Reason(
        code=reason.code,
        message=in_language(reason.texts, languages),
        component=f"COMPONENT_{reason.component}",
        factor=reason.factor,
        actual=reason.actual,
        required=reason.required,
        points_lost="" if reason.points_lost is None else decimal_text(reason.points_lost),
        regulatory_text=reason.regulatory_text,
    )


def _data_request(request: DataRequest) -> pb.DataRequest:
    return pb.DataRequest(
        factor=request.factor, cause=missing_message(request.missing), help=request.help
    )


def _score(score: Score) -> pb.Score:
    return pb.Score(
        scorecard=score.scorecard,
        score=decimal_text(score.score),
        best_score=decimal_text(score.best_score),
        band=score.band,
    )


def _condition(condition: Condition, languages: Sequence[str]) -> pb.Condition:
    return pb.Condition(id=condition.id, text=in_language(condition.texts, languages))


def _offer(offer: Offer) -> pb.Offer:
    return pb.Offer(
        kind=f"OFFER_KIND_{offer.kind}",
        approved_amount=money_to_message(offer.approved_amount),
        max_amount=None if offer.max_amount is None else money_to_message(offer.max_amount),
        term_months=offer.term_months or 0,
        monthly_rate="" if offer.monthly_rate is None else decimal_text(offer.monthly_rate),
        tier=offer.tier,
        binding=offer.binding,
        outputs={name: value_to_message(value) for name, value in offer.outputs.items()},
    )


def _data_quality(decision: Decision) -> pb.DataQuality:
    factors = decision.factors
    message = pb.DataQuality(
        snapshot_id=decision.snapshot_id or "", upstream_calls=decision.upstream_calls
    )
    if decision.fetched is not None:
        message.fetched_time.CopyFrom(timestamp(decision.fetched))
    if factors is not None:
        message.accounts.extend(_account_use(source) for source in factors.sources)
        message.kinds.extend(
            pb.KindQuality(
                data_kind=kind.value,
                status=f"KIND_STATUS_{factors.kinds[kind]}",
            )
            for kind in sorted(factors.kinds)
        )
    return message


def _account_use(source: SourceUse) -> pb.AccountUse:
    return pb.AccountUse(
        account_id=source.id,
        provider_id=source.provider_id,
        status=source.status,
        sync_time=None if source.synced is None else timestamp(source.synced),
        used=source.used,
        error_code=source.error_code or "",
    )


def _factor_value(factor: FactorValue) -> pb.FactorValue:
    evidence = factor.evidence
    return pb.FactorValue(
        name=factor.name,
        value=None if factor.value is None else value_to_message(factor.value),
        missing=[missing_message(missing) for missing in factor.missing],
        evidence=pb.Evidence(
            record_count=evidence.records,
            first=evidence.first or "",
            last=evidence.last or "",
            horizon=evidence.horizon or "",
            grade=evidence.grade or "",
            record_ids=evidence.top,
            source_ids=evidence.sources,
            notes=evidence.notes,
        ),
    )


def _rule_trace(stage: StageTrace, rule: RuleTrace) -> pb.RuleTrace:
    return pb.RuleTrace(
        stage=stage.name,
        stage_outcome=f"OUTCOME_{stage.concluded or 'UNSPECIFIED'}",
        component=f"COMPONENT_{stage.component}",
        rule=rule.id,
        truth=f"TRUTH_{rule.truth}",
        effect=rule.effect,
        reason=rule.reason,
        comparisons=[
            pb.ComparisonTrace(
                left=c.left,
                operator=c.operator,
                right=c.right,
                actual=c.actual,
                required=c.required,
                truth=f"TRUTH_{c.truth}",
            )
            for c in rule.comparisons
        ],
        note=rule.note,
    )
