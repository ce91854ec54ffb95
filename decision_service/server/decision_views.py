"""Decisions as clients read them; the same code makes the recorded bytes and every later view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.decision import Assignment, Decision, ListAnswer, Override, RulesetRef
from decision_service.domain.factor import Factors, FactorValue, SourceUse, Value
from decision_service.domain.ports import ReplyStyle
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
from decision_service.server.wire import (
    COMPONENTS,
    OFFER_KINDS,
    OUTCOMES,
    REFER_KINDS,
    STATUSES,
    TRUTHS,
    Fields,
    decimal_text,
    missing_fields,
    money_fields,
    timestamp_fields,
    value_fields,
)


def add_full_view(
    message: pb.Decision,
    inputs: Mapping[str, Value],
    factors: Factors | None,
    traces: Sequence[StageTrace],
    withheld_tags: Sequence[str],
    answers: Sequence[ListAnswer],
) -> None:
    """Add what only the FULL view has: inputs, factor values by name, traces in file order."""
    fields = full_fields(inputs, factors, traces, withheld_tags, answers)
    message.MergeFrom(pb.Decision(**fields))


def full_fields(
    inputs: Mapping[str, Value],
    factors: Factors | None,
    traces: Sequence[StageTrace],
    withheld_tags: Sequence[str],
    answers: Sequence[ListAnswer],
) -> Fields:
    return {
        "inputs": {name: value_fields(value) for name, value in inputs.items()},
        "factor_values": [] if factors is None else _factor_fields(factors),
        "rule_traces": _trace_fields(traces),
        "withheld_tags": withheld_tags,
        "list_answers": [_answer(answer) for answer in answers],
    }


def _factor_fields(factors: Factors) -> list[Fields]:
    values = factors.values
    return [_factor_value(values[name]) for name in sorted(values)]


def _trace_fields(traces: Sequence[StageTrace]) -> list[Fields]:
    return [_rule_trace(stage, rule) for stage in traces for rule in stage.rules]


def _factor_value(factor: FactorValue) -> Fields:
    evidence = factor.evidence
    return {
        "name": factor.name,
        "value": None if factor.value is None else value_fields(factor.value),
        "missing": [missing_fields(missing) for missing in factor.missing],
        "evidence": {
            "record_count": evidence.records,
            "first": evidence.first or "",
            "last": evidence.last or "",
            "horizon": evidence.horizon or "",
            "grade": evidence.grade or "",
            "record_ids": evidence.top,
            "source_ids": evidence.sources,
            "notes": evidence.notes,
        },
    }


def _answer(answer: ListAnswer) -> Fields:
    return {
        "list": answer.list,
        "input": answer.input,
        "listed": answer.listed,
        "list_digest": answer.digest,
    }


def _rule_trace(stage: StageTrace, rule: RuleTrace) -> Fields:
    return {
        "stage": stage.name,
        "stage_outcome": OUTCOMES[stage.concluded],
        "component": COMPONENTS[stage.component],
        "rule": rule.id,
        "truth": TRUTHS[rule.truth],
        "effect": rule.effect,
        "reason": rule.reason,
        "comparisons": [
            {
                "left": c.left,
                "operator": c.operator,
                "right": c.right,
                "actual": c.actual,
                "required": c.required,
                "truth": TRUTHS[c.truth],
            }
            for c in rule.comparisons
        ],
        "note": rule.note,
    }


def verdict_fields(verdict: Verdict, languages: Sequence[str]) -> Fields:
    return {
        "outcome": OUTCOMES[verdict.outcome],
        "refer_kind": REFER_KINDS[verdict.refer_kind],
        "reasons": [_reason(reason, languages) for reason in verdict.reasons],
        "data_requests": [_data_request(request) for request in verdict.data_requests],
        "scores": [_score(score) for score in verdict.scores],
        "offer": None if verdict.offer is None else _offer(verdict.offer),
        "conditions": [_condition(one, languages) for one in verdict.conditions],
        "tags": verdict.told_tags,
    }


def override_fields(override: Override, languages: Sequence[str]) -> Fields:
    verdict = override.verdict
    return {
        "kind": override.kind,
        "outcome": OUTCOMES[verdict.outcome],
        "refer_kind": REFER_KINDS[verdict.refer_kind],
        "reasons": [_reason(reason, languages) for reason in verdict.reasons],
        "cap": override.cap,
    }


def _in_language(texts: Mapping[str, str], languages: Sequence[str]) -> str:
    """The text in the first language there is (`fil-PH` finds `fil`), else in English."""
    for language in languages:
        text = texts.get(language) or texts.get(language.partition("-")[0])
        if text:
            return text
    return texts["en"]


def _reason(reason: Reason, languages: Sequence[str]) -> Fields:
    lost = reason.points_lost
    return {
        "code": reason.code,
        "message": _in_language(reason.texts, languages),
        "component": COMPONENTS[reason.component],
        "factor": reason.factor,
        "actual": reason.actual,
        "required": reason.required,
        "points_lost": "" if lost is None else decimal_text(lost),
        "regulatory_text": reason.regulatory_text,
        "actual_value": _value(reason.actual_value),
        "required_value": _value(reason.required_value),
    }


def _value(value: Value | None) -> Fields | None:
    return None if value is None else value_fields(value)


def _data_request(request: DataRequest) -> Fields:
    cause = missing_fields(request.missing)
    return {"factor": request.factor, "cause": cause, "help": request.help}


def _score(score: Score) -> Fields:
    return {
        "scorecard": score.scorecard,
        "score": decimal_text(score.score),
        "best_score": decimal_text(score.best_score),
        "band": score.band,
    }


def _condition(condition: Condition, languages: Sequence[str]) -> Fields:
    return {"id": condition.id, "text": _in_language(condition.texts, languages)}


def _offer(offer: Offer) -> Fields:
    rate = offer.monthly_rate
    return {
        "kind": OFFER_KINDS[offer.kind],
        "approved_amount": money_fields(offer.approved_amount),
        "max_amount": None if offer.max_amount is None else money_fields(offer.max_amount),
        "term_months": offer.term_months or 0,
        "monthly_rate": "" if rate is None else decimal_text(rate),
        "tier": offer.tier,
        "binding": offer.binding,
        "term_binding": offer.term_binding,
        "outputs": {name: value_fields(value) for name, value in offer.outputs.items()},
    }


class ProtoReplyEncoder:
    """The `ReplyEncoder` of the pipeline: a serialized CreateDecisionResponse."""

    def encode(self, decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> bytes:
        """The response's bytes, the same for equal arguments: serialization is deterministic."""
        fields = decision_fields(decision, style, traces)
        response = service_pb.CreateDecisionResponse(decision=fields)
        return response.SerializeToString(deterministic=True)


