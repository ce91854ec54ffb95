"""Cells as conditions of the expression language, so that they evaluate and explain alike."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.language.types import FLAG
from decision_service.ruleset.analysis.regions import ValueRange
from decision_service.ruleset.constructs.cells import Cell, CellKind


def cell_tree(cell: Cell, name: tree.NameRead) -> Node:
    """The condition that a cell puts on a name."""
    text, place = f"{name.text} in {cell.text}", cell.place
    if cell.sort is CellKind.ANYTHING:
        return tree.Constant(FLAG, value=True, text=text, place=place)
    if cell.sort is CellKind.MISSING:
        return tree.FunctionCall(FLAG, "missing", (name,), text=text, place=place)
    if cell.sort is CellKind.LABELS:
        return tree.Within(name, cell.labels, negated=False, text=text, place=place)
    return _either([_span(span, cell, name) for span in cell.spans], text, cell)


def _either(nodes: Sequence[Node], text: str, cell: Cell) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    return tree.Any(tuple(nodes), text=text, place=cell.place)


def _span(span: ValueRange, cell: Cell, name: tree.NameRead) -> Node:
    if span.low is not None and span.low == span.high:
        return _compare(name, "==", span.low, cell)
    ends: list[Node] = []
    if span.low is not None:
        ends.append(_compare(name, ">" if span.open_low else ">=", span.low, cell))
    if span.high is not None:
        ends.append(_compare(name, "<" if span.open_high else "<=", span.high, cell))
    if len(ends) == 1:
        return ends[0]
    return tree.All(tuple(ends), text=f"{name.text} in {cell.text}", place=cell.place)


def _compare(name: tree.NameRead, operator: str, value: tree.Literal, cell: Cell) -> Node:
    constant = tree.Constant(name.type, value, text=str(value), place=cell.place)
    text = f"{name.text} {operator} {value}"
    return tree.Compare(operator, name, constant, text=text, place=cell.place)
