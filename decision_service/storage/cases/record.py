"""From an exported decision to the record of it that a backtest reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from decision_service.domain.decision import Arm, Assignment, EnrolmentReason, ListAnswer
from decision_service.domain.factor import (
    Factors,
    FactorSpec,
    FactorValue,
    SourceUse,
    ValueType,
)
from decision_service.domain.missing import Missing
from decision_service.factors.registry import catalogue
from decision_service.impact.applicant import Side
from decision_service.language.evaluation.values import has_type
from decision_service.pipeline.decide.record_codec import (
    FactsToStore,
    encode_facts,
    inputs_to_wire,
    pack_factors,
)
from decision_service.pipeline.ports import StoredEntry
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.inputs import bind_inputs
from decision_service.storage.cases.line import CaseLine, MissingLine, value_of


def entry_of(line: CaseLine, ruleset: CompiledRuleset | None) -> StoredEntry:
    """The decision as a store has it; `ruleset` decided it, None where that is not at hand.

    Values that cannot be read leave a record without factor values, which cannot be judged.
    """
    try:
        reply = msgspec.json.encode(line.side)
        facts = b"" if ruleset is None else encode_facts(_facts(line, ruleset))
    except (ValueError, ArithmeticError):
        reply, facts = b"", b""
    return StoredEntry(
        decision_id=line.decision,
        caller="",
        request_id="",
        content=b"",
        user_id=line.unit,
        product=line.product,
        application_id="",
        customer_ref="",
        outcome=line.outcome,
        created=line.decided,
        reply=reply,
        facts=facts,
        ruleset_digest=line.digest or None,
        plan_digest=None,
        snapshot_id=None,
    )


def recorded_conclusion(reply: bytes) -> Side:
    """What the rules concluded, as an entry of `entry_of` holds it."""
    return msgspec.json.decode(reply, type=Side)


def _facts(line: CaseLine, ruleset: CompiledRuleset) -> FactsToStore:
    sent = {name: value_of(told) for name, told in line.inputs.items()}
    bound = bind_inputs(ruleset, sent, frozenset(sent))
    if bound.problems or any(name not in line.factors for name in ruleset.needs.factors):
        raise ValueError("the line lacks what the rules of the decision read")
    answers = (ListAnswer(a.list, a.input, a.listed, a.digest) for a in line.list_answers)
    return FactsToStore(
        instant=line.decided,
        zone=ruleset.zone.key,
        assignment=_assignment(line),
        inputs=inputs_to_wire({**sent, **bound.values}),
        packed_factors=pack_factors(_factors(line)),
        answers=tuple(answers),
    )


def _assignment(line: CaseLine) -> Assignment:
    """The arm is told; the rest of an assignment stays with the service."""
    arm = Arm(line.arm) if line.arm else None
    return Assignment(
        rollout=line.product,
        enrolled=True,
        enrolment_reason=EnrolmentReason.IN_STAGE,
        plan_digest="",
        stage="",
        percent=0,
        arm=arm,
    )


def _factors(line: CaseLine) -> Factors:
    values = {one.name: one for one in _values(line.factors)}
    sources = (SourceUse("", provider, "", None, used=True) for provider in line.providers)
    return Factors(values, {}, tuple(sources), None)


def _values(told: Mapping[str, Any]) -> Iterator[FactorValue]:
    """The factors that the catalogue still has."""
    for name, value in told.items():
        spec = catalogue().get(name)
        if spec is not None:
            yield _factor(spec, value)


def _factor(spec: FactorSpec, told: Any) -> FactorValue:
    if isinstance(told, dict) and "missing" in told:
        causes = msgspec.convert(told, MissingLine).missing
        return FactorValue(spec.name, None, tuple(Missing(c.cause, c.reason) for c in causes))
    value = value_of(told)
    if spec.type is ValueType.INTEGER and isinstance(value, Decimal) and value == int(value):
        value = int(value)
    if not has_type(value, spec.type):
        raise ValueError(f"{spec.name} is no {spec.type}")
    return FactorValue(spec.name, value)
