"""Values that satisfy two rows of a table, in words."""

from __future__ import annotations

from decision_service.language.expressions import tree
from decision_service.language.types import ORDERED
from decision_service.ruleset.analysis.ranges import whole
from decision_service.ruleset.analysis.regions import ValueRange, meet, overlap
from decision_service.ruleset.constructs.cells import Cell, CellKind
from decision_service.ruleset.constructs.table.model import Grid
from decision_service.ruleset.program.wording import Wording


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
    """The spans that all cells share, within the name's bounds."""
    spans: list[ValueRange] = [whole(name.symbol, currency)]
    for cell in cells:
        met = [meet(span, other) for span in spans for other in cell.spans]
        spans = [span for span in met if overlap(span, span, name.type) is not None]
    shown = [overlap(span, span, name.type) for span in spans]
    return [Wording(currency).cell(span, name.type) for span in shown if span is not None]
