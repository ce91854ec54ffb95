"""Cells of bins and tables, the rows that a value satisfies, and where rows come from."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from math import ceil, floor
from pathlib import PurePosixPath
from typing import Any, TypeVar

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.rules.construct import Column, Matches
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place, Report, did_you_mean, nearest
from decision_service.rules.language.evaluation import whole
from decision_service.rules.language.fields import as_scalar, parse_day
from decision_service.rules.language.types import FLAG, INTEGER, ORDERED, Literal, Node, Symbol
from decision_service.rules.language.yaml import LARGEST_TEXT, ListNode, MapNode, Scalar, YamlNode
from decision_service.rules.literals import CsvText, as_literal
from decision_service.rules.program import RulesetFiles
from decision_service.rules.ranges import ValueRange, labels_of

_INTERVAL = re.compile(r"([\[(])\s*([^,\s]+)\s*,\s*([^,\s]+)\s*([\])])")
_OPERATION = re.compile(r"(<=|>=|==|!=|<|>)\s*(\S.*)")
_MOST_LABELS = 50

T = TypeVar("T")


class CellKind(Enum):
    ANYTHING = "-"
    MISSING = "missing"
    SPANS = "spans"
    LABELS = "labels"


@dataclass(frozen=True, slots=True)
class Cell:
    """One condition on one name; `spans` or `labels` hold what the cell covers."""

    sort: CellKind
    spans: tuple[ValueRange, ...] = ()
    labels: tuple[Literal, ...] = ()
    text: str = field(default="-", compare=False)
    place: Place = field(default=Place("", 1, 1, end=2), compare=False)

    def has(self, value: Any) -> bool:
        if self.sort is CellKind.SPANS:
            return any(span.has(value) for span in self.spans)
        return self.sort is CellKind.ANYTHING or value in self.labels


class CellReader(msgspec.Struct, frozen=True):
    symbol: Symbol
    currency: str
    report: Report

    def read(self, scalar: Scalar) -> Cell | None:
        if scalar.torn:
            return None
        text = scalar.text.strip()
        if text in ("-", "missing"):
            return Cell(CellKind(text), text=text, place=scalar.place)
        if self.symbol.type in ORDERED:
            return self._spans(scalar, text)
        return self._labels(scalar, text)

    def _spans(self, scalar: Scalar, text: str) -> Cell | None:
        interval = _INTERVAL.fullmatch(text)
        operation = _OPERATION.fullmatch(text)
        if interval is not None:
            spans = self._interval(scalar, *interval.groups())
        elif operation is not None:
            spans = self._operation(scalar, operation[1], operation[2])
        elif self._is_bare(text):
            spans = self._operation(scalar, "==", text)
        else:
            message = f"`{text}` is no condition on {self.symbol.type} `{self.symbol.name}`"
            hint = 'write "-", "missing", 6, an interval "[0, 6)", or an operator ">= 6"'
            self.report.error("R130", scalar.place, message, hint)
            return None
        if spans is None:
            return None
        return Cell(CellKind.SPANS, spans, text=text, place=scalar.place)

    def _is_bare(self, text: str) -> bool:
        if self.symbol.type is ValueType.DATE:
            return parse_day(text) is not None
        return Scalar(text, plain=True, place=Place("", 1, 1, end=2)).is_number

    def _interval(
        self, scalar: Scalar, opening: str, low: str, high: str, closing: str
    ) -> tuple[ValueRange, ...] | None:
        first = self._literal(scalar, low)
        last = self._literal(scalar, high)
        if first is None or last is None:
            return None
        span = ValueRange(first, last, opening == "(", open_high=closing == ")")
        if not span.empty:
            return (span,)
        self.report.error("R131", scalar.place, f"the interval `{scalar.text}` is empty")
        return None

    def _operation(self, scalar: Scalar, operator: str, text: str) -> tuple[ValueRange, ...] | None:
        value = self._literal(scalar, text)
        if value is None:
            return None
        below = ValueRange(None, value, open_high=operator != "<=")
        above = ValueRange(value, None, open_low=operator != ">=")
        if operator == "==":
            return (ValueRange(value, value),)
        if operator == "!=":
            return (below, above)
        return (below,) if operator in ("<", "<=") else (above,)

    def _literal(self, scalar: Scalar, text: str) -> Any:
        # Where in the cell the part begins is not known, so that a fault marks the whole cell.
        part = Scalar(text, plain=True, place=scalar.place, verbatim=False)
        # An edge of whole numbers may have a fraction: `< 2.5`.
        type_ = ValueType.NUMBER if self.symbol.type is ValueType.INTEGER else self.symbol.type
        return as_literal(part, type_, f"`{text}`", currency=self.currency, report=self.report)

    def _labels(self, scalar: Scalar, text: str) -> Cell | None:
        operation = re.fullmatch(r"(==|!=)\s*(\S.*)", text)
        words = [w.strip().strip("\"'") for w in (operation[2] if operation else text).split("|")]
        if not all(words) or len(words) > _MOST_LABELS:
            hint = "write labels as A | B"
            self.report.error("R130", scalar.place, f"`{text}` is no list of labels", hint)
            return None
        labels = tuple(self._label(scalar, word) for word in words)
        if any(label is None for label in labels):
            return None
        known = tuple(label for label in dict.fromkeys(labels) if label is not None)
        if operation is None or operation[1] == "==":
            return Cell(CellKind.LABELS, labels=known, text=text, place=scalar.place)
        return self._contrary(scalar, text, known)

    def _contrary(self, scalar: Scalar, text: str, labels: tuple[Literal, ...]) -> Cell | None:
        # `!=` becomes a list of all other labels, so that these have to be known.
        everything = labels_of(self.symbol)
        if not everything:
            message = f"the labels of `{self.symbol.name}` are not declared, so `!=` is open"
            self.report.error("R130", scalar.place, message, "name the labels that are meant")
            return None
        others = tuple(label for label in everything if label not in labels)
        return Cell(CellKind.LABELS, labels=others, text=text, place=scalar.place)

    def _label(self, scalar: Scalar, word: str) -> Literal | None:
        known = labels_of(self.symbol)
        if self.symbol.type is ValueType.FLAG and word in ("true", "false"):
            return word == "true"
        if word in known or not known:
            return word
        message = f"`{self.symbol.name}` is never `{word}`"
        hint = did_you_mean(word, [str(label).lower() for label in known])
        if self.symbol.type is ValueType.TEXT:
            hint = did_you_mean(word, self.symbol.labels)
        self.report.error("R308", scalar.place, message, hint)
        return None


def cell_tree(cell: Cell, name: tree.NameRead) -> Node:
    text = f"{name.text} in {cell.text}"
    place = cell.place
    if cell.sort is CellKind.ANYTHING:
        return tree.Constant(FLAG, value=True, text=text, place=place)
    if cell.sort is CellKind.MISSING:
        return tree.FunctionCall(FLAG, "missing", (name,), text=text, place=place)
    if cell.sort is CellKind.LABELS:
        return tree.Within(name, cell.labels, negated=False, text=text, place=place)
    nodes = tuple(_span(span, cell, name) for span in cell.spans)
    return nodes[0] if len(nodes) == 1 else tree.Any(nodes, text=text, place=place)


def _span(span: ValueRange, cell: Cell, name: tree.NameRead) -> Node:
    if span.low is not None and span.low == span.high:
        return _compare(name, "==", span.low, cell=cell)
    ends: list[Node] = []
    if span.low is not None:
        ends.append(_compare(name, ">" if span.open_low else ">=", span.low, cell=cell))
    if span.high is not None:
        ends.append(_compare(name, "<" if span.open_high else "<=", span.high, cell=cell))
    if len(ends) == 1:
        return ends[0]
    return tree.All(tuple(ends), text=f"{name.text} in {cell.text}", place=cell.place)


def _compare(name: tree.NameRead, operator: str, value: tree.Literal, cell: Cell) -> Node:
    constant = tree.Constant(name.type, value, text=str(value), place=cell.place)
    text = f"{name.text} {operator} {value}"
    return tree.Compare(operator, name, constant, text=text, place=cell.place)


def column(slot: int, cells: Sequence[Cell], type_: ValueType) -> Column:
    ordered = type_ in ORDERED
    # A bit a row: a lookup is then one `&` a column, however many rows there are.
    every = (1 << len(cells)) - 1
    anything = _rows_of(cells, CellKind.ANYTHING)
    missing = _rows_of(cells, CellKind.MISSING)
    ends = {e for c in cells for s in c.spans for e in (s.low, s.high) if e is not None}
    edges = tuple(sorted(ends)) if ordered else ()
    regions = region_spans(edges) if ordered else []
    labels = {label for cell in cells for label in cell.labels}
    # `missing` takes what is absent; a failure fits `-` alone, since no cell may look past it.
    sure_absent = anything | missing
    return Column(
        slot=slot,
        # Whole numbers are compared with ints, which is three times faster than with decimals.
        edges=tuple(map(whole, edges)) if type_ is INTEGER else edges,
        regions=tuple(Matches(_rows(cells, partial(covers, region=r))) for r in regions),
        labels={label: Matches(_with_label(cells, label)) for label in labels},
        others=Matches(anything),
        absent=Matches(sure_absent, every & ~sure_absent),
        tainted=Matches(anything, every & ~anything),
    )


def finder(
    cells: Sequence[Cell], type_: ValueType, results: Sequence[T]
) -> Callable[[Any], T | None]:
    """A function from a value to the result of the first cell that has it, None where none has."""
    bins = column(0, cells, type_)
    edges = bins.edges
    found = [_first(rows.sure, results) for rows in bins.regions]
    labels = {label: _first(rows.sure, results) for label, rows in bins.labels.items()}
    if not found:
        return labels.get
    if type_ is INTEGER:
        # Of whole numbers each region begins at one, so that one search is enough in place of two.
        starts = sorted({n for edge in edges for n in (ceil(edge), floor(edge) + 1)})
        firsts = [starts[0] - 1, *starts]
        each = [_first(bins.matches(value).sure, results) for value in firsts]

        def of_integer(value: Any) -> T | None:
            return each[bisect_right(starts, value)]

        return of_integer

    # The two searches differ by one on an edge: even regions are between edges, odd ones on them.
    def of_ordered(value: Any) -> T | None:
        return found[bisect_left(edges, value) + bisect_right(edges, value)]

    return of_ordered


def _first(rows: int, results: Sequence[T]) -> T | None:
    return results[(rows & -rows).bit_length() - 1] if rows else None


def region_spans(edges: Sequence[Any]) -> list[ValueRange]:
    """The regions between and on the edges, in order: (…, e0), [e0], (e0, e1), [e1], (e1, …)."""
    found: list[ValueRange] = []
    below: Any = None
    for edge in edges:
        found.append(ValueRange(below, edge, open_low=True, open_high=True))
        found.append(ValueRange(edge, edge))
        below = edge
    return [*found, ValueRange(below, None, open_low=True)]


def covers(cell: Cell, region: ValueRange) -> bool:
    if cell.sort is CellKind.ANYTHING:
        return True
    return any(_inside(region, span) for span in cell.spans)


def _inside(region: ValueRange, span: ValueRange) -> bool:
    if region.low is not None and region.low == region.high:
        return span.has(region.low)
    low = span.low is None or (region.low is not None and region.low >= span.low)
    high = span.high is None or (region.high is not None and region.high <= span.high)
    return bool(low and high)


def _with_label(cells: Sequence[Cell], label: Any) -> int:
    return _rows(cells, partial(_takes, label=label))


def _takes(cell: Cell, label: Any) -> bool:
    return cell.sort is not CellKind.MISSING and cell.has(label)


def _rows_of(cells: Sequence[Cell], kind: CellKind) -> int:
    return sum(1 << i for i, cell in enumerate(cells) if cell.sort is kind)


def _rows(cells: Sequence[Cell], satisfied: Callable[[Cell], bool]) -> int:
    return sum(1 << i for i, cell in enumerate(cells) if satisfied(cell))


def bits(mask: int) -> list[int]:
    return [i for i in range(mask.bit_length()) if mask >> i & 1]


class RawRow(msgspec.Struct, frozen=True):
    cells: tuple[Scalar, ...]
    place: Place


def table_file(node: YamlNode, files: RulesetFiles) -> str | None:
    """The key of the table file that `rows` names; None where there is none."""
    return _key(node.text, files) if isinstance(node, Scalar) else None


def read_rows(
    node: YamlNode, columns: Sequence[str], files: RulesetFiles, report: Report
) -> list[RawRow | None]:
    """The rows; one that cannot be split into the columns is reported and None."""
    if isinstance(node, Scalar):
        return _from_file(node, columns, files, report=report)
    if isinstance(node, ListNode):
        return [_from_list(item, len(columns), report) for item in node.items]
    message = "`rows` must be a list of rows, or a file such as tables/limit.csv"
    hint = "write the file's name alone: `rows: tables/limit.csv`"
    report.error("R122", node.place, message, hint if isinstance(node, MapNode) else "")
    return []


def _from_list(node: YamlNode, width: int, report: Report) -> RawRow | None:
    if not isinstance(node, ListNode):
        report.error("R122", node.place, "a row must be a list of cells", "write `- [A, B]`")
        return None
    scalars = [as_scalar(item, "a cell", report) for item in node.items]
    if len(scalars) != width:
        _wrong_width(node.place, len(scalars), width, report=report)
        return None
    cells = tuple(s for s in scalars if s is not None)
    return RawRow(cells, node.place) if len(cells) == width else None


def _wrong_width(place: Place, found: int, width: int, report: Report) -> None:
    message = f"the row has {found} cells; the table has {width} columns"
    report.error("R133", place, message, 'quote a cell that holds a comma, as in "[0, 6)"')


def _from_file(
    name: Scalar, columns: Sequence[str], files: RulesetFiles, report: Report
) -> list[RawRow | None]:
    if name.torn:
        return []
    path = str(PurePosixPath(files.path).parent / name.text)
    if name.text in files.unreadable:
        report.error("R002", Place(path, 1, 1, end=2), files.unreadable[name.text])
        return []
    key = _key(name.text, files)
    if key is None:
        hint = did_you_mean(name.text, files.tables) or "tables lie beside it in `tables/`"
        report.error("R134", name.place, f"there is no table file `{name.text}`", hint)
        return []
    return _CsvReader(path, files.tables[key], report).read(columns)


def _key(name: str, files: RulesetFiles) -> str | None:
    whole = str(PurePosixPath(files.path).parent / name)
    keys = (name, whole, PurePosixPath(name).name)
    return next((key for key in keys if key in files.tables), None)


class _CsvReader(CsvText):
    def read(self, columns: Sequence[str]) -> list[RawRow | None]:
        if self.size > LARGEST_TEXT:
            message = f"the table is larger than {LARGEST_TEXT // 1024} KiB"
            self.report.error("R102", Place(self.path, 1, 1, end=2), message)
            return []
        header = self.cells(1)
        if len(header) == 1 and len(columns) > 1 and self.is_otherwise_separated():
            return []
        order = self._order(header, columns)
        return [] if order is None else [self._row(n, order) for n in self.rows]

    def _order(self, header: Sequence[Scalar], columns: Sequence[str]) -> list[int] | None:
        """The place of each column; None where the header is wrong."""
        names = [cell.text.strip() for cell in header]
        absent = [column for column in columns if column not in names]
        sound = True
        for cell, name in zip(header, names, strict=True):
            if name not in columns or names.count(name) > 1:
                what = "repeated" if name in columns else "not a column of the table"
                message = f"the header's `{name}` is {what}"
                hint = "" if name in columns else did_you_mean(name, absent or columns)
                self.report.error("R132", cell.place, message, hint)
                # A column that is misspelt here is not reported as absent, too.
                meant = nearest(name, absent)
                absent = [column for column in absent if column != meant]
                sound = False
        for column in absent:
            message = f"the header has no column `{column}`"
            self.report.error("R132", Place(self.path, 1, 1, end=2), message)
            sound = False
        return [names.index(column) for column in columns] if sound else None

    def _row(self, number: int, order: Sequence[int]) -> RawRow | None:
        cells = self.cells(number)
        # A line that is no CSV is reported already.
        if not cells:
            return None
        if len(cells) != len(order):
            place = Place(self.path, number, 1, end=len(self.lines[number - 1]) + 1)
            _wrong_width(place, len(cells), len(order), report=self.report)
            return None
        return RawRow(tuple(cells[i] for i in order), self.line(number))
