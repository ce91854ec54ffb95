"""Python functions of checked trees: values by slot in, a value or Unknown out, nothing raised."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec

from decision_service.domain.errors import Unfit
from decision_service.domain.factor import Value, ValueType
from decision_service.domain.values import Cause
from decision_service.rules.language import types as tree
from decision_service.rules.language import values as runtime
from decision_service.rules.language.diagnostics import Place, Report, render
from decision_service.rules.language.expressions import read_expression
from decision_service.rules.language.types import INTEGER, DeclaredNames, Node, Symbol, reads
from decision_service.rules.language.values import exactly, to_runtime, unknown
from decision_service.rules.language.yaml import Scalar

Values = Sequence[Any]
Evaluate = Callable[[Values], Any]
Truths = tuple[Any, ...]
Weigh = Callable[[Values], tuple[Truths, Truths]]

_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": runtime.product,
    "/": runtime.quotient,
}
_STRICT: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "round": runtime.round_to,
    "floor": runtime.floor_to,
    "annuity": runtime.annuity,
    "annuity_amount": runtime.annuity_amount,
    "exp": runtime.exponential,
    "ln": runtime.logarithm,
    "add_days": runtime.add_days,
}
_WORDS: dict[str, Any] = {
    # Without this key `exec` would add all of Python's.
    "__builtins__": {},
    "Unknown": runtime.Unknown,
    "equal": runtime.equal,
    "coalesce": runtime.coalesce,
    "known": runtime.known,
    "missing": runtime.missing,
    "tainted": runtime.tainted,
}
_DIGITS = 34
_LOST: Any = unknown("", Cause.NOT_FETCHED)
_NOT_SENT: Any = unknown("", Cause.NOT_SENT)


def compile_tree(node: Node) -> Evaluate:
    return compile_trees([node])[0]


def compile_trees(nodes: Sequence[Node]) -> Sequence[Evaluate]:
    emitter = Emitter()
    names = [emitter.function([], node) for node in nodes]
    return emitter.compiled(names)


def compile_conditions(nodes: Sequence[Node]) -> Weigh:
    """One function of several conditions: their truths, and those of all their comparisons."""
    emitter = Emitter()
    return emitter.compiled([emitter.conditions(nodes)])[0]


def leaves(node: Node) -> Sequence[Node]:
    """The comparisons and flags that a condition joins, in text order; `not in` a list is one."""
    match node:
        case tree.All() | tree.Any():
            return [leaf for operand in node.operands for leaf in leaves(operand)]
        case tree.Not() if not isinstance(node.operand, tree.Listed):
            return leaves(node.operand)
    return [node]


def grouped(nodes: Sequence[Node], weighed: Truths) -> Iterator[Truths]:
    left = iter(weighed)
    for node in nodes:
        yield tuple(islice(left, len(leaves(node))))


class Emitter:
    """Source in the making: functions in order, and the values of its names."""

    def __init__(self) -> None:
        self.bound: dict[str, Any] = {}
        self.functions: list[str] = []
        self._slots: set[int] = set()
        self._temporaries = 0

    def compiled(self, names: Sequence[str]) -> Sequence[Callable[..., Any]]:
        """Functions by their names."""
        scope = {**_WORDS, **self.bound}
        # One by one, since no other thread runs during a `compile`.
        for text in self.functions:
            exec(compile(text, "<rules>", "exec"), scope)  # noqa: S102  from checked trees only
        return [scope[name] for name in names]

    def function(self, lines: Sequence[str], node: Node) -> str:
        return self._define(lines, self.expression(node))

    def conditions(self, nodes: Sequence[Node]) -> str:
        parts = [leaf for node in nodes for leaf in leaves(node)]
        # Each comparison has a name, since a trace shows its truth, and none is evaluated twice.
        names = [self._temporary() for _ in parts]
        lines = [f"{n} = {self.expression(leaf)}" for n, leaf in zip(names, parts, strict=True)]
        left = iter(names)
        truths = [_joined(node, left) for node in nodes]
        return self._define(lines, f"({_displayed(truths)}, {_displayed(names)})")

    def _define(self, lines: Sequence[str], result: str) -> str:
        name = f"f{len(self.functions)}"
        # A name is taken from the list once, and a local is what is read then.
        loads = [f"v{slot} = v[{slot}]" for slot in sorted(self._slots)]
        body = "".join(f"    {line}\n" for line in [*loads, *lines, f"return {result}"])
        self.functions.append(f"def {name}(v):\n{body}")
        self._slots.clear()
        return name

    def _bind(self, value: Any) -> str:
        # A literal is bound by a name and never printed: no text of a rule file gets into the
        # source.
        name = f"c{len(self.bound)}"
        self.bound[name] = value
        return name

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def expression(self, node: Node) -> str:
        match node:
            case tree.Constant():
                return self._bind(node.value)
            case tree.NameRead():
                self._slots.add(node.symbol.slot)
                return f"v{node.symbol.slot}"
            case tree.Negative():
                return self._strict(node, operator.neg)
            case tree.Arithmetic():
                return self._strict(node, _ARITHMETIC[node.operator])
            case tree.FunctionCall() if node.function in _STRICT:
                return self._strict(node, _STRICT[node.function])
            case tree.FunctionCall():
                return f"{node.function}({self._arguments(node)})"
        return self._condition(node)

    def _condition(self, node: Node) -> str:
        match node:
            case tree.Compare():
                return self._comparison(node)
            case tree.Within():
                word = "not in" if node.negated else "in"
                return self._unless_unknown(node.operand, f"{word} {self._bind(node.options)}")
            case tree.Listed():
                self._slots.add(node.answer.slot)
                return f"v{node.answer.slot}"
            case tree.Not(operand=tree.Listed()):
                # `not` gives True or False of any object; `^ True` leaves Unknown what it is.
                return f"({self._condition(node.operand)} ^ True)"
            case tree.Not() | tree.All() | tree.Any():
                return _joined(node, (self.expression(leaf) for leaf in leaves(node)))
            case tree.Choice():
                chosen = self._temporary()
                condition = self.expression(node.condition)
                then = self.expression(node.then)
                otherwise = self.expression(node.otherwise)
                # Only the side that is chosen is evaluated: a division by zero in the other one
                # does not count.
                unknown = f"({chosen} := {condition}).__class__ is Unknown"
                return f"({chosen} if {unknown} else {then} if {chosen} else {otherwise})"
        raise AssertionError(node)

    def _comparison(self, node: tree.Compare) -> str:
        if node.operator in ("==", "!="):
            return self._equality(node)
        left = self._side(node.left, node.right)
        right = self._side(node.right, node.left)
        return f"({left} {node.operator} {right})"

    def _equality(self, node: tree.Compare) -> str:
        # No constant is Unknown: the other side alone has to be asked.
        if isinstance(node.right, tree.Constant):
            against = self._side(node.right, node.left)
            return self._unless_unknown(node.left, f"{node.operator} {against}")
        equal = f"equal({self.expression(node.left)}, {self.expression(node.right)})"
        return equal if node.operator == "==" else f"({equal} ^ True)"

    def _unless_unknown(self, node: Node, test: str) -> str:
        """A test of a value that would take an unknown one for any other object."""
        if isinstance(node, tree.NameRead):
            name = seen = self.expression(node)
        else:
            name = self._temporary()
            seen = f"({name} := {self.expression(node)})"
        return f"({name} if {seen}.__class__ is Unknown else {name} {test})"

    def _side(self, node: Node, other: Node) -> str:
        """A side of a comparison; a bound on integers as int, which compares three times faster."""
        if isinstance(node, tree.Constant) and other.type is INTEGER:
            return self._bind(whole(node.value))
        return self.expression(node)

    def _strict(self, node: Node, function: Callable[..., Any]) -> str:
        applied = runtime.strict(function, tree.parts(node)[-1].text, node.text)
        return f"{self._bind(applied)}({self._arguments(node)})"

    def _arguments(self, node: Node) -> str:
        return ", ".join([self.expression(part) for part in tree.parts(node)])


def whole(value: Any) -> Any:
    """A number without a fraction as int; another value as it is."""
    # 1E+6000 would be an integer of thousands of digits.
    if isinstance(value, Decimal) and value.adjusted() < _DIGITS and value == int(value):
        return int(value)
    return value


def _joined(node: Node, names: Iterator[str]) -> str:
    match node:
        case tree.All() | tree.Any():
            # Not `and`, which would take Unknown for true.
            word = " & " if isinstance(node, tree.All) else " | "
            return f"({word.join([_joined(operand, names) for operand in node.operands])})"
        case tree.Not() if not isinstance(node.operand, tree.Listed):
            return f"({_joined(node.operand, names)} ^ True)"
    return next(names)


def _displayed(expressions: Sequence[str]) -> str:
    return f"({''.join(f'{each}, ' for each in expressions)})"


class FormulaUnfit(Unfit, ValueError):
    """A formula cannot be read; the message says why and where."""


class Formula(msgspec.Struct, frozen=True):
    """A checked expression; `symbols` are the names that it reads, in the order of the text."""

    text: str
    currency: str
    tree: Node
    symbols: tuple[Symbol, ...]
    _slots: int
    _evaluate: Evaluate

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(symbol.name for symbol in self.symbols)

    def result(self, values: Mapping[str, Any]) -> Any:
        """Its value, Unknown where it has none; values as evaluation has them, by name."""
        # A name without a value is a failure, which nothing looks past.
        given = [_LOST] * self._slots
        for symbol in self.symbols:
            given[symbol.slot] = values.get(symbol.name, _LOST)
        with exactly():
            return self._evaluate(given)

    def of_sent(self, sent: Mapping[str, Value]) -> Any:
        """Its value of inputs as they were sent, by name; Unknown where what is missing decides."""
        values: dict[str, Any] = dict.fromkeys(self.names, _NOT_SENT)
        for symbol in self.symbols:
            value = sent.get(symbol.name)
            if value is not None:
                values[symbol.name] = to_runtime(
                    symbol.name, value, symbol.type, currency=self.currency
                )
        return self.result(values)


def read_formula(
    scalar: Scalar, names: DeclaredNames, report: Report, expected: ValueType
) -> Formula | None:
    """A formula of a type; None where anything is wrong, all of it reported."""
    tree = read_expression(scalar, names, report, expected=expected)
    if tree is None:
        return None
    symbols = reads(tree)
    slots = max((symbol.slot for symbol in symbols), default=-1) + 1
    return Formula(
        scalar.text.strip(),
        names.currency,
        tree,
        symbols=symbols,
        _slots=slots,
        _evaluate=compile_tree(tree),
    )


def parse_formula(text: str, names: DeclaredNames, expected: ValueType, what: str) -> Formula:
    """A formula from its text, which messages call `what`; raises FormulaUnfit."""
    report = Report()
    place = Place(what, 1, 1, end=1 + len(text))
    found = read_formula(Scalar(text, plain=True, place=place), names, report, expected=expected)
    if found is None:
        raise FormulaUnfit("\n".join(render(one) for one in report.diagnostics()))
    return found
