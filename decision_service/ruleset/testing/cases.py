"""Rule tests: results, differences and coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from decision_service.domain.verdict import Verdict
from decision_service.language.diagnostics import Place
from decision_service.ruleset.program.findings import Trace
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate
from decision_service.ruleset.run.inputs import bind_inputs
from decision_service.ruleset.run.lists import list_answers
from decision_service.ruleset.testing.case_reading import (
    CaseFile,
    RuleTestCase,
    Target,
    case_target,
    parse_cases,
)
from decision_service.ruleset.testing.certain import certain_rules
from decision_service.ruleset.testing.expectations import Difference, Expectation
from decision_service.ruleset.testing.label_goals import label_goals, labels_reached

__all__ = [
    "CaseFile",
    "CaseResult",
    "Difference",
    "Expectation",
    "Goal",
    "GoalCoverage",
    "RuleTestCase",
    "Target",
    "case_target",
    "coverage",
    "goals_reached",
    "parse_cases",
    "run_cases",
]


class Goal(msgspec.Struct, frozen=True, order=True):
    """Something that a test can reach: `what` (rule `no_source`) and `which` (true)."""

    what: str
    which: str


class CaseResult(msgspec.Struct, frozen=True):
    """One case's run and the facts it stands on; `problem` says why there is no verdict."""

    case: RuleTestCase
    verdict: Verdict | None
    differences: tuple[Difference, ...] = ()
    problem: str = ""
    reached: frozenset[Goal] = frozenset()
    facts: Facts | None = None

    @property
    def passed(self) -> bool:
        """Whether there is a verdict and it is as expected."""
        return self.verdict is not None and not self.differences


def run_cases(ruleset: CompiledRuleset, cases: Iterable[RuleTestCase]) -> tuple[CaseResult, ...]:
    """Evaluate every case."""
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
    """What one evaluation reaches."""
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
    for what, which, place in label_goals(ruleset):
        if which != "unknown" or what not in certain:
            yield Goal(what, which), place
    for stage in (*ruleset.program.stages, *ruleset.program.closing):
        for what, which, place in stage.runner.goals():
            if which != "unknown" or what not in certain:
                yield Goal(what, which), place
    for code in (c for c in ruleset.reasons if c not in ruleset.unused_reasons):
        yield Goal("reason", code), ruleset.places[f"reasons.{code}"]
