"""The term that limits a reduced offer: the innermost one that its amount comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from decision_service.language.evaluation.emitter import Values, compile_tree
from decision_service.language.evaluation.kleene import Unknown
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.ruleset.constructs.offer.model import AMOUNT, Terms

Binding = Callable[[Values], str]


def binding(terms: Terms) -> Binding:
    """A function from the values to the limiting term, followed through earlier offer lines."""
    lines: dict[int, Binding] = {}
    for line in terms.lines.values():
        lines[line.symbol.slot] = _limiting(line.tree, lines)
    return lines[terms.lines[AMOUNT].symbol.slot]


def limits(terms: Terms) -> tuple[str, ...]:
    """Every term that may limit the amount, in the order in which they stand, each once."""
    lines: dict[int, tuple[str, ...]] = {}
    for line in terms.lines.values():
        lines[line.symbol.slot] = _possible(line.tree, lines)
    return lines[terms.lines[AMOUNT].symbol.slot]


def _possible(node: Node, lines: Mapping[int, tuple[str, ...]]) -> tuple[str, ...]:
    """The terms that `_limiting` may name; one that no argument equals is never met."""
    match node:
        case tree.NameRead() if node.symbol.slot in lines:
            return lines[node.symbol.slot]
        case tree.Choice():
            parts = [node.then, node.otherwise]
        case tree.FunctionCall(function="min" | "max" | "coalesce"):
            parts = [*node.arguments]
        case tree.FunctionCall(function="floor" | "round"):
            parts = [node.arguments[0]]
        case _:
            return (node.text,)
    return tuple(dict.fromkeys(text for part in parts for text in _possible(part, lines)))


def _limiting(node: Node, lines: Mapping[int, Binding]) -> Binding:
    """The part of an expression that gives its value; the whole text where there is none."""
    match node:
        case tree.NameRead() if node.symbol.slot in lines:
            return lines[node.symbol.slot]
        case tree.Choice():
            return _chosen(node, lines)
        case tree.FunctionCall(function="min" | "max"):
            return _equal_to(node, lines)
        case tree.FunctionCall(function="floor" | "round"):
            return _limiting(node.arguments[0], lines)
        case tree.FunctionCall(function="coalesce"):
            return _first_known(node, lines)
    text = node.text
    return lambda _values: text


def _chosen(node: tree.Choice, lines: Mapping[int, Binding]) -> Binding:
    condition = compile_tree(node.condition)
    then, otherwise = _limiting(node.then, lines), _limiting(node.otherwise, lines)
    return lambda values: then(values) if condition(values) is True else otherwise(values)


def _equal_to(node: tree.FunctionCall, lines: Mapping[int, Binding]) -> Binding:
    whole, arguments = compile_tree(node), _arguments(node, lines)

    def limiting(values: Values) -> str:
        chosen = whole(values)
        for evaluate, inner in arguments:
            if evaluate(values) == chosen:
                return inner(values)
        return node.text

    return limiting


def _first_known(node: tree.FunctionCall, lines: Mapping[int, Binding]) -> Binding:
    arguments = _arguments(node, lines)

    def limiting(values: Values) -> str:
        for evaluate, inner in arguments:
            if not isinstance(evaluate(values), Unknown):
                return inner(values)
        return node.text

    return limiting


def _arguments(
    node: tree.FunctionCall, lines: Mapping[int, Binding]
) -> Sequence[tuple[Callable[[Values], Any], Binding]]:
    return [(compile_tree(a), _limiting(a, lines)) for a in node.arguments]
