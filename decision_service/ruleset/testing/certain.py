"""Conditions that are never UNKNOWN, so that no test has to reach that."""

from __future__ import annotations

from math import floor

from decision_service.domain.verdict import Component
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.language.types import MONEY, Symbol
from decision_service.ruleset.analysis.ranges import span_of
from decision_service.ruleset.analysis.regions import Span
from decision_service.ruleset.constructs.offer.model import AMOUNT, MINIMUM, TERM
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.constructs.rules.run import RulesRunner
from decision_service.ruleset.constructs.scorecard.run import ScorecardRunner
from decision_service.ruleset.constructs.table.model import Grid, Hit
from decision_service.ruleset.constructs.table.run import TableRunner
from decision_service.ruleset.program.model import CompiledRuleset

_ABOVE_ZERO = Span(0, None, open_low=True)


def certain_rules(ruleset: CompiledRuleset) -> set[str]:
    """Rules (as coverage names them) whose conditions have a truth whatever is missing.

    Required inputs, parameters, scores and bands always have values, and so has what is computed
    of them, if nothing divides by zero. An offer that is made has an amount above zero.
    """
    sure, found = _Sure(ruleset), set()
    for stage in (*ruleset.program.stages, *ruleset.program.closing):
        runner = stage.runner
        if isinstance(runner, ScorecardRunner):
            sure.names |= {runner.card.score.name, runner.card.band.name}
        elif isinstance(runner, TableRunner):
            sure.take_table(runner.grid)
        elif isinstance(runner, OfferRunner):
            sure.take_offer(runner)
        elif isinstance(runner, RulesRunner):
            judged = sure if stage.component is Component.LEGAL else sure.without_offer()
            found |= {r.rule.what for r in runner.ready if judged.has_value(r.when)}
    return found


class _Sure:
    """Names that have a value for certain where they are read, and spans that hold there."""

    def __init__(self, ruleset: CompiledRuleset) -> None:
        self.ruleset = ruleset
        self.spans: dict[int, Span] = {}
        self.names = {f"params.{name}" for name in ruleset.params}
        self.names |= {f"inputs.{name}" for name, spec in ruleset.inputs.items() if spec.required}
        for name, definition in ruleset.derived.items():
            if self.has_value(definition):
                self.names.add(name)

    def without_offer(self) -> _Sure:
        """The same before there is an offer."""
        other = _Sure(self.ruleset)
        other.names = {name for name in self.names if not name.startswith("offer.")}
        return other

    def take_table(self, grid: Grid) -> None:
        """Outputs of a table that always finds a row, and can compute what each row gives."""
        found = grid.hit is not Hit.COLLECT and all(self.has_value(name) for name in grid.names)
        for output, symbol in grid.outputs.items() if found else ():
            if all(self.has_value(row.gives[output]) for row in grid.rows):
                self.names.add(symbol.name)

    def take_offer(self, runner: OfferRunner) -> None:
        """Lines that have a value in every offer: without an amount or a minimum none is made."""
        self.names |= {f"offer.{AMOUNT}", f"offer.{MINIMUM}"}
        for line in runner.lines:
            amount = line.symbol.name == f"offer.{AMOUNT}"
            span = _ABOVE_ZERO if amount else _rounded(self._span(line.tree), line.symbol)
            choice = runner.terms.choice
            if choice is not None and line.symbol.name == f"offer.{TERM}":
                span = Span(choice.terms[0], choice.terms[-1])
            self.spans[line.symbol.slot] = span
            if self.has_value(line.tree):
                self.names.add(line.symbol.name)

    def has_value(self, node: Node) -> bool:
        """Whether an expression has a value whatever is missing."""
        match node:
            case tree.NameRead():
                return node.symbol.name in self.names
            case tree.FunctionCall(function="coalesce"):
                return self._coalesces(node)
            case tree.FunctionCall(function="known" | "missing"):
                return self.is_untainted(node.arguments[0])
        return self._computes(node) and all(self.has_value(part) for part in tree.parts(node))

    def _coalesces(self, node: tree.FunctionCall) -> bool:
        """Whether some argument has a value, and none before it can fail."""
        for argument in node.arguments:
            if self.has_value(argument):
                return True
            if not self.is_untainted(argument):
                return False
        return False

    def _computes(self, node: Node) -> bool:
        """Whether an operation has a result wherever its parts have values."""
        match node:
            case tree.Arithmetic(operator="/"):
                return self._differs_from_zero(node.right)
            case tree.FunctionCall(function="floor" | "round"):
                return self._differs_from_zero(node.arguments[1])
            case tree.FunctionCall(function="annuity"):
                return self._lends(node) and self._differs_from_zero(node.arguments[2])
            case tree.FunctionCall(function="annuity_amount"):
                return self._lends(node)
            case tree.FunctionCall(function="exp"):
                return self._span(node).high is not None
            case tree.FunctionCall(function="ln"):
                return self._is_above_zero(node.arguments[0])
            case tree.FunctionCall(function="power"):
                above = self._is_above_zero(node.arguments[0])
                return above and self._span(node).high is not None
        return True

    def is_untainted(self, node: Node) -> bool:
        """Whether an expression can only be absent, never fail: inputs are at most not sent."""
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
        return symbol.name in self.names or symbol.name.startswith("inputs.")

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

    def _span(self, node: Node) -> Span:
        return span_of(node, self.spans, self.ruleset.currency)


def _rounded(span: Span, symbol: Symbol) -> Span:
    """The values of an offer line: amounts are rounded down to whole minor units."""
    if symbol.type is not MONEY or span.low is None:
        return span
    return Span(floor(span.low), span.high)
