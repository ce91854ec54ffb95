"""What has a value wherever an offer is made: without it there would be no amount."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.ruleset.constructs.offer.model import AMOUNT, MINIMUM, TERM, Terms
from decision_service.ruleset.program.model import CompiledRuleset

Names = frozenset[str]


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
        """Names that are read whatever else has a value."""
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
        """A name, and those behind a derived one or a line of the offer, judged once."""
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
    """The names that are in each."""
    each = list(found)
    return reduce(frozenset.intersection, each) if each else frozenset()
