"""From facts to a verdict: a pure function that never raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from decision_service.domain.factor import FactorValue, Value
from decision_service.domain.missing import DataReason
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Component, Outcome, ReferKind, Verdict
from decision_service.language.arithmetic import exactly
from decision_service.ruleset.findings import Conclusion, Finding, State, Trace, worst
from decision_service.ruleset.model import CompiledRuleset
from decision_service.ruleset.program import Period, Program, Stage
from decision_service.ruleset.ranking import data_requests, ranked

_NOTHING_CONCLUDED = Conclusion(
    Outcome.REFER,
    (Finding(Outcome.REFER, DataReason.NO_RULE_APPROVED, Component.POLICY, kind=ReferKind.POLICY),),
    (),
)
_KINDS = (ReferKind.LEGAL, ReferKind.DATA, ReferKind.POLICY, ReferKind.SCORE)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision rests on: factor values by name, inputs by name without their prefix."""

    factors: Mapping[str, FactorValue]
    inputs: Mapping[str, Value]
    as_of: AsOf


def evaluate(ruleset: CompiledRuleset, facts: Facts) -> Verdict:
    """Run all stages, combine what they conclude, and say why.

    Every stage runs whatever the others conclude. The worst outcome counts; where no stage
    concludes anything it is REFER, never APPROVE.
    """
    program = ruleset.program
    period = program.timeline.at(facts.as_of.date)
    with exactly():
        state = _start(program, period, facts)
        trace = _run(program, state)
        conclusions = _conclusions(trace)
        outcome = state.outcome
        findings = _arguments(outcome, conclusions)
        kind = _refer_kind(outcome, findings)
        reasons = ranked(ruleset, outcome, kind, findings, state.values)
    valid_for = ruleset.valid_for
    return Verdict(
        outcome=outcome,
        refer_kind=kind,
        reasons=reasons,
        data_requests=data_requests(conclusions),
        scores=tuple(state.scores),
        offer=None if outcome is Outcome.DECLINE else state.offer,
        conditions=() if outcome is Outcome.DECLINE else tuple(state.conditions),
        valid_until=None if valid_for is None else facts.as_of.instant + valid_for,
        param_change=period.ends,
        raw_trace=(trace,),
    )


def _run(program: Program, state: State) -> Trace:
    """Run every stage, then what follows from the worst of their outcomes."""
    stages = [stage.runner.run(state) for stage in program.stages]
    state.outcome = worst([c.outcome for c in stages]) or Outcome.REFER
    closing = [_close(stage, state) for stage in program.closing]
    return Trace(tuple(state.values), tuple(stages), tuple(closing))


def _conclusions(trace: Trace) -> list[Conclusion]:
    """What all parts came to, in the order of the file; what came to nothing refers."""
    found = [*trace.stages, *[c for c in trace.closing if c is not None]]
    for conclusion in trace.stages:
        if conclusion.outcome is not None:
            return found
    return [*found, _NOTHING_CONCLUDED]


def _start(program: Program, period: Period, facts: Facts) -> State:
    values, gone = list(period.values), set(period.gone)
    program.intake.load(facts.factors, facts.inputs, values, gone)
    program.derived.run(values, gone)
    return State(values, gone)


def _close(stage: Stage, state: State) -> Conclusion | None:
    """Run a closing part, unless the outcome is DECLINE or the offer is not made."""
    if state.outcome is Outcome.DECLINE or not state.offered:
        return None
    conclusion = stage.runner.run(state)
    state.outcome = worst([state.outcome, conclusion.outcome]) or Outcome.REFER
    return conclusion


def _arguments(outcome: Outcome, conclusions: Sequence[Conclusion]) -> list[Finding]:
    """The findings for the outcome, in the order of the file.

    They are of the parts that concluded it: a part with a worse finding would have made it worse.
    """
    return [
        finding
        for conclusion in conclusions
        for finding in conclusion.findings
        if finding.outcome is outcome
    ]


def _refer_kind(outcome: Outcome, findings: Sequence[Finding]) -> ReferKind | None:
    if outcome is not Outcome.REFER:
        return None
    kinds = [finding.kind for finding in findings]
    for kind in _KINDS:
        if kind in kinds:
            return kind
    return ReferKind.POLICY
