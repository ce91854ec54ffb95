"""Divisions whose divisor is zero whatever the data."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.language.expressions.tree import Arithmetic, FunctionCall, Node, walk
from decision_service.ruleset.analysis.ranges import span_of
from decision_service.ruleset.reading.draft import RulesetDraft

_DIVISORS = {"round": (1, "step"), "floor": (1, "step"), "annuity": (2, "number of months")}
"""Functions that divide by an argument, with its position and what it is."""


def check_divisions(draft: RulesetDraft) -> None:
    """R314 for an expression that never has a value, because it divides by zero."""
    trees = [derived.tree for derived in draft.derived]
    trees += [written.tree for part in draft.parts() for written in part.part.written()]
    for tree in trees:
        for divisor, what in _divisors(tree):
            span = span_of(divisor, {}, draft.names.currency)
            if span.low == 0 == span.high:
                message = f"the {what} `{divisor.text}` is always 0, so there is never a value"
                draft.report.error("R314", divisor.place, message, "divide by something else")


def _divisors(tree: Node) -> Iterator[tuple[Node, str]]:
    for node in walk(tree):
        if isinstance(node, Arithmetic) and node.operator == "/":
            yield node.right, "divisor"
        elif isinstance(node, FunctionCall) and node.function in _DIVISORS:
            position, what = _DIVISORS[node.function]
            yield node.arguments[position], what
