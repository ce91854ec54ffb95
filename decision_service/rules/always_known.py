"""What has a value wherever it is read, whatever data is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import reduce
from math import floor

from decision_service.rules.keys import AMOUNT, MINIMUM, TERM
from decision_service.rules.language import types as tree
from decision_service.rules.language.types import MONEY, Node, Symbol
from decision_service.rules.offer import OfferRunner
from decision_service.rules.offer_terms import Terms
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.ranges import ValueRange, span_of
from decision_service.rules.satisfiable import Claim, can_hold
from decision_service.rules.scorecard import Card
from decision_service.rules.table import Grid

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
            if not _is_nothing(part)
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
                every = isinstance(node, tree.All) is truth  # then all operands have that truth
                return frozenset().union(*found) if every else _common(found)
        return self.of(node)


def _is_nothing(node: Node) -> bool:
    return isinstance(node, tree.Constant) and node.value == 0


def _common(found: Iterable[Names]) -> Names:
    each = list(found)
    return reduce(frozenset.intersection, each) if each else frozenset()


class Sure:
    """Names that have a value for certain where they are read, and spans that hold there."""

    def __init__(self, ruleset: CompiledRuleset) -> None:
        self.ruleset = ruleset
        self.claims: list[Claim] = []  # what holds where an expression is judged
        self.given: list[tuple[Sequence[Claim], frozenset[str]]] = []
        self.bounded: set[str] = set()
        self.spans: dict[int, ValueRange] = {}
        self.names = {f"inputs.{name}" for name, spec in ruleset.inputs.items() if spec.required}
        params = ruleset.params.items()
        self.names |= {f"params.{name}" for name, p in params if not p.by or p.by in self.names}
        self.offered: set[str] = set()  # names that have a value where an offer is made
        self.judged: dict[tuple[str, tuple[Claim, ...]], bool] = {}

    def without_offer(self) -> Sure:
        other = Sure(self.ruleset)
        other.claims, other.given = self.claims, self.given
        other.names = self.names - self.offered
        return other

    def take(self, names: Iterable[str]) -> None:
        """Names that have a value wherever what is claimed now holds."""
        self.given.append((tuple(self.claims), frozenset(names)))
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
        param = self.ruleset.params.get(symbol.name.removeprefix("params."))
        sent = symbol.name if param is None else param.by
        return self._is_given(symbol.name) or sent.startswith("inputs.")

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
