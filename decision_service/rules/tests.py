"""Rule tests run: results, differences, and coverage of the goals that cases have to reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import reduce
from itertools import chain
from math import floor
from typing import Any

import msgspec

from decision_service.domain.decision import Component, Verdict
from decision_service.rules.construct import Trace
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.expectations import Difference
from decision_service.rules.inputs import bind_made_up, list_answers
from decision_service.rules.keys import AMOUNT, MINIMUM, TERM
from decision_service.rules.knockouts import RulesRunner
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.types import MONEY, Node, Symbol
from decision_service.rules.language.values import Unknown
from decision_service.rules.offer import OfferRunner, Terms
from decision_service.rules.program import CompiledRuleset, ParamSpec
from decision_service.rules.ranges import Claim, ValueRange, can_hold, span_of
from decision_service.rules.scorecard import Card, ScorecardRunner
from decision_service.rules.stages import ConditionalRunner, unconditional
from decision_service.rules.table import Grid, TableRunner
from decision_service.rules.tests_file import RuleTestCase

Names = frozenset[str]

_ABOVE_ZERO = ValueRange(0, None, open_low=True)


def needed_by_offer(terms: Terms, ruleset: CompiledRuleset) -> Names:
    """Names without which no amount above zero, no minimum and no term could be computed."""
    lines = {f"offer.{name}": line.tree for name, line in terms.lines.items()}
    needs = _Needs({**ruleset.derived, **lines})
    asked = (AMOUNT, MINIMUM, TERM) if terms.choice else (AMOUNT, MINIMUM)
    found = (needs.above_zero(terms.lines[name].tree) for name in asked if name in terms.lines)
    return frozenset().union(*found)


class _Needs:
    """Names without which an expression has no value."""

    def __init__(self, definitions: Mapping[str, Node]) -> None:
        self.definitions = definitions
        self.known: dict[str, Names] = {}

    def above_zero(self, node: Node) -> Names:
        """The same of an expression that is above zero: a branch that is a constant 0 is out."""
        if not isinstance(node, tree.Choice):
            return self.of(node)
        branches = [(node.then, True), (node.otherwise, False)]
        left = [
            self.truth(node.condition, truth=truth) | self.above_zero(part)
            for part, truth in branches
            if not (isinstance(part, tree.Constant) and part.value == 0)
        ]
        return _common(left)

    def of(self, node: Node) -> Names:
        match node:
            case tree.NameRead():
                return self._name(node.symbol.name)
            case tree.All() | tree.Any():
                return _common(self.truth(node, truth=truth) for truth in (True, False))
            case tree.Choice():
                return _common(
                    self.truth(node.condition, truth=truth) | self.of(part)
                    for part, truth in ((node.then, True), (node.otherwise, False))
                )
            case tree.FunctionCall(function="coalesce"):
                return _common(self.of(argument) for argument in node.arguments)
            case tree.FunctionCall(function="known" | "missing"):
                return frozenset()
        return frozenset().union(*(self.of(part) for part in tree.parts(node)))

    def _name(self, name: str) -> Names:
        if name not in self.known:
            behind = self.definitions.get(name)
            self.known[name] = frozenset({name}) | (self.of(behind) if behind else frozenset())
        return self.known[name]

    def truth(self, node: Node, *, truth: bool) -> Names:
        """Names without which a condition could not have this truth."""
        match node:
            case tree.Not():
                return self.truth(node.operand, truth=not truth)
            case tree.All() | tree.Any():
                found = [self.truth(operand, truth=truth) for operand in node.operands]
                # A true `and` and a false `or` need each operand; of the others any one is enough.
                every = isinstance(node, tree.All) is truth
                return frozenset().union(*found) if every else _common(found)
        return self.of(node)


def _common(found: Iterable[Names]) -> Names:
    each = list(found)
    return reduce(frozenset.intersection, each) if each else frozenset()


class Sure:
    """Names that have a value for certain where they are read, and spans that hold there."""

    def __init__(self, ruleset: CompiledRuleset) -> None:
        self.ruleset = ruleset
        # What holds where an expression is judged.
        self.claims: list[Claim] = []
        self.given: list[tuple[Sequence[Claim], frozenset[str]]] = []
        self.bounded: set[str] = set()
        self.spans: dict[int, ValueRange] = {}
        self.names = {f"inputs.{name}" for name, spec in ruleset.inputs.items() if spec.is_certain}
        params = ruleset.params.items()
        self.names |= {f"params.{name}" for name, p in params if not p.by or p.by in self.names}
        # What has a value in legal checks alone, which run where an offer is made.
        self.offered: set[str] = set()
        self.judged: dict[tuple[str, tuple[Claim, ...]], bool] = {}

    def without_offer(self) -> Sure:
        other = Sure(self.ruleset)
        other.claims = self.claims
        other.given = self.given
        other.names = self.names - self.offered
        return other

    def take(self, names: Iterable[str]) -> None:
        """Names that have a value wherever what is claimed now holds."""
        self.given.append((tuple(self.claims), frozenset(names)))
        # What had no value before may have one now.
        self.judged.clear()

    def take_card(self, card: Card) -> None:
        """Score and band, of which only bounds are known where a characteristic can be missing."""
        outputs = {card.score.name, card.band.name}
        self.take(outputs)
        if not all(self.is_sure(each.name) for each in card.characteristics):
            self._are_bounded(outputs)

    def take_table(self, grid: Grid) -> None:
        """Outputs of a table that always finds a row, and can compute what each row gives."""
        cells = [node for row in grid.rows for node in row.gives.values()]
        if any(self._reads_bounds(node) for node in (*grid.names, *cells)):
            self._are_bounded(symbol.name for symbol in grid.outputs.values())
        found = all(self.has_value(name) for name in grid.names)
        for output, symbol in grid.outputs.items() if found else ():
            if all(self.has_value(row.gives[output]) for row in grid.rows):
                self.take({symbol.name})

    def take_offer(self, runner: OfferRunner) -> None:
        """Lines, and what they need, that have a value in every offer that is made."""
        before = frozenset(self.names)
        self.names |= {f"offer.{AMOUNT}", f"offer.{MINIMUM}"}
        self.names |= needed_by_offer(runner.terms, self.ruleset)
        self.judged.clear()
        for line in runner.lines:
            amount = line.symbol.name == f"offer.{AMOUNT}"
            span = _ABOVE_ZERO if amount else _rounded(self._span(line.tree), line.symbol)
            choice = runner.terms.choice
            if choice is not None and line.symbol.name == f"offer.{TERM}":
                span = ValueRange(choice.terms[0], choice.terms[-1])
            self.spans[line.symbol.slot] = span
            if self.has_value(line.tree):
                self.names.add(line.symbol.name)
        self.offered = self.names - before

    def is_sure(self, node: Node) -> bool:
        """Whether an expression has one value, and not several with one score or another."""
        return self.has_value(node) and not self._reads_bounds(node)

    def _reads_bounds(self, node: Node) -> bool:
        return any(symbol.name in self.bounded for symbol in tree.reads(node))

    def _are_bounded(self, names: Iterable[str]) -> None:
        """Names with bounds only, and the derived ones that rest on them."""
        self.bounded |= set(names)
        for name, definition in self.ruleset.derived.items():
            if self._reads_bounds(definition):
                self.bounded.add(name)

    def has_value(self, node: Node) -> bool:
        match node:
            case tree.NameRead():
                return self._is_given(node.symbol.name)
            case tree.All():
                return self._joins(node)
            case tree.Choice():
                return self._chooses(node)
            case tree.FunctionCall(function="coalesce"):
                return self._coalesces(node)
            case tree.FunctionCall(function="known" | "missing"):
                return self.is_untainted(node.arguments[0])
        return self._computes(node) and all(self.has_value(part) for part in tree.parts(node))

    def _is_given(self, name: str) -> bool:
        if name in self.names:
            return True
        if name not in self.ruleset.derived:
            given = (claims for claims, names in self.given if name in names)
            return any(all(map(self._holds, claims)) for claims in given)
        # A name can have a value in one stage's segment and none outside of it.
        key = name, tuple(self.claims)
        if key not in self.judged:
            self.judged[key] = self.has_value(self.ruleset.derived[name])
        return self.judged[key]

    def _holds(self, claim: Claim) -> bool:
        """Whether a claim has that truth for certain: what cannot be false may still be UNKNOWN."""
        node, truth = claim
        if claim in {part for each in self.claims for part in _parts(*each)}:
            return True
        contrary = [*self.claims, (node, not truth)]
        return self.is_sure(node) and not can_hold(contrary, self.ruleset.currency)

    def _claiming(self, *claims: Claim) -> Sure:
        other = copy(self)
        other.claims = [*self.claims, *claims]
        return other

    def _joins(self, node: tree.All) -> bool:
        """Whether each operand has a value where those hold that have one anyway."""
        sure = [operand for operand in node.operands if self.has_value(operand)]
        under = self._claiming(*((operand, True) for operand in sure))
        return all(under.has_value(o) for o in node.operands if o not in sure)

    def _chooses(self, node: tree.Choice) -> bool:
        chosen = [(node.then, True), (node.otherwise, False)]
        return self.has_value(node.condition) and all(
            self._claiming((node.condition, truth)).has_value(part) for part, truth in chosen
        )

    def _coalesces(self, node: tree.FunctionCall) -> bool:
        """Whether some argument has a value, and none before it can fail."""
        for argument in node.arguments:
            if self.has_value(argument):
                return True
            if not self.is_untainted(argument):
                return False
        return False

    def _computes(self, node: Node) -> bool:
        match node:
            case tree.Arithmetic(operator="/"):
                return self._differs_from_zero(node.right)
            case tree.FunctionCall(function="floor" | "round"):
                return self._differs_from_zero(node.arguments[1])
            case tree.FunctionCall(function="annuity"):
                return self._lends(node) and self._differs_from_zero(node.arguments[2])
            case tree.FunctionCall(function="annuity_amount"):
                return self._lends(node)
            # Without an end the result may be too large, which is an error of the rule.
            case tree.FunctionCall(function="exp"):
                return self._span(node).high is not None
            case tree.FunctionCall(function="ln"):
                return self._is_above_zero(node.arguments[0])
            case tree.FunctionCall(function="power"):
                above = self._is_above_zero(node.arguments[0])
                return above and self._span(node).high is not None
        return True

    def is_untainted(self, node: Node) -> bool:
        """Whether an expression can only be absent, never fail.

        Inputs are at most not sent, unless they can be too old.
        """
        match node:
            case tree.NameRead():
                return self._is_untainted_name(node.symbol)
            case tree.FunctionCall(function="annuity" | "annuity_amount") if not self._lends(node):
                return False
            case tree.FunctionCall(function="exp" | "power") if self._span(node).high is None:
                return False
        return all(self.is_untainted(part) for part in tree.parts(node))

    def _is_untainted_name(self, symbol: Symbol) -> bool:
        definition = self.ruleset.derived.get(symbol.name)
        if definition is not None:
            return self.is_untainted(definition)
        param = self.ruleset.params.get(symbol.name.removeprefix("params."))
        sent = symbol.name if param is None else param.by
        spec = self.ruleset.inputs.get(sent.removeprefix("inputs."))
        is_sent = sent.startswith("inputs.") and (spec is None or spec.max_age is None)
        return self._is_given(symbol.name) or is_sent

    def _lends(self, node: tree.FunctionCall) -> bool:
        """Whether a rate and a number of months are those of a loan: not below zero."""
        lows = [self._span(argument).low for argument in node.arguments[1:]]
        return all(low is not None and low >= 0 for low in lows)

    def _differs_from_zero(self, node: Node) -> bool:
        high = self._span(node).high
        return self._is_above_zero(node) or (high is not None and high < 0)

    def _is_above_zero(self, node: Node) -> bool:
        span = self._span(node)
        return span.low is not None and (span.low > 0 or (span.low == 0 and span.open_low))

    def _span(self, node: Node) -> ValueRange:
        return span_of(node, self.spans, self.ruleset.currency)


def _rounded(span: ValueRange, symbol: Symbol) -> ValueRange:
    """The values of an offer line: amounts are rounded down to whole minor units."""
    if symbol.type is not MONEY or span.low is None:
        return span
    return ValueRange(floor(span.low), span.high)


def _parts(node: Node, truth: bool) -> Iterator[Claim]:  # noqa: FBT001  a truth is no switch
    yield node, truth
    if isinstance(node, tree.Not):
        yield from _parts(node.operand, not truth)
    elif isinstance(node, tree.All if truth else tree.Any):
        for operand in node.operands:
            yield from _parts(operand, truth)


_DEFAULT = "default"


def label_goals(ruleset: CompiledRuleset) -> Iterable[tuple[str, str, Place]]:
    """Each value of each parameter by label, as (what, which, place)."""
    for param in ruleset.params.values():
        unknown = ("unknown",) if param.by else ()
        for which in (*(each.label or _DEFAULT for each in param.labels), *unknown):
            yield param_goal(param), which, ruleset.places[f"params.{param.name}"]


def labels_reached(ruleset: CompiledRuleset, values: Sequence[Any]) -> Iterable[tuple[str, str]]:
    for labelled in ruleset.program.labelled:
        param = ruleset.params[labelled.param]
        label = values[labelled.by]
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
            # Legal checks alone run only where an offer is made.
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
    bound = bind_made_up(ruleset, case.given.inputs, case.as_of.date)
    if bound.problems:
        return "; ".join(problem.description for problem in bound.problems)
    answers = list_answers(ruleset, bound.values, case.as_of.date, instead=case.given.lists)
    return Facts(case.given.factors, bound.values, case.as_of, answers=answers)


def goals_reached(ruleset: CompiledRuleset, verdict: Verdict) -> Iterable[Goal]:
    program = ruleset.program
    trace = verdict.raw_trace
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
        # Coverage asks for what can be: else authors reach all of it only by leaving conditions
        # out.
        if which != "unknown" or what not in certain:
            yield Goal(what, which), place
    for code in (c for c in ruleset.reasons if c not in ruleset.unused_reasons):
        yield Goal("reason", code), ruleset.places[f"reasons.{code}"]
