"""A condition outside any ruleset: a rollout segment over an application's inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from decision_service.domain.factor import Value, ValueType
from decision_service.domain.missing import Cause
from decision_service.domain.verdict import Truth
from decision_service.language.diagnostics import Report, did_you_mean
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.language.evaluation.emitter import Evaluate, compile_tree
from decision_service.language.evaluation.kleene import Unknown, unknown
from decision_service.language.evaluation.values import to_runtime
from decision_service.language.expressions.checker import read_expression
from decision_service.language.expressions.tree import Node, reads
from decision_service.language.types import NameFault, Symbol
from decision_service.language.yaml.nodes import Scalar


class Declared(msgspec.Struct, frozen=True):
    """A name with its type, bounds (inclusive, major units) and labels, before it has a slot."""

    name: str
    type: ValueType
    lower: Decimal | None = None
    upper: Decimal | None = None
    labels: tuple[str, ...] = ()


class DeclaredNames:
    """A scope of a fixed set of names, such as a ruleset's inputs (`inputs.customer_type`)."""

    def __init__(self, currency: str, declared: Iterable[Declared]) -> None:
        self.currency = currency
        self.symbols = {
            d.name: Symbol(d.name, d.type, slot, d.lower, d.upper, d.labels)
            for slot, d in enumerate(declared)
        }

    def find(self, name: str) -> Symbol | NameFault:
        """The symbol of a name, or the nearest one in a fault."""
        symbol = self.symbols.get(name)
        if symbol is not None:
            return symbol
        return NameFault("R202", f"unknown name `{name}`", did_you_mean(name, self.symbols))

    @property
    def claims(self) -> bool:
        """A condition decides."""
        return False

    def listed(self, operand: Symbol, name: str) -> NameFault:
        """A fault: only rules ask lists."""
        message = f"`{operand.name} in lists.{name}` cannot stand here"
        return NameFault("R303", message, "only rules ask lists; write the labels in parentheses")


class InputCondition(msgspec.Struct, frozen=True):
    """A checked condition with its tree; `names` are those it reads, in text order."""

    text: str
    names: tuple[str, ...]
    scope: DeclaredNames
    tree: Node
    _evaluate: Evaluate

    def truth(self, values: Mapping[str, Value]) -> Truth:
        """TRUE, FALSE, or UNKNOWN where a missing value could decide it."""
        slots = [self._value(symbol, values) for symbol in self.scope.symbols.values()]
        with exactly():
            result = self._evaluate(slots)
        if isinstance(result, Unknown):
            return Truth.UNKNOWN
        return Truth.TRUE if result else Truth.FALSE

    def _value(self, symbol: Symbol, values: Mapping[str, Value]) -> object:
        value = values.get(symbol.name)
        if value is None:
            return unknown(symbol.name, Cause.NOT_SENT)
        return to_runtime(symbol.name, value, symbol.type, self.scope.currency)


def read_condition(scalar: Scalar, names: DeclaredNames, report: Report) -> InputCondition | None:
    """A condition over the names; None where anything is wrong, all of it reported."""
    tree = read_expression(scalar, names, report, ValueType.FLAG)
    if tree is None:
        return None
    used = tuple(symbol.name for symbol in reads(tree))
    return InputCondition(scalar.text.strip(), used, names, tree, compile_tree(tree))
