"""Columns of a table as bit masks: the rows that a value satisfies."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from math import ceil, floor
from typing import Any, NamedTuple, TypeVar

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.language.evaluation.emitter import whole
from decision_service.language.evaluation.kleene import Unknown
from decision_service.language.types import INTEGER, ORDERED
from decision_service.ruleset.analysis.regions import ValueRange
from decision_service.ruleset.constructs.cells import Cell, CellKind

T = TypeVar("T")


class Matches(NamedTuple):
    """Bit i is row i: `sure` rows are satisfied, `open` ones are UNKNOWN."""

    sure: int
    open: int = 0


class Column(msgspec.Struct, frozen=True):
    """One column's cells, searchable by value.

    `edges` are the sorted ends of all spans; `regions` alternate between the values below an edge
    and the edge itself, each with its rows. Labels are looked up; `others` are the rows that take
    any label.
    """

    slot: int
    edges: tuple[Any, ...]
    regions: tuple[Matches, ...]
    labels: dict[Any, Matches]
    others: Matches
    absent: Matches
    tainted: Matches

    def matches(self, value: Any) -> Matches:
        """The rows that a value, or its absence, satisfies."""
        if value.__class__ is Unknown:
            return self.tainted if value.tainted else self.absent
        if not self.regions:
            return self.labels.get(value, self.others)
        return self.regions[bisect_left(self.edges, value) + bisect_right(self.edges, value)]


def column(slot: int, cells: Sequence[Cell], type_: ValueType) -> Column:
    """The column of cells on a name of a type, one a row."""
    ordered = type_ in ORDERED
    every = (1 << len(cells)) - 1
    anything = _rows(cells, lambda c: c.sort is CellKind.ANYTHING)
    missing = _rows(cells, lambda c: c.sort is CellKind.MISSING)
    edges = _edges(cells) if ordered else ()
    labels = {label for cell in cells for label in cell.labels}
    sure_absent = anything | missing
    return Column(
        slot=slot,
        edges=tuple(map(whole, edges)) if type_ is INTEGER else edges,
        regions=_regions(cells, edges) if ordered else (),
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
    edges, found = bins.edges, [_first(rows.sure, results) for rows in bins.regions]
    labels = {label: _first(rows.sure, results) for label, rows in bins.labels.items()}
    if not found:
        return labels.get
    if type_ is INTEGER:
        starts = sorted({n for edge in edges for n in (ceil(edge), floor(edge) + 1)})
        firsts = [starts[0] - 1, *starts]
        each = [_first(bins.matches(value).sure, results) for value in firsts]
        return lambda value: each[bisect_right(starts, value)]
    return lambda value: found[bisect_left(edges, value) + bisect_right(edges, value)]


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


def _edges(cells: Sequence[Cell]) -> tuple[Any, ...]:
    ends = {e for c in cells for s in c.spans for e in (s.low, s.high) if e is not None}
    return tuple(sorted(ends))


def _regions(cells: Sequence[Cell], edges: Sequence[Any]) -> tuple[Matches, ...]:
    return tuple(
        Matches(sum(1 << i for i, cell in enumerate(cells) if covers(cell, region)))
        for region in region_spans(edges)
    )


def covers(cell: Cell, region: ValueRange) -> bool:
    """Whether a cell takes a region that lies between its edges, or on one of them."""
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
    return _rows(cells, lambda cell: cell.sort is not CellKind.MISSING and cell.has(label))


def _rows(cells: Sequence[Cell], satisfied: Callable[[Cell], bool]) -> int:
    return sum(1 << i for i, cell in enumerate(cells) if satisfied(cell))


def bits(mask: int) -> list[int]:
    """The rows of a mask, first to last."""
    return [i for i in range(mask.bit_length()) if mask >> i & 1]
