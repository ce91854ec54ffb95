"""What a Decision shows in FULL view alone: inputs, factor values, rule traces, withheld tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import Factors, FactorValue, Value
from decision_service.domain.verdict import RuleTrace, StageTrace
from decision_service.edge.rpc.mapping.enums import COMPONENTS, OUTCOMES, TRUTHS
from decision_service.edge.rpc.mapping.values import Fields, missing_fields, value_fields


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
    """The fields of a Decision that only the FULL view has."""
    return {
        "inputs": {name: value_fields(value) for name, value in inputs.items()},
        "factor_values": [] if factors is None else _factor_fields(factors),
        "rule_traces": _trace_fields(traces),
        "withheld_tags": withheld_tags,
        "list_answers": [_answer(answer) for answer in answers],
    }


def _factor_fields(factors: Factors) -> list[Fields]:
    """The factor values of a Decision, by name."""
    values = factors.values
    return [_factor_value(values[name]) for name in sorted(values)]


def _trace_fields(traces: Sequence[StageTrace]) -> list[Fields]:
    """The rule traces of a Decision, in file order."""
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
