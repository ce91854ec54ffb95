"""Rule tests run: results, differences, and coverage of the goals that cases have to reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from decision_service.domain.decision import Component, Verdict
from decision_service.rules.always_known import Sure
from decision_service.rules.construct import Trace
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.expectations import Difference
from decision_service.rules.inputs import bind_inputs, list_answers
from decision_service.rules.knockouts import RulesRunner
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.values import Unknown
from decision_service.rules.offer import OfferRunner
from decision_service.rules.program import CompiledRuleset, ParamSpec
from decision_service.rules.scorecard import ScorecardRunner
from decision_service.rules.stages import ConditionalRunner, unconditional
from decision_service.rules.table import TableRunner
from decision_service.rules.tests_file import RuleTestCase

_DEFAULT = "default"


def label_goals(ruleset: CompiledRuleset) -> Iterable[tuple[str, str, Place]]:
    """Each value of each parameter by label, as (what, which, place)."""
    for param in ruleset.params.values():
        unknown = ("unknown",) if param.by else ()
        for which in (*(each.label or _DEFAULT for each in param.labels), *unknown):
            yield param_goal(param), which, ruleset.places[f"params.{param.name}"]


def labels_reached(ruleset: CompiledRuleset, values: Sequence[Any]) -> Iterable[tuple[str, str]]:
    for labelled in ruleset.program.labelled:
        param, label = ruleset.params[labelled.param], values[labelled.by]
        if label.__class__ is Unknown:
            yield param_goal(param), "unknown"
            continue
        word = str(label).lower() if isinstance(label, bool) else str(label)
        own = any(each.label == word for each in param.labels)
        yield param_goal(param), word if own else _DEFAULT


def param_goal(param: ParamSpec) -> str:
    return f"parameter `{param.name}`"


def certain_rules(ruleset: CompiledRuleset) -> set[str]:
    """Rules, stages and parameters, as coverage names them, that are never UNKNOWN.

    Required inputs, parameters, scores and bands always have values, and so has what is computed
    of them, if nothing divides by zero; those of a stage that applies to some, where it applies. An
    offer that is made has an amount above zero.
    """
    sure = Sure(ruleset)
    params = ruleset.params.values()
    found = {param_goal(p) for p in params if p.by and f"params.{p.name}" in sure.names}
    for stage in (*ruleset.program.stages, *ruleset.program.closing):
        runner = unconditional(stage.runner)
        sure.claims = []
        if isinstance(stage.runner, ConditionalRunner):
            condition = stage.runner.condition
            found |= {condition.what} if sure.is_sure(condition.when) else set()
            sure.claims = [(condition.when, True)]
        if isinstance(runner, ScorecardRunner):
            sure.take_card(runner.card)
        elif isinstance(runner, TableRunner):
            sure.take_table(runner.grid)
        elif isinstance(runner, OfferRunner):
            sure.take_offer(runner)
        elif isinstance(runner, RulesRunner):
            judged = sure if stage.component is Component.LEGAL else sure.without_offer()
            found |= {r.rule.what for r in runner.ready if judged.has_value(r.when)}
    return found


class Goal(msgspec.Struct, frozen=True, order=True):
    what: str
    which: str


class CaseResult(msgspec.Struct, frozen=True):
    """One case's run and the facts it rests on; `problem` says why there is no verdict."""

    case: RuleTestCase
    verdict: Verdict | None
    differences: tuple[Difference, ...] = ()
    problem: str = ""
    reached: frozenset[Goal] = frozenset()
    facts: Facts | None = None

    @property
    def passed(self) -> bool:
        return self.verdict is not None and not self.differences


def run_cases(ruleset: CompiledRuleset, cases: Iterable[RuleTestCase]) -> tuple[CaseResult, ...]:
    return tuple(_run(ruleset, case) for case in cases)


def _run(ruleset: CompiledRuleset, case: RuleTestCase) -> CaseResult:
    facts = _facts(ruleset, case)
    if isinstance(facts, str):
        return CaseResult(case, None, problem=facts)
    verdict = evaluate(ruleset, facts)
    differences = case.expectation.differences(verdict)
    reached = frozenset(goals_reached(ruleset, verdict))
    return CaseResult(case, verdict, differences, reached=reached, facts=facts)


def _facts(ruleset: CompiledRuleset, case: RuleTestCase) -> Facts | str:
    if case.as_of is None:
        return "the case has no as_of"
    bound = bind_inputs(ruleset, case.given.inputs)
    if bound.problems:
        return "; ".join(problem.description for problem in bound.problems)
    answers = list_answers(ruleset, bound.values, case.as_of.date, instead=case.given.lists)
    return Facts(case.given.factors, bound.values, case.as_of, answers=answers)


def goals_reached(ruleset: CompiledRuleset, verdict: Verdict) -> Iterable[Goal]:
    program, trace = ruleset.program, verdict.raw_trace
    parts = (*program.stages, *program.closing)
    conclusions = (*trace.stages, *trace.closing) if isinstance(trace, Trace) else ()
    for part, conclusion in zip(parts, conclusions, strict=True):
        if conclusion is not None:
            for what, which in part.runner.coverage(conclusion.record):
                yield Goal(what, which)
    if isinstance(trace, Trace):
        yield from (Goal(*reached) for reached in labels_reached(ruleset, trace.values))
    for reason in verdict.reasons:
        yield Goal("reason", str(reason.code))


class GoalCoverage(msgspec.Struct, frozen=True):
    """The goals that all cases reached, of all that can be reached, with the places of all."""

    reached: tuple[Goal, ...]
    missed: tuple[Goal, ...]
    places: Mapping[Goal, Place]

    @property
    def percent(self) -> int:
        """Whole percent of goals reached, rounded down; 100 where there are none."""
        total = len(self.reached) + len(self.missed)
        return len(self.reached) * 100 // total if total else 100


def coverage(ruleset: CompiledRuleset, results: Sequence[CaseResult]) -> GoalCoverage:
    """Each rule true, false and unknown, each stage, label, bin, band, table row and reason."""
    places: dict[Goal, Place] = {}
    for goal, place in _goals(ruleset):
        places.setdefault(goal, place)
    reached = frozenset().union(*(result.reached for result in results))
    return GoalCoverage(
        tuple(goal for goal in places if goal in reached),
        tuple(goal for goal in places if goal not in reached),
        places,
    )


def _goals(ruleset: CompiledRuleset) -> Iterable[tuple[Goal, Place]]:
    certain = certain_rules(ruleset)
    stages = (*ruleset.program.stages, *ruleset.program.closing)
    of_stages = chain.from_iterable(stage.runner.goals() for stage in stages)
    for what, which, place in chain(label_goals(ruleset), of_stages):
        if which != "unknown" or what not in certain:
            yield Goal(what, which), place
    for code in (c for c in ruleset.reasons if c not in ruleset.unused_reasons):
        yield Goal("reason", code), ruleset.places[f"reasons.{code}"]
