"""Checked trees as lines of Python, for the case that all values are there.

Pages are written from checked trees alone, never from an author's text. The only names on them are
`v1` (the value of slot 1), `c1` (a value bound from outside), `t1` (a result in between) and fixed
words; a literal is bound to a name, never printed. Where a value that matters is missing, or
arithmetic has no result, what is written raises one of CARE, and the trees' closures
(threevalued.py) are asked instead; both give equal results wherever both give any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any as Anything

import msgspec

from decision_service.language import arithmetic, tree
from decision_service.language.threevalued import Unknown
from decision_service.language.tree import Node
from decision_service.language.types import INTEGER


class NeedsCare(ArithmeticError):
    """A value is missing where generated code cannot decide."""


CARE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Whatever of these is raised, the closures name what it was."""


class Source(msgspec.Struct):
    """Python source in the making: functions in order, and the values that its names stand for.

    `traced` says that it is to keep what it came to on the way.
    """

    words: Mapping[str, Anything] = msgspec.field(default_factory=dict)
    traced: bool = False
    bound: dict[str, Anything] = msgspec.field(default_factory=dict)
    functions: list[str] = msgspec.field(default_factory=list)
    temporaries: int = 0

    @property
    def text(self) -> str:
        """Everything written so far."""
        return "\n".join(self.functions)

    def bind(self, value: Anything) -> str:
        """A name for a value."""
        name = f"c{len(self.bound)}"
        self.bound[name] = value
        return name

    def temporary(self) -> str:
        """A name for a result in between."""
        self.temporaries += 1
        return f"t{self.temporaries}"

    def define(self, name: str, parameters: str, page: Page) -> None:
        """Add a function with a page as its body."""
        self.functions.append(f"def {name}({parameters}):\n{page.indented(1)}")

    def table(self, rows: Mapping[int, Sequence[Node]]) -> str:
        """Add a table of functions from all values by slot to the results of a row's trees."""
        functions = {row: self._of_values(nodes) for row, nodes in rows.items()}
        entries = ", ".join(f"{self.bind(row)}: {name}" for row, name in functions.items())
        name = self._next_function()
        self.functions.append(f"{name} = {{{entries}}}\n")
        return name

    def _of_values(self, nodes: Sequence[Node]) -> str:
        page = Page(self)
        results = [page.expression(node) for node in nodes]
        loads = [f"v{slot} = v[{slot}]" for slot in sorted(page.slots)]
        page.lines = [*loads, f"return ({''.join(f'{result}, ' for result in results)})"]
        name = self._next_function()
        self.define(name, "v", page)
        return name

    def _next_function(self) -> str:
        return f"f{len(self.functions)}"

    def compiled(self) -> Mapping[str, Callable[..., Anything]]:
        """The functions by name."""
        names = {**_WORDS, **self.words, **self.bound}
        exec(compile(self.text, "<rules>", "exec"), names)  # noqa: S102  from checked trees only
        return names


