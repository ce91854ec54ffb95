"""Cells as conditions of the expression language, so that they evaluate and explain alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key
from itertools import pairwise

from decision_service.domain.factor import ValueType
from decision_service.language import tree
from decision_service.language.tree import Node
from decision_service.language.types import FLAG, INTEGER
from decision_service.ruleset.constructs.cells import Cell, Sort
from decision_service.ruleset.regions import Span, compare_lows


def cell_tree(cell: Cell, name: tree.Read) -> Node:
    """The condition that a cell puts on a name."""
    text, place = f"{name.text} in {cell.text}", cell.place
    if cell.sort is Sort.ANYTHING:
        return tree.Constant(FLAG, value=True, text=text, place=place)
    if cell.sort is Sort.MISSING:
        return tree.Call(FLAG, "missing", (name,), text=text, place=place)
    if cell.sort is Sort.LABELS:
        return tree.Within(name, cell.labels, negated=False, text=text, place=place)
    return _either([_span(span, cell, name) for span in cell.spans], text, cell)


def _either(nodes: Sequence[Node], text: str, cell: Cell) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    return tree.Any(tuple(nodes), text=text, place=cell.place)


def _span(span: Span, cell: Cell, name: tree.Read) -> Node:
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


def _compare(name: tree.Read, operator: str, value: tree.Literal, cell: Cell) -> Node:
    constant = tree.Constant(name.type, value, text=str(value), place=cell.place)
    text = f"{name.text} {operator} {value}"
    return tree.Compare(operator, name, constant, text=text, place=cell.place)


def bin_index(cells: Sequence[Cell], name: tree.Read) -> Node:
    """An expression for the index of the cell that has the name's value, -1 where none has."""
    order = _adjoining(cells)
    if order is None:
        return _first_true([cell_tree(cell, name) for cell in cells])
    return _by_upper_ends([(index, cells[index]) for index in order], name)


def _adjoining(cells: Sequence[Cell]) -> list[int] | None:
    """The cells in order of value, where each is one span that begins where the last ends."""
    if any(len(cell.spans) != 1 for cell in cells):
        return None
    order = sorted(range(len(cells)), key=lambda i: cmp_to_key(compare_lows)(cells[i].spans[0]))
    for before, after in pairwise(order):
        low, high = cells[before].spans[0], cells[after].spans[0]
        if low.high is None or low.high != high.low or low.open_high is high.open_low:
            return None
    return order


def _by_upper_ends(cells: Sequence[tuple[int, Cell]], name: tree.Read) -> Node:
    """One comparison a cell: below the first, up to each end, above the last."""
    last_index, last = cells[-1]
    chosen: Node = _index(last_index, name)
    if last.spans[0].high is not None:
        chosen = _choice(_upper(last, name), chosen, _index(-1, name))
    for index, cell in reversed(cells[:-1]):
        chosen = _choice(_upper(cell, name), _index(index, name), chosen)
    first = cells[0][1].spans[0]
    if first.low is not None:
        below = _compare(name, "<=" if first.open_low else "<", first.low, cells[0][1])
        chosen = _choice(below, _index(-1, name), chosen)
    return chosen


def _upper(cell: Cell, name: tree.Read) -> Node:
    span = cell.spans[0]
    return _compare(name, "<" if span.open_high else "<=", span.high, cell)


def _choice(condition: Node, then: Node, otherwise: Node) -> Node:
    return tree.Choice(
        INTEGER, condition, then, otherwise, text=condition.text, place=condition.place
    )


def _first_true(conditions: Sequence[Node]) -> Node:
    chosen: Node = _index(-1, conditions[-1])
    for index in reversed(range(len(conditions))):
        chosen = _choice(conditions[index], _index(index, conditions[index]), chosen)
    return chosen


def _index(index: int, like: Node) -> tree.Constant:
    return tree.Constant(ValueType.INTEGER, index, text=str(index), place=like.place)
