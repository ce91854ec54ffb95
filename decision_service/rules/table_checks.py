"""Table rows that never count, overlap or leave a gap, and the cost of one evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from decision_service.rules.cells import Cell, CellKind, bits, column, region_spans
from decision_service.rules.construct import Column, Matches
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import Hit
from decision_service.rules.language import types as tree
from decision_service.rules.language.types import ORDERED, FunctionCall, Node, walk
from decision_service.rules.ranges import ValueRange, labels_of, meet, overlap, stepped, whole
from decision_service.rules.table import Grid, TablePart
from decision_service.rules.wording import Wording

MOST_STEPS = 10_000
_MOST_STATES = 50_000
_CURVE = 20
_CURVES = ("annuity", "annuity_amount", "exp", "ln", "power")


def shared_values(grid: Grid, rows: tuple[int, int], currency: str) -> str:
    """` at `income.months_12m` [4, 5]`, one part a column that either row looks at."""
    first, second = (grid.rows[index].cells for index in rows)
    found = []
    for name, one, other in zip(grid.names, first, second, strict=True):
        cells = [cell for cell in (one, other) if cell.sort is not CellKind.ANYTHING]
        if cells:
            found.append(f"`{name.text}` {_shared(cells, name, currency)}")
    return f" at {' and '.join(found)}" if found else ""


def _shared(cells: list[Cell], name: tree.NameRead, currency: str) -> str:
    if any(cell.sort is CellKind.MISSING for cell in cells):
        return "missing"
    if name.type in ORDERED:
        return " or ".join(_spans(cells, name, currency))
    labels = [label for label in cells[0].labels if all(label in c.labels for c in cells)]
    return " | ".join(str(label) for label in labels)


def _spans(cells: list[Cell], name: tree.NameRead, currency: str) -> list[str]:
    spans: list[ValueRange] = [whole(name.symbol, currency)]
    for cell in cells:
        met = [meet(span, other) for span in spans for other in cell.spans]
        spans = [span for span in met if overlap(span, span, name.type) is not None]
    shown = [overlap(span, span, name.type) for span in spans]
    return [Wording(currency).cell(span, name.type) for span in shown if span is not None]


def check_rows(draft: RulesetDraft) -> None:
    """R421 for a row that never counts, R422 for an overlap, R423 for a gap."""
    for part in draft.stages:
        if isinstance(part.part, TablePart) and part.part.complete and part.part.grid.rows:
            _check(part.part, draft)


def _check(table: TablePart, draft: RulesetDraft) -> None:
    grid = table.grid
    search = _Search(grid, _dimensions(grid, draft))
    search.run(0, search.every, search.every, ())
    if search.steps > _MOST_STATES:
        message = f"table `{grid.id}` has too many combinations to check for gaps and overlaps"
        draft.report.warning("R424", table.place, message, "use fewer columns or fewer edges")
        return
    for index in bits(search.every & ~search.counted):
        message = f"row {index + 1} of `{grid.id}` never counts"
        hint = "rows above it take all its values" if grid.hit is Hit.FIRST else ""
        draft.report.error("R421", grid.rows[index].place, message, hint)
    for first, second in search.overlaps.values():
        where = shared_values(grid, (first, second), draft.names.currency)
        message = f"row {second + 1} of `{grid.id}` overlaps row {first + 1}{where}"
        hint = "with `hit: unique` every combination has one row"
        draft.report.error("R422", grid.rows[second].place, message, hint)
    if search.gap is not None:
        where = " and ".join(search.gap) or "anything"
        message = f"no row of `{grid.id}` takes {where}"
        draft.report.error("R423", table.place, message, 'add a row, the last perhaps of "-"')


class Region(msgspec.Struct, frozen=True):
    """Values of one column that satisfy the same rows; `text` names them."""

    matches: Matches
    text: str


class _Search(msgspec.Struct):
    """Walks all combinations of regions, each distinct state once."""

    grid: Grid
    dimensions: list[list[Region]]
    counted: int = 0
    steps: int = 0
    gap: tuple[str, ...] | None = None
    overlaps: dict[int, tuple[int, int]] = msgspec.field(default_factory=dict)
    seen: set[tuple[int, int, int]] = msgspec.field(default_factory=set)

    @property
    def every(self) -> int:
        return (1 << len(self.grid.rows)) - 1

    def run(self, depth: int, sure: int, possible: int, path: tuple[str, ...]) -> None:
        self.steps += 1
        if self.steps > _MOST_STATES or (depth, sure, possible) in self.seen:
            return
        self.seen.add((depth, sure, possible))
        if not possible:
            self.gap = self.gap or path
        elif depth == len(self.dimensions):
            self._count(sure, possible)
        else:
            for region in self.dimensions[depth]:
                found = region.matches
                also = sure & found.sure, possible & (found.sure | found.open)
                named = path if also == (sure, possible) else (*path, region.text)
                self.run(depth + 1, *also, named)

    def _count(self, sure: int, possible: int) -> None:
        if self.grid.hit is Hit.FIRST:
            self.counted |= possible & -possible & sure
            return
        self.counted |= sure
        rows = bits(sure)
        if len(rows) > 1:
            self.overlaps.setdefault(rows[1], (rows[0], rows[1]))


def _dimensions(grid: Grid, draft: RulesetDraft) -> list[list[Region]]:
    found = []
    for index, name in enumerate(grid.names):
        each = column(0, [row.cells[index] for row in grid.rows], name.type)
        present = _ordered(each, name, draft) if name.type in ORDERED else _labelled(each, name)
        regions = [*present, Region(each.absent, f"missing `{name.text}`")]
        merged = {(r.matches.sure, r.matches.open): r for r in reversed(regions)}
        found.append(list(merged.values())[::-1])
    return found


def _labelled(each: Column, name: tree.NameRead) -> Iterator[Region]:
    known: tuple[Any, ...] = labels_of(name.symbol)
    for label in known or tuple(each.labels):
        yield Region(each.matches(label), f"`{name.text}` {label!s}")
    if not known:
        yield Region(each.others, f"any other `{name.text}`")


def _ordered(each: Column, name: tree.NameRead, draft: RulesetDraft) -> Iterator[Region]:
    currency = draft.names.currency
    for rows, span in _joined(each.regions, region_spans(each.edges)):
        real = stepped(meet(span, whole(name.symbol, currency)), name.type)
        if not real.empty:
            yield Region(rows, f"`{name.text}` {Wording(currency).cell(real, name.type)}")


def _joined(
    regions: Sequence[Matches], spans: Sequence[ValueRange]
) -> Iterator[tuple[Matches, ValueRange]]:
    pairs = zip(regions, spans, strict=True)
    for rows, group in groupby(pairs, key=lambda pair: pair[0]):
        parts = [span for _, span in group]
        first, last = parts[0], parts[-1]
        yield rows, ValueRange(first.low, last.high, first.open_low, last.open_high)


def check_cost(draft: RulesetDraft) -> None:
    """R320 above 10,000 steps of all expressions; nothing loops, so no evaluation has more."""
    rows = [len(p.part.grid.rows) for p in draft.stages if isinstance(p.part, TablePart)]
    steps = sum(map(_steps, draft.trees())) + sum(rows)
    if steps > MOST_STEPS:
        message = f"the ruleset takes {steps:,} steps; {MOST_STEPS:,} are allowed"
        hint = "share expressions under `derived:`, or split the product"
        draft.report.error("R320", draft.root.node.place, message, hint)


def _steps(node: Node) -> int:
    return sum(
        _CURVE if isinstance(part, FunctionCall) and part.function in _CURVES else 1
        for part in walk(node)
    )
