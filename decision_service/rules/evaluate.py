"""From facts to a verdict: a pure function that never raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from decision_service.domain.calendar import AsOf
from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import FactorValue, Value
from decision_service.domain.missing import DataReason
from decision_service.domain.verdict import Component, Outcome, Reason, ReferKind, Tag, Verdict
from decision_service.rules.construct import Finding, State, Trace
from decision_service.rules.language.values import exactly
from decision_service.rules.program import CompiledRuleset, Intake, ParamPeriod
from decision_service.rules.reasons import completing_types, data_requests, ranked

_NOTHING_CONCLUDED = Finding(
    Outcome.REFER, DataReason.NO_RULE_APPROVED, Component.POLICY, kind=ReferKind.POLICY
)
_KINDS = (ReferKind.LEGAL, ReferKind.DATA, ReferKind.POLICY, ReferKind.SCORE)


class LoadedFactors(msgspec.Struct, frozen=True):
    """Parameters and factors by slot, good for one ruleset, these factors and this period alone."""

    values: tuple[Any, ...]
    period: ParamPeriod
    intake: Intake


class Facts(msgspec.Struct, frozen=True):
    """Facts of a decision, inputs without prefix; `loaded` is what `load` gives for the factors."""

    factors: Mapping[str, FactorValue]
    inputs: Mapping[str, Value]
    as_of: AsOf
    loaded: LoadedFactors | None = None
    answers: tuple[ListAnswer, ...] = ()


def load(
    ruleset: CompiledRuleset,
    factors: Mapping[str, FactorValue],
    as_of: AsOf,
    same: LoadedFactors | None = None,
) -> LoadedFactors:
    """Factors as a ruleset takes them on a day; `same` are these as loaded for any ruleset."""
    program = ruleset.program
    intake, period = program.intake, program.timeline.at(as_of.date)
    values = list(period.values)
    if same is not None and same.intake is intake:
        intake.copy_factors(same.values, values)
    else:
        intake.load_factors(factors, values)
    return LoadedFactors(tuple(values), period, intake)


def load_more(
    ruleset: CompiledRuleset, loaded: LoadedFactors, factors: Mapping[str, FactorValue]
) -> LoadedFactors:
    if not factors:
        return loaded
    values = list(loaded.values)
    ruleset.program.intake.load_more(factors, values)
    return LoadedFactors(tuple(values), loaded.period, loaded.intake)


def evaluate(ruleset: CompiledRuleset, facts: Facts) -> Verdict:
    """Run all stages, combine their conclusions, and give reasons.

    Every stage runs whatever the others conclude. The worst outcome counts; where no stage
    concludes anything it is REFER, never APPROVE. The verdict keeps what every part came to.
    """
    loaded = facts.loaded or load(ruleset, facts.factors, facts.as_of)
    state = State(list(loaded.values), ruleset.program.read)
    with exactly():
        trace = ruleset.program.run(facts.inputs, facts.answers, state)
        if state.undecided:
            state.refers.append(_NOTHING_CONCLUDED)
        return _verdict(ruleset, state, trace, facts.as_of, loaded.period)


def _verdict(
    ruleset: CompiledRuleset, state: State, trace: Trace, as_of: AsOf, period: ParamPeriod
) -> Verdict:
    outcome, kind = state.outcome, None
    declined, valid_for = outcome is Outcome.DECLINE, ruleset.valid_for
    reasons: tuple[Reason, ...] = ()
    if outcome is not Outcome.APPROVE:
        findings = state.declines if declined else state.refers
        kind = _refer_kind(outcome, findings)
        reasons = ranked(ruleset, kind, findings, state.values)
    requests = data_requests(state.gaps) if state.gaps else ()
    return Verdict(
        outcome,
        kind,
        reasons,
        requests,
        tuple(state.scores),
        None if declined else state.offer,
        () if declined else tuple(state.conditions),
        None if valid_for is None else as_of.instant + valid_for,
        period.ends,
        trace,
        tuple([Tag(s.name, s.told) for s in ruleset.tags.values() if s.name in state.tags]),
        completing_types(requests) if kind is ReferKind.DATA else (),
    )


def _refer_kind(outcome: Outcome, findings: Sequence[Finding]) -> ReferKind | None:
    if outcome is not Outcome.REFER:
        return None
    kinds = {finding.kind for finding in findings}
    return next((kind for kind in _KINDS if kind in kinds), ReferKind.POLICY)
