"""Whether conditions can hold together, as far as bounds, labels and constants decide it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from decision_service.rules.language import types as tree
from decision_service.rules.language.types import ORDERED, Node, Symbol
from decision_service.rules.ranges import ValueRange, hull, labels_of, meet, span_of, stepped, whole

_MOST_BRANCHES = 300

Claim = tuple[Node, bool]
"""A condition and the truth it is claimed to have."""


def can_hold(claims: Sequence[Claim], currency: str) -> bool:
    """Whether all claims can be true of one set of values."""
    return _Search(currency).open(list(claims), _World())


class _World(msgspec.Struct):
    """What the claims so far leave open: spans and labels by slot, and flags taken as given."""

    spans: dict[int, ValueRange] = msgspec.field(default_factory=dict)
    labels: dict[int, frozenset[Any]] = msgspec.field(default_factory=dict)
    taken: dict[Node, bool] = msgspec.field(default_factory=dict)

    def copy(self) -> _World:
        return _World(dict(self.spans), dict(self.labels), dict(self.taken))


class _Search(msgspec.Struct):
    currency: str
    branches: int = 0

    def open(self, claims: list[Claim], world: _World) -> bool:
        claims = list(claims)
        while claims:
            node, truth = claims.pop(0)
            if isinstance(node, tree.Not):
                claims.insert(0, (node.operand, not truth))
            elif isinstance(node, tree.All | tree.Any):
                if isinstance(node, tree.Any) is not truth:
                    claims[:0] = [(o, truth) for o in node.operands]
                    continue
                return self._any([(o, truth) for o in node.operands], claims, world)
            elif not self._take(node, truth, world):
                return False
        return True

    def _any(self, choices: Sequence[Claim], rest: list[Claim], world: _World) -> bool:
        self.branches += len(choices)
        if self.branches > _MOST_BRANCHES:
            return True
        return any(self.open([choice, *rest], world.copy()) for choice in choices)

    def _take(self, node: Node, truth: bool, world: _World) -> bool:  # noqa: FBT001  a truth is no switch
        if isinstance(node, tree.Constant):
            return node.value is truth
        if world.taken.setdefault(node, truth) is not truth:
            return False
        if isinstance(node, tree.Compare):
            operator = node.operator if truth else tree.CONTRARY[node.operator]
            return self._compare(operator, node.left, node.right, world)
        if isinstance(node, tree.Within):
            return self._within(node, node.negated is not truth, world)
        if isinstance(node, tree.NameRead):
            return _narrow_labels(node.symbol, frozenset({truth}), world, keep=True)
        return True

    def _compare(self, operator: str, left: Node, right: Node, world: _World) -> bool:
        if left.type not in ORDERED:
            return self._labels(operator, left, right, world)
        first, second = self._span(left, world), self._span(right, world)
        if not _possible(operator, first, second):
            return False
        return self._narrow(left, operator, second, world) and self._narrow(
            right, tree.MIRRORED[operator], first, world
        )

    def _span(self, node: Node, world: _World) -> ValueRange:
        return span_of(node, world.spans, self.currency)

    def _narrow(self, node: Node, operator: str, other: ValueRange, world: _World) -> bool:
        if not isinstance(node, tree.NameRead):
            return True
        allowed = _allowed(operator, other)
        before = world.spans.get(node.symbol.slot) or whole(node.symbol, self.currency)
        after = stepped(meet(before, allowed), node.type)
        world.spans[node.symbol.slot] = after
        return not after.empty

    def _labels(self, operator: str, left: Node, right: Node, world: _World) -> bool:
        if isinstance(left, tree.Constant):
            left, right = right, left
        if not (isinstance(left, tree.NameRead) and isinstance(right, tree.Constant)):
            return True
        return _narrow_labels(left.symbol, frozenset({right.value}), world, keep=operator == "==")

    def _within(self, node: tree.Within, inside: bool, world: _World) -> bool:  # noqa: FBT001  a truth is no switch
        operand = node.operand
        if operand.type not in ORDERED:
            if not isinstance(operand, tree.NameRead):
                return True
            return _narrow_labels(operand.symbol, frozenset(node.options), world, keep=inside)
        if not inside:
            return True
        span = self._span(operand, world)
        options = [ValueRange(o, o) for o in node.options if span.has(o)]
        return bool(options) and self._narrow(operand, "==", hull(options), world)


def _narrow_labels(symbol: Symbol, labels: frozenset[Any], world: _World, *, keep: bool) -> bool:
    everything = frozenset(labels_of(symbol))
    before = world.labels.get(symbol.slot, everything)
    if not before and not everything:
        if not keep:
            return True  # any other label will do
        after = labels
    else:
        after = before & labels if keep else before - labels
    world.labels[symbol.slot] = after
    return bool(after)


def _possible(operator: str, left: ValueRange, right: ValueRange) -> bool:
    if operator in (">", ">="):
        operator, left, right = tree.MIRRORED[operator], right, left
    if operator == "==":
        return not meet(left, right).empty
    if operator == "!=":
        return not (left == right and left.low is not None and left.low == left.high)
    if left.low is None or right.high is None or left.low < right.high:
        return True
    touching = left.low == right.high and not left.open_low and not right.open_high
    return bool(touching and operator == "<=")


def _allowed(operator: str, other: ValueRange) -> ValueRange:
    if operator == "==":
        return other
    if operator in ("<", "<="):
        return ValueRange(None, other.high, open_high=operator == "<" or other.open_high)
    if operator in (">", ">="):
        return ValueRange(other.low, None, open_low=operator == ">" or other.open_low)
    return ValueRange()