def decision_message(
    decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]
) -> pb.Decision:
    """The decision as its caller wants it; traces are in FULL view only."""
    return pb.Decision(**decision_fields(decision, style, traces))


def decision_fields(decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> Fields:
    """The fields of a Decision, its texts in the first language that the ruleset has."""
    fields = _basic_fields(decision, style.languages)
    if style.full:
        told = decision.verdict.withheld_tags, decision.answers
        fields |= full_fields(decision.inputs, decision.factors, traces, *told)
    return fields


def _basic_fields(decision: Decision, languages: Sequence[str]) -> Fields:
    fields = verdict_fields(decision.verdict, languages)
    fields |= {
        "decision_id": decision.decision_id,
        "request_id": decision.request_id,
        "application_id": decision.application_id,
        "customer_ref": decision.customer_ref,
        "user_id": decision.user_id,
        "product": decision.product,
        "assignment": _assignment_fields(decision.assignment),
        "data_quality": _quality_fields(decision),
        "as_of_date": decision.as_of.date.isoformat(),
        "create_time": timestamp_fields(decision.created),
        "engine_version": decision.engine_version,
    }
    if decision.verdict.connect:
        asked = {"user_id": decision.user_id, "provider_types": decision.verdict.connect}
        fields["connect"] = {
            "provider_types": decision.verdict.connect,
            "link_token_request": asked,
        }
    if decision.first_decision_id:
        fields["first_decision_id"] = decision.first_decision_id
    if decision.expires is not None:
        fields["expire_time"] = timestamp_fields(decision.expires)
    if decision.override is not None:
        fields["override"] = override_fields(decision.override, languages)
    if decision.ruleset_ref is not None:
        fields["ruleset_ref"] = _ref_fields(decision.ruleset_ref)
    return fields


def ref_message(ref: RulesetRef) -> pb.RulesetRef:
    return pb.RulesetRef(**_ref_fields(ref))


def _ref_fields(ref: RulesetRef) -> Fields:
    return {"ruleset": ref.ruleset, "version": ref.version, "digest": ref.digest}


def assignment_message(assignment: Assignment) -> pb.Assignment:
    return pb.Assignment(**_assignment_fields(assignment))


def _assignment_fields(assignment: Assignment) -> Fields:
    return {
        "rollout": assignment.rollout,
        "enrolment_reason": assignment.enrolment_reason,
        "enrolment_slot": assignment.enrolment_slot,
        "arm": assignment.arm or "",
        "arm_reason": assignment.arm_reason or "",
        "arm_slot": assignment.arm_slot,
        "plan_digest": assignment.plan_digest,
        "stage": assignment.stage,
    }


def _quality_fields(decision: Decision) -> Fields:
    factors = decision.factors
    fields: Fields = {
        "snapshot_id": decision.snapshot_id or "",
        "upstream_calls": decision.upstream_calls,
    }
    if decision.fetched is not None:
        fields["fetched_time"] = timestamp_fields(decision.fetched)
    if factors is not None:
        fields |= _use_fields(factors)
    return fields


def _use_fields(factors: Factors) -> Fields:
    return {
        "accounts": [_account_use(source) for source in factors.sources],
        "kinds": [
            {"data_kind": kind, "status": STATUSES[factors.kinds[kind]]}
            for kind in sorted(factors.kinds)
        ],
    }


def _account_use(source: SourceUse) -> Fields:
    return {
        "account_id": source.id,
        "provider_id": source.provider_id,
        "status": source.status,
        "sync_time": None if source.synced is None else timestamp_fields(source.synced),
        "used": source.used,
        "error_code": source.error_code or "",
    }