class Page(msgspec.Struct):
    """Lines of one function, or of a piece of it.

    `slots` are those that its expressions read, `hard` those of them that must hold values.
    """

    source: Source
    lines: list[str] = msgspec.field(default_factory=list)
    slots: set[int] = msgspec.field(default_factory=set)
    hard: set[int] = msgspec.field(default_factory=set)

    def line(self, text: str, depth: int = 0) -> None:
        """Add a line."""
        self.lines.append("    " * depth + text)

    def add(self, piece: Page, depth: int = 0) -> None:
        """Add the lines of a piece."""
        for text in piece.lines:
            self.line(text, depth)

    def attempt(self, lines: Sequence[str], otherwise: Sequence[str]) -> None:
        """Add lines, and others that run where they raise one of CARE."""
        for head, body in (("try:", lines), ("except CARE:", otherwise)):
            self.line(head)
            for text in body:
                self.line(text, 1)

    def choose(self, choices: Mapping[str, str]) -> None:
        """Add a line for the first of several conditions that holds."""
        for index, (condition, text) in enumerate(choices.items()):
            self.line(f"{'el' if index else ''}if {condition}:")
            self.line(text, 1)

    def bind(self, value: Anything) -> str:
        """A name for a value."""
        return self.source.bind(value)

    def indented(self, depth: int) -> str:
        """The lines as text."""
        return "".join(f"{'    ' * depth}{text}\n" for text in self.lines)

    def settled(self, node: Node) -> str:
        """An expression for a tree that raises nothing any more once the lines so far have run."""
        return self.kept(node) if may_raise(node) else self.expression(node)

    def kept(self, node: Node) -> str:
        """A name for a tree's result."""
        name = self.source.temporary()
        self.line(f"{name} = {self.expression(node)}")
        return name

    def expression(self, node: Node, *, soft: bool = False) -> str:
        """A tree as an expression; `soft` says that what is around it looks past missing values."""
        match node:
            case tree.Constant():
                return self.bind(node.value)
            case tree.Read():
                return self._read(node.symbol.slot, soft=soft)
            case tree.Negative():
                return f"(-{self.expression(node.operand)})"
            case tree.Arithmetic():
                return self._arithmetic(node)
            case tree.Compare():
                left, right = self._side(node.left, node.right), self._side(node.right, node.left)
                return f"({left} {node.operator} {right})"
        return self._compound(node)

    def _compound(self, node: Node) -> str:
        match node:
            case tree.Within():
                word = "not in" if node.negated else "in"
                return f"({self.expression(node.operand)} {word} {self.bind(node.options)})"
            case tree.Not():
                return f"(not {self.expression(node.operand)})"
            case tree.All() | tree.Any():
                word = " and " if isinstance(node, tree.All) else " or "
                return f"({word.join(self.expression(o) for o in node.operands)})"
            case tree.Choice():
                parts = (self.expression(p) for p in (node.then, node.condition, node.otherwise))
                return "({} if {} else {})".format(*parts)
            case tree.Call():
                soft = node.function in _SOFT
                arguments = ", ".join(self.expression(a, soft=soft) for a in node.arguments)
                return f"{node.function}({arguments})"
        raise AssertionError(node)

    def _side(self, node: Node, other: Node) -> str:
        """A side of a comparison; a bound on integers as int, which compares three times faster."""
        if isinstance(node, tree.Constant) and other.type is INTEGER:
            return self.bind(whole(node.value))
        return self.expression(node)

    def _arithmetic(self, node: tree.Arithmetic) -> str:
        left, right = self.expression(node.left), self.expression(node.right)
        if node.operator in "*/" and not _is_decimal(node.left):
            left = f"Decimal({left})"  # two ints would leave the 34 digits, or become a float
        return f"({left} {node.operator} {right})"

    def _read(self, slot: int, *, soft: bool) -> str:
        self.slots.add(slot)
        if not soft:
            self.hard.add(slot)
        return f"v{slot}"


def whole(value: Anything) -> Anything:
    """A number without a fraction as int; another value as it is."""
    if isinstance(value, Decimal) and value.adjusted() < _DIGITS and value == int(value):
        return int(value)
    return value


def may_raise(node: Node) -> bool:
    """Whether a tree as an expression can raise although all its values are there."""
    return any(isinstance(part, _MAY_RAISE) for part in tree.walk(node))


def _is_decimal(node: Node) -> bool:
    return isinstance(node, tree.Constant) and isinstance(node.value, Decimal)


def _coalesce(*values: Anything) -> Anything:
    for value in values:
        if value.__class__ is not Unknown:
            return value
        if value.tainted:
            break
    raise NeedsCare


def _known(value: Anything) -> bool:
    if value.__class__ is not Unknown:
        return True
    if value.tainted:
        raise NeedsCare
    return False


def _missing(value: Anything) -> bool:
    return not _known(value)


_WORDS: dict[str, Anything] = {
    "__builtins__": {},
    "Decimal": Decimal,
    "NeedsCare": NeedsCare,
    "CARE": CARE,
    "min": min,
    "max": max,
    "abs": abs,
    "round": arithmetic.round_to,
    "floor": arithmetic.floor_to,
    "annuity": arithmetic.annuity,
    "annuity_amount": arithmetic.annuity_amount,
    "coalesce": _coalesce,
    "known": _known,
    "missing": _missing,
}
_DIGITS = 34
_SOFT = frozenset({"coalesce", "known", "missing"})
_MAY_RAISE = (tree.Arithmetic, tree.Negative, tree.Call)
