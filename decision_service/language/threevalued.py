"""Kleene's three values at run time: a value, or UNKNOWN with the gaps that made it so.

Each checked tree becomes a closure over the list of values. Gaps with an absent cause can be
handled by `known`, `missing` and `coalesce`; nothing looks past a tainted one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any as Anything

import msgspec

from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.language import arithmetic, tree
from decision_service.language.tree import Node

Values = Sequence[Anything]
Evaluate = Callable[[Values], Anything]


class Gap(msgspec.Struct, frozen=True):
    """A name without a value, and why."""

    name: str
    missing: Missing


class Unknown:
    """No value: `gaps` in text order, each name once; `tainted` when any of them is a failure."""

    __slots__ = ("gaps", "tainted")

    def __init__(self, gaps: Sequence[Gap]) -> None:
        self.gaps = tuple({g.name: g for g in gaps}.values())
        self.tainted = any(g.missing.cause.tainted for g in self.gaps)

    @property
    def shown(self) -> Gap:
        """The gap that is shown of several: the first tainted one, else the first."""
        return next((g for g in self.gaps if g.missing.cause.tainted), self.gaps[0])

    def __repr__(self) -> str:
        names = ", ".join(f"{g.name} {g.missing.cause}" for g in self.gaps)
        return f"Unknown({names})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown) and self.gaps == other.gaps

    def __hash__(self) -> int:
        return hash(self.gaps)


def unknown(name: str, cause: Cause, **details: Anything) -> Unknown:
    """UNKNOWN for one cause."""
    return Unknown([Gap(name, Missing(cause, **details))])


def rule_error(name: str, detail: str) -> Unknown:
    """UNKNOWN because the rule itself has no result here; nothing may look past it."""
    return unknown(name, Cause.BAD_DATA, code=DataReason.RULE_ERROR, detail=detail)


def union(values: Iterable[Anything]) -> Unknown | None:
    """UNKNOWN with the gaps of all unknown values, None where every value is there."""
    found = [v for v in values if v.__class__ is Unknown]
    if not found:
        return None
    if all([value is found[0] for value in found]):  # noqa: C419 - a list is quicker
        return found[0]
    return Unknown([gap for value in found for gap in value.gaps])


def compile_tree(node: Node) -> Evaluate:
    """The closure of a checked tree: values by slot in, a value or Unknown out; it never raises."""
    match node:
        case tree.Constant():
            return _constant(node.value)
        case tree.Read():
            return operator.itemgetter(node.symbol.slot)
        case tree.Negative():
            return _strict(node, operator.neg)
        case tree.Arithmetic():
            return _strict(node, _ARITHMETIC[node.operator])
        case tree.Compare(left=tree.Read() as name, right=tree.Constant() as against):
            return _against_constant(name.symbol.slot, node.operator, against.value)
        case tree.Compare():
            return _strict(node, COMPARE[node.operator])
        case tree.Not():
            return _strict(node, operator.not_)
    return _compile_compound(node)


def _compile_compound(node: Node) -> Evaluate:
    match node:
        case tree.Within():
            return _within(node)
        case tree.All():
            return _decided_by(node.operands, decisive=False)
        case tree.Any():
            return _decided_by(node.operands, decisive=True)
        case tree.Choice():
            return _choice(node)
        case tree.Call():
            return _call(node)
    raise AssertionError(node)


COMPARE: dict[str, Callable[[Anything, Anything], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: dict[str, Callable[..., Anything]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": arithmetic.product,
    "/": arithmetic.quotient,
}
_FUNCTIONS: dict[str, Callable[..., Anything]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "round": arithmetic.round_to,
    "floor": arithmetic.floor_to,
    "annuity": arithmetic.annuity,
    "annuity_amount": arithmetic.annuity_amount,
}


def _constant(value: tree.Literal) -> Evaluate:
    return lambda _values: value


def _against_constant(slot: int, operator_: str, constant: tree.Literal) -> Evaluate:
    """The plainest comparison and the most frequent one: nothing in it can fail."""
    compare = COMPARE[operator_]

    def evaluate(values: Values) -> Anything:
        value = values[slot]
        return value if value.__class__ is Unknown else compare(value, constant)

    return evaluate


def _strict(node: Node, function: Callable[..., Anything]) -> Evaluate:
    """A function that is UNKNOWN as soon as one argument is."""
    arguments = [compile_tree(part) for part in tree.parts(node)]
    applied = _without_raising(node, function)
    if len(arguments) == 2:
        return _strict_pair(arguments[0], arguments[1], applied)

    def evaluate(values: Values) -> Anything:
        given = [argument(values) for argument in arguments]
        missing = union(given)
        return applied(*given) if missing is None else missing

    return evaluate


def _strict_pair(first: Evaluate, second: Evaluate, applied: Callable[..., Anything]) -> Evaluate:
    """The same of two arguments, as arithmetic and comparisons have them."""

    def evaluate(values: Values) -> Anything:
        left, right = first(values), second(values)
        if left.__class__ is Unknown:
            return union((left, right)) if right.__class__ is Unknown else left
        return right if right.__class__ is Unknown else applied(left, right)

    return evaluate


def _without_raising(node: Node, function: Callable[..., Anything]) -> Callable[..., Anything]:
    """A function that gives UNKNOWN where there is no result."""
    name, text = tree.parts(node)[-1].text, node.text

    def applied(*given: Anything) -> Anything:
        try:
            return function(*given)
        except ZeroDivisionError:
            return unknown(name, Cause.DIVISION_BY_ZERO, detail=text)
        except (ArithmeticError, TypeError, ValueError):
            return rule_error(text, "the result has no exact number")

    return applied


def _within(node: tree.Within) -> Evaluate:
    operand, options, negated = compile_tree(node.operand), node.options, node.negated

    def evaluate(values: Values) -> Anything:
        value = operand(values)
        return value if value.__class__ is Unknown else (value in options) is not negated

    return evaluate


def _decided_by(operands: Sequence[Node], *, decisive: bool) -> Evaluate:
    """`and` is decided by one False, `or` by one True; else one UNKNOWN leaves it open."""
    parts = [compile_tree(o) for o in operands]

    def evaluate(values: Values) -> Anything:
        found = [part(values) for part in parts]
        for truth in found:
            if truth is decisive:
                return decisive
        missing = union(found)
        return (not decisive) if missing is None else missing

    return evaluate


def _choice(node: tree.Choice) -> Evaluate:
    condition = compile_tree(node.condition)
    then, otherwise = compile_tree(node.then), compile_tree(node.otherwise)

    def evaluate(values: Values) -> Anything:
        chosen = condition(values)
        if chosen.__class__ is Unknown:
            return chosen
        return then(values) if chosen else otherwise(values)

    return evaluate


def _call(node: tree.Call) -> Evaluate:
    if node.function == "coalesce":
        return _coalesce([compile_tree(a) for a in node.arguments])
    if node.function in ("known", "missing"):
        return _presence(compile_tree(node.arguments[0]), present=node.function == "known")
    return _strict(node, _FUNCTIONS[node.function])


def _coalesce(parts: Sequence[Evaluate]) -> Evaluate:
    def evaluate(values: Values) -> Anything:
        gone: list[Unknown] = []
        for part in parts:
            value = part(values)
            if value.__class__ is not Unknown:
                return value
            if value.tainted:
                return value
            gone.append(value)
        return union(gone)

    return evaluate


def _presence(part: Evaluate, *, present: bool) -> Evaluate:
    def evaluate(values: Values) -> Anything:
        value = part(values)
        if value.__class__ is not Unknown:
            return present
        return value if value.tainted else not present

    return evaluate


def is_number(value: object) -> bool:
    """Whether a run-time value is an int or Decimal (flags are none)."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
