"""Decisions as clients read them; the same code makes the recorded bytes and every later view."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.decision import Assignment, Decision, RulesetRef
from decision_service.domain.factor import Factors, SourceUse
from decision_service.domain.verdict import StageTrace
from decision_service.edge.rpc.mapping.decisions.full_view import full_fields
from decision_service.edge.rpc.mapping.decisions.verdict import override_fields, verdict_fields
from decision_service.edge.rpc.mapping.enums import STATUSES
from decision_service.edge.rpc.mapping.values import Fields, timestamp_fields
from decision_service.pipeline.ports import ReplyStyle


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
    """How a decision names its rules."""
    return pb.RulesetRef(**_ref_fields(ref))


def _ref_fields(ref: RulesetRef) -> Fields:
    return {"ruleset": ref.ruleset, "version": ref.version, "digest": ref.digest}


def assignment_message(assignment: Assignment) -> pb.Assignment:
    """Where the rollout put an applicant."""
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
    """The fields of a DataQuality that name the accounts and data that the factor values use."""
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
