"""Expressions on declared names outside any ruleset, such as laws between factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.domain.missing import Cause
from decision_service.language.diagnostics import Place, Report, render
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.language.evaluation.condition import DeclaredNames
from decision_service.language.evaluation.emitter import Evaluate, compile_tree
from decision_service.language.evaluation.kleene import unknown
from decision_service.language.expressions.checker import read_expression
from decision_service.language.expressions.tree import Node, reads
from decision_service.language.types import Symbol
from decision_service.language.yaml.nodes import Scalar


class FormulaUnfit(ValueError):
    """A formula cannot be read; the message says why and where."""


class Formula(msgspec.Struct, frozen=True):
    """A checked expression; `symbols` are the names that it reads, in the order of the text."""

    text: str
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


_LOST: Any = unknown("", Cause.NOT_FETCHED)


def read_formula(text: str, names: DeclaredNames, expected: ValueType, what: str) -> Formula:
    """A formula from its text, which messages call `what`; raises FormulaUnfit."""
    report = Report()
    place = Place(what, 1, 1, 1 + len(text))
    tree = read_expression(Scalar(text, plain=True, place=place), names, report, expected)
    if tree is None:
        raise FormulaUnfit("\n".join(render(found) for found in report.diagnostics()))
    symbols = reads(tree)
    slots = max((symbol.slot for symbol in symbols), default=-1) + 1
    return Formula(text, tree, symbols, slots, compile_tree(tree))
