"""A form of a ruleset's content in which what cannot matter is gone: equal forms, equal verdicts.

A condition on one name is written as the values that satisfy it, within those that the name can
have: with counts of 0 to 12 months `[10, 12]` and `[10, 13]` are the same, and so are `< 6` and
`<= 5`.
"""

from __future__ import annotations

from typing import Any

from decision_service.domain.factor import ValueType
from decision_service.language.expressions import tree
from decision_service.language.types import ORDERED, Symbol
from decision_service.ruleset.analysis.ranges import whole
from decision_service.ruleset.analysis.regions import ValueRange, meet, stepped
from decision_service.ruleset.compile.digest import canonical, content
from decision_service.ruleset.constructs.cells import Cell, CellKind
from decision_service.ruleset.constructs.scorecard.model import Characteristic
from decision_service.ruleset.constructs.table.model import Grid, Row
from decision_service.ruleset.reading.draft import RulesetDraft

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


def normal_form(draft: RulesetDraft) -> Any:
    """The content of a draft without errors, as JSON can hold it."""
    currency = draft.names.currency

    def simplify(value: Any) -> Any:
        if isinstance(value, tree.Compare):
            return _comparison(value, currency)
        if isinstance(value, Characteristic):
            return _characteristic(value, currency)
        return _grid(value, currency) if isinstance(value, Grid) else value

    return canonical(content(draft), simplify)


def _comparison(node: tree.Compare, currency: str) -> Any:
    operator, left, right = node.operator, node.left, node.right
    if isinstance(left, tree.Constant):
        operator, left, right = _MIRRORED.get(operator, ""), right, left
    if not isinstance(right, tree.Constant) or operator not in _MIRRORED:
        return node
    if left.type not in ORDERED:
        return node
    satisfying = _span(operator, right.value)
    if isinstance(left, tree.NameRead):
        return ["values", left.symbol.name, *_values(satisfying, left.symbol, currency)]
    return _or_else(left, satisfying, currency) or node


def _or_else(node: tree.Node, satisfying: ValueRange, currency: str) -> list[Any] | None:
    """`coalesce(name, figure)` compared: the name's values, and the truth where it is absent."""
    if not (isinstance(node, tree.FunctionCall) and node.function == "coalesce"):
        return None
    match node.arguments:
        case (tree.NameRead() as name, tree.Constant() as default):
            values = _values(satisfying, name.symbol, currency)
            return ["or else", name.symbol.name, values, satisfying.has(default.value)]
    return None


def _span(operator: str, value: Any) -> ValueRange:
    if operator == "==":
        return ValueRange(value, value)
    if operator in ("<", "<="):
        return ValueRange(None, value, open_high=operator == "<")
    return ValueRange(value, None, open_low=operator == ">")


def _values(span: ValueRange, symbol: Symbol, currency: str) -> list[Any]:
    """The values of a name that lie in a span; empty where there are none."""
    least = whole(symbol, currency)
    kept = stepped(meet(span, least), symbol.type)
    if kept.empty:
        return []
    opened = () if symbol.type is not ValueType.NUMBER else (kept.open_low, kept.open_high)
    return [kept.low, kept.high, *opened]


def _cell(cell: Cell, symbol: Symbol, currency: str) -> Any:
    if cell.sort is CellKind.SPANS:
        return ["spans", *(_values(span, symbol, currency) for span in cell.spans)]
    if cell.sort is CellKind.LABELS:
        return ["labels", frozenset(cell.labels)]
    return cell


def _characteristic(one: Characteristic, currency: str) -> Any:
    symbol = one.name.symbol
    bins = [[_cell(b.cell, symbol, currency), b.points] for b in one.bins]
    return [symbol, bins, one.reason, one.fixed, one.because]


def _grid(grid: Grid, currency: str) -> Any:
    rows = [_row(row, grid, currency) for row in grid.rows]
    return [grid.id, grid.hit, grid.aggregates, grid.names, grid.outputs, rows]


def _row(row: Row, grid: Grid, currency: str) -> Any:
    cells = zip(row.cells, grid.names, strict=True)
    found = [_cell(cell, name.symbol, currency) for cell, name in cells]
    return [found, row.gives, row.outcome, row.reason]
