"""Checked trees as terms: the same cases as in `evaluation`, one for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from decision_service.language.evaluation import arithmetic
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.proofs.encoding import arithmetic as terms
from decision_service.proofs.encoding.calls import called
from decision_service.proofs.encoding.encoded import (
    Encoded,
    Values,
    constant,
    either,
    fails,
    literal,
    strictly,
)
from decision_service.proofs.encoding.functions import folding
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.interning import as_decimal
from decision_service.proofs.terms.term import Term


def encode(node: Node, values: Values) -> Encoded:
    """The value of a tree; raises NotEncodable."""
    b = values.builder
    match node:
        case tree.Constant():
            return constant(b, node.value)
        case tree.NameRead():
            return values.read(node.symbol.slot)
        case tree.Negative():
            return strictly(b, [encode(node.operand, values)], lambda t: b.scaled(t, -1))
        case tree.Arithmetic():
            return _arithmetic(node, values)
        case tree.FunctionCall():
            return _call(node, values)
    return _condition(node, values)


def _condition(node: Node, values: Values) -> Encoded:
    b = values.builder
    match node:
        case tree.Compare():
            sides = [encode(node.left, values), encode(node.right, values)]
            return strictly(b, sides, lambda left, right: _compared(b, node.operator, left, right))
        case tree.Within():
            return strictly(b, [encode(node.operand, values)], lambda t: _within(b, t, node))
        case tree.Listed():
            return values.read(node.answer.slot)
        case tree.Not():
            return strictly(b, [encode(node.operand, values)], b.not_)
        case tree.All():
            return _joined(b, [encode(o, values) for o in node.operands])
        case tree.Any():
            return _negated(b, _joined(b, [_negated(b, encode(o, values)) for o in node.operands]))
        case tree.Choice():
            return _choice(node, values)
    raise AssertionError(node)


def _negated(b: Builder, value: Encoded) -> Encoded:
    return Encoded(value.gone, value.tainted, b.not_(value.term))


def _joined(b: Builder, values: Sequence[Encoded]) -> Encoded:
    """`and`: false as soon as one is, else missing as soon as one is."""
    some_false = b.or_(*(fails(b, v) for v in values))
    gone = b.and_(b.or_(*(v.gone for v in values)), b.not_(some_false))
    tainted = b.and_(b.or_(*(v.tainted for v in values)), b.not_(some_false))
    return Encoded(gone, tainted, b.not_(some_false))


def _choice(node: tree.Choice, values: Values) -> Encoded:
    b = values.builder
    asked = encode(node.condition, values)
    parts = encode(node.then, values), encode(node.otherwise, values)
    chosen = either(b, asked.term, *parts)
    return either(b, asked.gone, Encoded(b.true, asked.tainted, chosen.term), chosen)


def _compared(b: Builder, operator: str, left: Term, right: Term) -> Term:
    match operator:
        case "<":
            return b.lt(left, right)
        case "<=":
            return b.le(left, right)
        case ">":
            return b.lt(right, left)
        case ">=":
            return b.le(right, left)
        case "==":
            return b.eq(left, right)
    return b.not_(b.eq(left, right))


def _within(b: Builder, term: Term, node: tree.Within) -> Term:
    found = b.or_(*(b.eq(term, literal(b, option)) for option in node.options))
    return b.not_(found) if node.negated else found


def _arithmetic(node: tree.Arithmetic, values: Values) -> Encoded:
    b = values.builder
    sides = [encode(node.left, values), encode(node.right, values)]
    operations: dict[str, Any] = {
        "+": b.add,
        "-": b.sub,
        "*": lambda left, right: terms.times(b, left, right),
        "/": lambda left, right: terms.divided(b, left, right),
    }
    return strictly(b, sides, folding(b, _COMPUTED[node.operator], operations[node.operator]))


_COMPUTED = {
    "+": lambda left, right: as_decimal(left) + right,
    "-": lambda left, right: as_decimal(left) - right,
    "*": arithmetic.product,
    "/": arithmetic.quotient,
}


def _call(node: tree.FunctionCall, values: Values) -> Encoded:
    given = [encode(argument, values) for argument in node.arguments]
    return called(values.builder, node.function, given)
