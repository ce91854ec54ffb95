"""Static types, the functions' signatures, and the checked tree of an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.rules.language.diagnostics import Place, did_you_mean

INTEGER = ValueType.INTEGER
NUMBER = ValueType.NUMBER
MONEY = ValueType.MONEY
TEXT = ValueType.TEXT
FLAG = ValueType.FLAG
DATE = ValueType.DATE

CONTRARY = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}

NUMERIC = frozenset({INTEGER, NUMBER})
ORDERED = frozenset({INTEGER, NUMBER, MONEY, DATE})

MOST_ARGUMENTS = 20
Literal = int | Decimal | str | bool | date
# Functions of guarantees alone: what decides may not look past a failure.
ONLY_IN_CLAIMS = frozenset({"tainted"})

POWERS = "multiply, or write `exp(exponent * ln(base))`"
ELSEWHERE = {
    "log": "write `ln(a)`, the natural logarithm",
    "log10": "write `ln(a) / ln(10)`",
    "pow": POWERS,
    "power": POWERS,
    "sqrt": "write `exp(ln(a) / 2)`",
}
"""What other languages' functions are in this one, by their names in small letters."""


class Symbol(msgspec.Struct, frozen=True):
    """A name an expression may use; its value is in `slot` of the list of values.

    `lower` and `upper` are inclusive bounds in the type's unit (major units for money), `labels`
    the values a text can take (empty: any). `constant` says that the value comes from the rule
    file alone (a parameter).
    """

    name: str
    type: ValueType
    slot: int
    lower: Decimal | None = None
    upper: Decimal | None = None
    labels: tuple[str, ...] = ()
    constant: bool = False


class NameFault(msgspec.Struct, frozen=True):
    """Why a name cannot be used, as a diagnostic; an empty code is reported elsewhere already."""

    code: str
    message: str
    hint: str = ""


class Scope(Protocol):
    """The names an expression may use at its place in the file."""

    @property
    def currency(self) -> str:
        """The currency of money literals."""

    @property
    def claims(self) -> bool:
        """Whether the expression claims something of decisions, and decides nothing."""

    def find(self, name: str) -> Symbol | NameFault:
        """The symbol of a name, or why there is none."""

    def listed(self, operand: Symbol, name: str) -> Symbol | NameFault:
        """The symbol of the answer whether an input is on a list, or why there is none."""


def joint(types: Iterable[ValueType]) -> ValueType | None:
    """The one type that values of these types share (integer joins number), or None."""
    found = set(types)
    if len(found) == 1:
        return found.pop()
    return NUMBER if found == NUMERIC else None


def sum_type(left: ValueType, right: ValueType) -> ValueType | None:
    """The type of `+` and `-`: numbers with numbers, money with money."""
    shared = joint((left, right))
    return shared if shared in NUMERIC or shared is MONEY else None


def product_type(left: ValueType, right: ValueType) -> ValueType | None:
    """The type of `*`: money times a number is money; money times money is nothing."""
    if {left, right} <= NUMERIC:
        return INTEGER if left is right is INTEGER else NUMBER
    money = [t for t in (left, right) if t is MONEY]
    other = [t for t in (left, right) if t in NUMERIC]
    return MONEY if len(money) == len(other) == 1 else None


def quotient_type(left: ValueType, right: ValueType) -> ValueType | None:
    """The type of `/`: money by a number is money, money by money a number."""
    if left is MONEY:
        return NUMBER if right is MONEY else MONEY if right in NUMERIC else None
    # 7 / 2 is 3.5: a quotient of whole numbers need not be whole.
    return NUMBER if {left, right} <= NUMERIC else None


def phrase(type_: ValueType) -> str:
    """The type with its article: `an integer`, `a number`, `money`."""
    if type_ is MONEY or type_ is TEXT:
        return str(type_)
    return f"an {type_}" if type_ is INTEGER else f"a {type_}"


# By keyword, since the fields of the nodes come after these and are given by position.
@dataclass(frozen=True, slots=True, kw_only=True)
class _WithText:
    # Equal conditions are equal wherever they are written, and spaces are in no digest.
    text: str = field(compare=False)
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Constant(_WithText):
    """A literal; money in minor units."""

    type: ValueType
    value: Literal


@dataclass(frozen=True, slots=True)
class NameRead(_WithText):
    symbol: Symbol

    @property
    def type(self) -> ValueType:
        return self.symbol.type


@dataclass(frozen=True, slots=True)
class Negative(_WithText):
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
    """Whether the operand's value is on a list of keys, which is the value of `answer`."""

    operand: NameRead
    list: str
    answer: Symbol
    type: ValueType = ValueType.FLAG


@dataclass(frozen=True, slots=True)
class Not(_WithText):
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
    match node:
        case Negative() | Not() | Within() | Listed():
            return (node.operand,)
        case Arithmetic() | Compare():
            return (node.left, node.right)
        case All() | Any():
            return node.operands
        case Choice():
            # In the order of the text: `a if condition else b`.
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


