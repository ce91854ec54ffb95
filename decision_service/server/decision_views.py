"""Decisions as clients read them; the same code makes the recorded bytes and every later view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.decision import (
    Assignment,
    Decision,
    ListAnswer,
    Offer,
    Reason,
    RulesetRef,
    RuleTrace,
    StageTrace,
    Verdict,
)
from decision_service.domain.factor import Factors, FactorValue, SourceUse, Value
from decision_service.domain.ports import ReplyStyle
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
    optional_money,
    optional_time,
    optional_value,
    same,
    timestamp_fields,
    value_fields,
)

_REF = ("ruleset", "version", "digest")


def add_full_view(
    message: pb.Decision,
    inputs: Mapping[str, Value],
    factors: Factors | None,
    traces: Sequence[StageTrace],
    withheld_tags: Sequence[str],
    answers: Sequence[ListAnswer],
) -> None:
    """Add what only the FULL view has: inputs, factor values by name, traces in file order."""
    message.MergeFrom(pb.Decision(**_full_fields(inputs, factors, traces, withheld_tags, answers)))


def _full_fields(
    inputs: Mapping[str, Value],
    factors: Factors | None,
    traces: Sequence[StageTrace],
    withheld_tags: Sequence[str],
    answers: Sequence[ListAnswer],
) -> Fields:
    return {
        "inputs": {name: value_fields(value) for name, value in inputs.items()},
        "factor_values": [
            _factor_value(value)
            for _, value in (() if factors is None else sorted(factors.values.items()))
        ],
        "rule_traces": [_rule_trace(stage, rule) for stage in traces for rule in stage.rules],
        "withheld_tags": withheld_tags,
        "list_answers": [
            {**same(answer, "list", "input", "listed"), "list_digest": answer.digest}
            for answer in answers
        ],
    }


def _factor_value(factor: FactorValue) -> Fields:
    evidence = factor.evidence
    return {
        "name": factor.name,
        "value": optional_value(factor.value),
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


def _rule_trace(stage: StageTrace, rule: RuleTrace) -> Fields:
    return {
        "stage": stage.name,
        "stage_outcome": OUTCOMES[stage.concluded],
        "component": COMPONENTS[stage.component],
        "rule": rule.id,
        "truth": TRUTHS[rule.truth],
        **same(rule, "effect", "reason", "note"),
        "comparisons": [
            {
                **same(one, "left", "operator", "right", "actual", "required"),
                "truth": TRUTHS[one.truth],
            }
            for one in rule.comparisons
        ],
    }


def verdict_fields(verdict: Verdict, languages: Sequence[str]) -> Fields:
    return {
        **_concluded(verdict, languages),
        "data_requests": [
            {**same(one, "factor", "help"), "cause": missing_fields(one.missing)}
            for one in verdict.data_requests
        ],
        "scores": [
            {
                **same(one, "scorecard", "band"),
                "score": decimal_text(one.score),
                "best_score": decimal_text(one.best_score),
            }
            for one in verdict.scores
        ],
        "offer": None if verdict.offer is None else _offer(verdict.offer),
        "conditions": [
            {"id": one.id, "text": _in_language(one.texts, languages)} for one in verdict.conditions
        ],
        "tags": verdict.told_tags,
    }


def _concluded(verdict: Verdict, languages: Sequence[str]) -> Fields:
    return {
        "outcome": OUTCOMES[verdict.outcome],
        "refer_kind": REFER_KINDS[verdict.refer_kind],
        "reasons": [_reason(reason, languages) for reason in verdict.reasons],
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
        **same(reason, "code", "factor", "actual", "required", "regulatory_text"),
        "message": _in_language(reason.texts, languages),
        "component": COMPONENTS[reason.component],
        "points_lost": "" if lost is None else decimal_text(lost),
        "actual_value": optional_value(reason.actual_value),
        "required_value": optional_value(reason.required_value),
    }


def _offer(offer: Offer) -> Fields:
    rate = offer.monthly_rate
    return {
        "kind": OFFER_KINDS[offer.kind],
        "approved_amount": money_fields(offer.approved_amount),
        "max_amount": optional_money(offer.max_amount),
        "term_months": offer.term_months or 0,
        "monthly_rate": "" if rate is None else decimal_text(rate),
        **same(offer, "tier", "binding", "term_binding"),
        "outputs": {name: value_fields(value) for name, value in offer.outputs.items()},
    }


class ProtoReplyEncoder:
    """The `ReplyEncoder` of the pipeline: a serialized CreateDecisionResponse."""

    def encode(self, decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> bytes:
        """The response's bytes, the same for equal arguments: serialization is deterministic."""
        fields = _decision_fields(decision, style, traces)
        response = service_pb.CreateDecisionResponse(decision=fields)
        return response.SerializeToString(deterministic=True)


