"""The checked tree of an expression: every node has a type and its words in the file.

Values in the tree are those of evaluation: integers are int, numbers Decimal, money whole minor
units (int), text str, flags bool, dates date. `text` and `place` say where a node was written and
are no part of its meaning: trees that mean the same are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.language.diagnostics import Place
from decision_service.language.types import Symbol

Literal = int | Decimal | str | bool | date


@dataclass(frozen=True, slots=True, kw_only=True)
class _WithText:
    text: str = field(compare=False)
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Constant(_WithText):
    """A literal; money in minor units."""

    type: ValueType
    value: Literal


@dataclass(frozen=True, slots=True)
class NameRead(_WithText):
    """The value of a name."""

    symbol: Symbol

    @property
    def type(self) -> ValueType:
        """The name's type."""
        return self.symbol.type


@dataclass(frozen=True, slots=True)
class Negative(_WithText):
    """Minus the operand."""

    type: ValueType
    operand: Node


@dataclass(frozen=True, slots=True)
class Arithmetic(_WithText):
    """`operator` is one of + - * /."""

    type: ValueType
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compare(_WithText):
    """`operator` is one of < <= > >= == !=; a chain is an All of these."""

    operator: str
    left: Node
    right: Node
    type: ValueType = ValueType.FLAG


@dataclass(frozen=True, slots=True)
class Within(_WithText):
    """Whether the operand is one of the options, or is none of them where `negated`."""

    operand: Node
    options: tuple[Literal, ...]
    negated: bool
    type: ValueType = ValueType.FLAG


@dataclass(frozen=True, slots=True)
class Listed(_WithText):
    """Whether the operand's value stands on a list of keys, which is the value of `answer`."""

    operand: NameRead
    list: str
    answer: Symbol
    type: ValueType = ValueType.FLAG


@dataclass(frozen=True, slots=True)
class Not(_WithText):
    """The contrary of a flag."""

    operand: Node
    type: ValueType = ValueType.FLAG


@dataclass(frozen=True, slots=True)
class All(_WithText):
    """`and` over two or more flags."""

    operands: tuple[Node, ...]
    type: ValueType = ValueType.FLAG


@dataclass(frozen=True, slots=True)
class Any(_WithText):
    """`or` over two or more flags."""

    operands: tuple[Node, ...]
    type: ValueType = ValueType.FLAG


@dataclass(frozen=True, slots=True)
class Choice(_WithText):
    """`then if condition else otherwise`."""

    type: ValueType
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class FunctionCall(_WithText):
    """A function of the language applied to its arguments."""

    type: ValueType
    function: str
    arguments: tuple[Node, ...]


Node = (
    Constant
    | NameRead
    | Negative
    | Arithmetic
    | Compare
    | Within
    | Listed
    | Not
    | All
    | Any
    | Choice
    | FunctionCall
)


def parts(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node in text order."""
    match node:
        case Negative() | Not() | Within() | Listed():
            return (node.operand,)
        case Arithmetic() | Compare():
            return (node.left, node.right)
        case All() | Any():
            return node.operands
        case Choice():
            return (node.then, node.condition, node.otherwise)
        case FunctionCall():
            return node.arguments
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all its parts, in text order, each before its parts."""
    yield node
    for part in parts(node):
        yield from walk(part)


def reads(node: Node) -> tuple[Symbol, ...]:
    """The names an expression uses, each once, in text order."""
    return tuple(dict.fromkeys(n.symbol for n in walk(node) if isinstance(n, NameRead)))