ResultType = Callable[[Sequence[Node]], ValueType | None]


class Signature(msgspec.Struct, frozen=True):
    """One function; `fixed` are its arguments' types where they do not depend on each other."""

    name: str
    usage: str
    sentence: str
    fewest: int
    most: int
    result: ResultType
    fixed: tuple[ValueType, ...] = ()

    @property
    def arguments(self) -> str:
        """`2 arguments`, `at least 2 arguments`."""
        least = "at least " if self.most > self.fewest else ""
        return f"{least}{self.fewest} argument{'s' if self.fewest > 1 else ''}"


def _amount(arguments: Sequence[Node]) -> ValueType | None:
    shared = joint(a.type for a in arguments)
    return shared if shared in NUMERIC or shared is MONEY else None


def _ordered(arguments: Sequence[Node]) -> ValueType | None:
    shared = joint(a.type for a in arguments)
    return shared if shared is DATE else _amount(arguments)


def _any(arguments: Sequence[Node]) -> ValueType | None:
    return joint(a.type for a in arguments)


def _name(arguments: Sequence[Node]) -> ValueType | None:
    return FLAG if isinstance(arguments[0], NameRead) else None


def _always(type_: ValueType) -> ResultType:
    return lambda _arguments: type_


_LOAN = (MONEY, NUMBER, INTEGER)

SIGNATURES = {
    s.name: s
    for s in (
        Signature(
            "min", "min(a, b, …)", "the smallest", fewest=2, most=MOST_ARGUMENTS, result=_ordered
        ),
        Signature(
            "max", "max(a, b, …)", "the largest", fewest=2, most=MOST_ARGUMENTS, result=_ordered
        ),
        Signature("abs", "abs(a)", "without its sign", fewest=1, most=1, result=_amount),
        Signature(
            "round",
            "round(a, step)",
            "the nearest multiple of step, half to even",
            fewest=2,
            most=2,
            result=_amount,
        ),
        Signature(
            "floor",
            "floor(a, step)",
            "the multiple of step below",
            fewest=2,
            most=2,
            result=_amount,
        ),
        Signature(
            "coalesce",
            "coalesce(a, b, …)",
            "the first not absent",
            fewest=2,
            most=MOST_ARGUMENTS,
            result=_any,
        ),
        Signature(
            "known", "known(name)", "whether the name has a value", fewest=1, most=1, result=_name
        ),
        Signature(
            "tainted",
            "tainted(name)",
            "whether a failure hides its value",
            fewest=1,
            most=1,
            result=_name,
        ),
        Signature(
            "missing",
            "missing(name)",
            "whether the name's value is absent",
            fewest=1,
            most=1,
            result=_name,
        ),
        Signature(
            "annuity",
            "annuity(amount, monthly_rate, months)",
            "the level monthly payment of a loan",
            fewest=3,
            most=3,
            result=_always(MONEY),
            fixed=_LOAN,
        ),
        Signature(
            "annuity_amount",
            "annuity_amount(payment, monthly_rate, months)",
            "the loan that a level monthly payment repays",
            fewest=3,
            most=3,
            result=_always(MONEY),
            fixed=_LOAN,
        ),
        Signature(
            "exp",
            "exp(a)",
            "e to the power of a",
            fewest=1,
            most=1,
            result=_always(NUMBER),
            fixed=(NUMBER,),
        ),
        Signature(
            "ln",
            "ln(a)",
            "the natural logarithm",
            fewest=1,
            most=1,
            result=_always(NUMBER),
            fixed=(NUMBER,),
        ),
        Signature(
            "add_days",
            "add_days(date, days)",
            "the day so many days later",
            fewest=2,
            most=2,
            result=_always(DATE),
            fixed=(DATE, INTEGER),
        ),
    )
}


class Declared(Protocol):
    """A name with its type, bounds (inclusive, major units) and labels, before it has a slot."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> ValueType: ...

    @property
    def lower(self) -> Decimal | None: ...

    @property
    def upper(self) -> Decimal | None: ...

    @property
    def labels(self) -> tuple[str, ...]: ...


class DeclaredNames:
    """A scope of a fixed set of names, such as a ruleset's inputs (`inputs.customer_type`)."""

    # A condition of a plan decides, too.
    claims = False

    def __init__(self, currency: str, declared: Iterable[Declared]) -> None:
        self.currency = currency
        self.symbols = {
            d.name: Symbol(d.name, d.type, slot, lower=d.lower, upper=d.upper, labels=d.labels)
            for slot, d in enumerate(declared)
        }

    def find(self, name: str) -> Symbol | NameFault:
        symbol = self.symbols.get(name)
        if symbol is not None:
            return symbol
        return NameFault("R202", f"unknown name `{name}`", did_you_mean(name, self.symbols))

    def listed(self, operand: Symbol, name: str) -> NameFault:
        """A fault: only rules ask lists."""
        message = f"`{operand.name} in lists.{name}` cannot be here"
        return NameFault("R303", message, "only rules ask lists; write the labels in parentheses")