def decision_message(
    decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]
) -> pb.Decision:
    """The decision as its caller wants it; traces are in FULL view only."""
    return pb.Decision(**_decision_fields(decision, style, traces))


def _decision_fields(decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> Fields:
    """The fields of a Decision, its texts in the first language that the ruleset has."""
    fields = _basic_fields(decision, style.languages)
    if style.full:
        fields |= _full_fields(
            decision.inputs,
            decision.factors,
            traces,
            decision.verdict.withheld_tags,
            decision.answers,
        )
    return fields


def _basic_fields(decision: Decision, languages: Sequence[str]) -> Fields:
    fields = verdict_fields(decision.verdict, languages)
    fields |= same(decision, "decision_id", "request_id", "application_id", "customer_ref")
    fields |= same(decision, "user_id", "product", "engine_version")
    fields |= {
        "assignment": _assignment_fields(decision.assignment),
        "data_quality": _quality_fields(decision),
        "as_of_date": decision.as_of.date.isoformat(),
        "create_time": timestamp_fields(decision.created),
        "expire_time": optional_time(decision.expires),
    }
    if decision.verdict.connect:
        asked = {"user_id": decision.user_id, "provider_types": decision.verdict.connect}
        fields["connect"] = {
            "provider_types": decision.verdict.connect,
            "link_token_request": asked,
        }
    if decision.first_decision_id:
        fields["first_decision_id"] = decision.first_decision_id
    if decision.override is not None:
        fields["override"] = {
            **same(decision.override, "kind", "cap"),
            **_concluded(decision.override.verdict, languages),
        }
    if decision.ruleset_ref is not None:
        fields["ruleset_ref"] = same(decision.ruleset_ref, *_REF)
    return fields


def ref_message(ref: RulesetRef) -> pb.RulesetRef:
    return pb.RulesetRef(**same(ref, *_REF))


def assignment_message(assignment: Assignment) -> pb.Assignment:
    return pb.Assignment(**_assignment_fields(assignment))


def _assignment_fields(assignment: Assignment) -> Fields:
    return {
        **same(assignment, "rollout", "enrolment_reason", "enrolment_slot"),
        **same(assignment, "arm_slot", "plan_digest", "stage"),
        "arm": assignment.arm or "",
        "arm_reason": assignment.arm_reason or "",
    }


def _quality_fields(decision: Decision) -> Fields:
    factors = decision.factors
    fields: Fields = {
        "snapshot_id": decision.snapshot_id or "",
        "upstream_calls": decision.upstream_calls,
        "fetched_time": optional_time(decision.fetched),
    }
    if factors is not None:
        fields["accounts"] = [_account_use(source) for source in factors.sources]
        fields["kinds"] = [
            {"data_kind": kind, "status": STATUSES[status]}
            for kind, status in sorted(factors.kinds.items())
        ]
    return fields


def _account_use(source: SourceUse) -> Fields:
    return {
        "account_id": source.id,
        **same(source, "provider_id", "status", "used"),
        "sync_time": optional_time(source.synced),
        "error_code": source.error_code or "",
    }
