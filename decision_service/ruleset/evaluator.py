"""From facts to a verdict: a pure function that never raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from decision_service.domain.factor import FactorValue, Value
from decision_service.domain.missing import DataReason
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Component, Outcome, ReferKind, Verdict
from decision_service.language.arithmetic import exactly
from decision_service.ruleset.findings import Finding
from decision_service.ruleset.model import CompiledRuleset
from decision_service.ruleset.program import Period
from decision_service.ruleset.quick import Noted
from decision_service.ruleset.ranking import data_requests, ranked
from decision_service.ruleset.state import State

_NOTHING_CONCLUDED = Finding(
    Outcome.REFER, DataReason.NO_RULE_APPROVED, Component.POLICY, kind=ReferKind.POLICY
)
_KINDS = (ReferKind.LEGAL, ReferKind.DATA, ReferKind.POLICY, ReferKind.SCORE)


class Facts(msgspec.Struct, frozen=True):
    """What a decision rests on: factor values by name, inputs by name without their prefix."""

    factors: Mapping[str, FactorValue]
    inputs: Mapping[str, Value]
    as_of: AsOf


def evaluate(ruleset: CompiledRuleset, facts: Facts, *, traced: bool = False) -> Verdict:
    """Run all stages, combine what they conclude, and say why.

    Every stage runs whatever the others conclude. The worst outcome counts; where no stage
    concludes anything it is REFER, never APPROVE. A `traced` verdict keeps what every part
    came to beside the values; of any other that is found again from the values.
    """
    program = ruleset.program
    period = program.timeline.at(facts.as_of.date)
    state = State(list(period.values), set(period.gone))
    with exactly():
        quick = program.traced() if traced else program.quick
        noted = quick.run(facts.factors, facts.inputs, state)
        if state.undecided:
            state.add(_NOTHING_CONCLUDED)
        return _verdict(ruleset, state, noted, facts.as_of, period)


def _verdict(
    ruleset: CompiledRuleset, state: State, noted: Noted | None, as_of: AsOf, period: Period
) -> Verdict:
    outcome = state.outcome
    findings = _arguments(state, outcome)
    kind = _refer_kind(outcome, findings)
    declined, valid_for = outcome is Outcome.DECLINE, ruleset.valid_for
    return Verdict(
        outcome=outcome,
        refer_kind=kind,
        reasons=ranked(ruleset, outcome, kind, findings, state.values),
        data_requests=data_requests(state.gaps),
        scores=tuple(state.scores),
        offer=None if declined else state.offer,
        conditions=() if declined else tuple(state.conditions),
        valid_until=None if valid_for is None else as_of.instant + valid_for,
        param_change=period.ends,
        raw_trace=(tuple(state.values),) if noted is None else (tuple(state.values), noted),
    )


def _arguments(state: State, outcome: Outcome) -> list[Finding]:
    """The findings for the outcome, in the order of the file."""
    if outcome is Outcome.DECLINE:
        return state.declines
    return state.refers if outcome is Outcome.REFER else state.approves


def _refer_kind(outcome: Outcome, findings: Sequence[Finding]) -> ReferKind | None:
    if outcome is not Outcome.REFER:
        return None
    kinds = [finding.kind for finding in findings]
    for kind in _KINDS:
        if kind in kinds:
            return kind
    return ReferKind.POLICY
