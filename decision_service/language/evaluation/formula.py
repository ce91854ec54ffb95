"""Expressions on declared names outside any ruleset: segments of a plan, laws between factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from decision_service.domain.factor import Value, ValueType
from decision_service.domain.missing import Cause
from decision_service.language.diagnostics import Place, Report, render
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.language.evaluation.emitter import Evaluate, compile_tree
from decision_service.language.evaluation.kleene import unknown
from decision_service.language.evaluation.values import to_runtime
from decision_service.language.expressions.checker import read_expression
from decision_service.language.expressions.declared import DeclaredNames
from decision_service.language.expressions.tree import Node, reads
from decision_service.language.types import Symbol
from decision_service.language.yaml.nodes import Scalar


class FormulaUnfit(ValueError):
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
        """The names that it reads."""
        return tuple(symbol.name for symbol in self.symbols)

    def result(self, values: Mapping[str, Any]) -> Any:
        """Its value, Unknown where it has none; values as evaluation has them, by name."""
        given = [_LOST] * self._slots
        for symbol in self.symbols:
            given[symbol.slot] = values.get(symbol.name, _LOST)
        with exactly():
            return self._evaluate(given)

    def of_sent(self, sent: Mapping[str, Value]) -> Any:
        """Its value of inputs as they were sent, by name; Unknown where what is missing decides."""
        given = [_LOST] * self._slots
        for symbol in self.symbols:
            value = sent.get(symbol.name)
            given[symbol.slot] = (
                _NOT_SENT
                if value is None
                else to_runtime(symbol.name, value, symbol.type, self.currency)
            )
        with exactly():
            return self._evaluate(given)


_LOST: Any = unknown("", Cause.NOT_FETCHED)
_NOT_SENT: Any = unknown("", Cause.NOT_SENT)


def read_formula(
    scalar: Scalar, names: DeclaredNames, report: Report, expected: ValueType
) -> Formula | None:
    """A formula of a type; None where anything is wrong, all of it reported."""
    tree = read_expression(scalar, names, report, expected)
    if tree is None:
        return None
    symbols = reads(tree)
    slots = max((symbol.slot for symbol in symbols), default=-1) + 1
    return Formula(scalar.text.strip(), names.currency, tree, symbols, slots, compile_tree(tree))


def parse_formula(text: str, names: DeclaredNames, expected: ValueType, what: str) -> Formula:
    """A formula from its text, which messages call `what`; raises FormulaUnfit."""
    report = Report()
    place = Place(what, 1, 1, 1 + len(text))
    found = read_formula(Scalar(text, plain=True, place=place), names, report, expected)
    if found is None:
        raise FormulaUnfit("\n".join(render(one) for one in report.diagnostics()))
    return found
