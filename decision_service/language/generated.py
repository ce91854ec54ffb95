"""Several checked trees as one generated Python function, for the case that all values are there.

The source is written from checked trees alone, never from an author's text. Where a name that
matters has no value, or arithmetic has no result, the trees' closures (threevalued.py) are asked
instead, one by one; both give equal results wherever both give any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any as Anything

from decision_service.language import arithmetic, tree
from decision_service.language.threevalued import Evaluate, Unknown, Values, compile_tree
from decision_service.language.tree import Node


class _NeedsCare(ArithmeticError):
    """A value is missing where the generated function cannot decide."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Compiled trees; `hard` are the slots that must hold values for the quick way."""

    quick: Callable[[Values], tuple[Anything, ...]]
    careful: tuple[Evaluate, ...]
    hard: frozenset[int]

    def run(self, values: Values, gone: set[int]) -> tuple[Anything, ...]:
        """The results in order, each a value or Unknown; `gone` are the slots without a value."""
        if not gone or self.hard.isdisjoint(gone):
            try:
                return self.quick(values)
            except (ArithmeticError, TypeError, ValueError):
                pass  # whatever it was, the careful way names it
        return tuple([evaluate(values) for evaluate in self.careful])


def compile_batch(nodes: Sequence[Node]) -> Batch:
    """One function for all trees, in order; it reads each slot once."""
    writer = _Writer()
    rows = [writer.write(node) for node in nodes]
    loads = "".join(f"    v{s} = v[{s}]\n" for s in sorted(writer.slots))
    source = f"def quick(v):\n{loads}    return ({''.join(f'{row}, ' for row in rows)})\n"
    careful = tuple(compile_tree(node) for node in nodes)
    return Batch(writer.function(source), careful, frozenset(writer.hard))


@dataclass(frozen=True, slots=True)
class Definitions:
    """Trees whose results are the values of later ones, in order, each with its slot."""

    slots: tuple[int, ...]
    quick: Callable[[list[Anything]], None]
    careful: tuple[Evaluate, ...]
    hard: frozenset[int]

    def run(self, values: list[Anything], gone: set[int]) -> None:
        """Set every slot; those without a value join `gone`."""
        if not gone or self.hard.isdisjoint(gone):
            try:
                self.quick(values)
            except (ArithmeticError, TypeError, ValueError):
                pass  # whatever it was, the careful way names it
            else:
                return
        for slot, evaluate in zip(self.slots, self.careful, strict=True):
            values[slot] = evaluate(values)
            if values[slot].__class__ is Unknown:
                gone.add(slot)


def compile_definitions(definitions: Sequence[tuple[int, Node]]) -> Definitions:
    """One function that sets all slots, from top to bottom."""
    writer = _Writer()
    rows = [(slot, writer.write(node)) for slot, node in definitions]
    slots = tuple(slot for slot, _ in definitions)
    loads = "".join(f"    v{s} = v[{s}]\n" for s in sorted(writer.slots - set(slots)))
    body = "".join(f"    v{slot} = v[{slot}] = {row}\n" for slot, row in rows)
    quick = writer.function(f"def quick(v):\n{loads}{body}    return None\n")
    careful = tuple(compile_tree(node) for _, node in definitions)
    return Definitions(slots, quick, careful, frozenset(writer.hard.difference(slots)))


def _coalesce(*values: Anything) -> Anything:
    for value in values:
        if value.__class__ is not Unknown:
            return value
        if value.tainted:
            break
    raise _NeedsCare


def _known(value: Anything) -> bool:
    if value.__class__ is not Unknown:
        return True
    if value.tainted:
        raise _NeedsCare
    return False


def _missing(value: Anything) -> bool:
    return not _known(value)


_NAMES: dict[str, Anything] = {
    "__builtins__": {},
    "Decimal": Decimal,
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
_SOFT = frozenset({"coalesce", "known", "missing"})


class _Writer:
    """Writes trees as Python, collecting slots and constants."""

    def __init__(self) -> None:
        self.slots: set[int] = set()
        self.hard: set[int] = set()
        self.constants: dict[str, Anything] = {}

    def function(self, source: str) -> Callable[..., Anything]:
        """The function `quick` of a source that this writer has written."""
        names = {**_NAMES, **self.constants}
        exec(compile(source, "<rules>", "exec"), names)  # noqa: S102  from checked trees only
        quick: Callable[..., Anything] = names["quick"]
        return quick

    def write(self, node: Node, *, soft: bool = False) -> str:
        match node:
            case tree.Constant():
                return self._constant(node.value)
            case tree.Read():
                return self._read(node.symbol.slot, soft=soft)
            case tree.Negative():
                return f"(-{self.write(node.operand)})"
            case tree.Arithmetic():
                return self._arithmetic(node)
            case tree.Compare():
                return f"({self.write(node.left)} {node.operator} {self.write(node.right)})"
        return self._compound(node)

    def _compound(self, node: Node) -> str:
        match node:
            case tree.Within():
                word = "not in" if node.negated else "in"
                return f"({self.write(node.operand)} {word} {self._bind(node.options)})"
            case tree.Not():
                return f"(not {self.write(node.operand)})"
            case tree.All() | tree.Any():
                word = " and " if isinstance(node, tree.All) else " or "
                return f"({word.join(self.write(o) for o in node.operands)})"
            case tree.Choice():
                parts = (self.write(p) for p in (node.then, node.condition, node.otherwise))
                return "({} if {} else {})".format(*parts)
            case tree.Call():
                soft = node.function in _SOFT
                arguments = ", ".join(self.write(a, soft=soft) for a in node.arguments)
                return f"{node.function}({arguments})"
        raise AssertionError(node)

    def _arithmetic(self, node: tree.Arithmetic) -> str:
        left, right = self.write(node.left), self.write(node.right)
        if node.operator in "*/" and not _is_decimal(node.left):
            left = f"Decimal({left})"  # two ints would leave the 34 digits, or become a float
        return f"({left} {node.operator} {right})"

    def _read(self, slot: int, *, soft: bool) -> str:
        self.slots.add(slot)
        if not soft:
            self.hard.add(slot)
        return f"v{slot}"

    def _constant(self, value: tree.Literal) -> str:
        if isinstance(value, Decimal | date):
            return self._bind(value)
        return f"({value!r})"

    def _bind(self, value: Anything) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name


def _is_decimal(node: Node) -> bool:
    return isinstance(node, tree.Constant) and isinstance(node.value, Decimal)
