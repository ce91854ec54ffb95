"""The figures of bins and of a table's rows.

An edge that bins share is one figure, and so is one that rows of a `unique` table share: moved
alone, it would leave a gap that the checks refuse. A label changes places with its neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from decision_service.domain.factor import ValueType
from decision_service.language.types import Symbol
from decision_service.language.yaml.nodes import MapNode, Scalar, YamlNode
from decision_service.ruleset.analysis.ranges import written_labels
from decision_service.ruleset.constructs.table.model import OUTCOME, REASON
from decision_service.ruleset.figures.model import FigureChange
from decision_service.ruleset.figures.neighbours import beside, figures, labels, next_to
from decision_service.ruleset.figures.spots import (
    Spot,
    Vocabulary,
    as_label,
    change,
    in_expression,
    items,
)
from decision_service.ruleset.figures.trees import columns

Column = Sequence[Scalar]


def in_bins(
    factor: YamlNode | None, bins: YamlNode, at: str, words: Vocabulary
) -> Iterator[FigureChange]:
    """The edges or labels of a characteristic's bins, and the points of each."""
    symbol = words.symbols.get(factor.text) if isinstance(factor, Scalar) else None
    found = [(b.get("in"), b.get("points")) for b in items(bins) if isinstance(b, MapNode)]
    yield from _in_conditions([cell for cell, _ in found if isinstance(cell, Scalar)], symbol, at)
    for cell, points in found:
        if isinstance(cell, Scalar) and isinstance(points, Scalar):
            yield from in_expression(points, f"{at}.{cell.text}.points", words)


def in_rows(table: MapNode, at: str, words: Vocabulary) -> Iterator[FigureChange]:
    """The cells of a table, column by column."""
    names, outputs = columns(table)
    rows = [[c for c in items(row) if isinstance(c, Scalar)] for row in items(table.get("rows"))]
    whole = [row for row in rows if len(row) == len(names) + len(outputs)]
    hit = table.get("hit")
    shared = isinstance(hit, Scalar) and hit.text == "unique"
    for index, name in enumerate(names):
        column, symbol = [row[index] for row in whole], words.symbols.get(name)
        if shared:
            yield from _in_conditions(column, symbol, f"{at}.{name}")
        for number, cell in enumerate(column, 1) if not shared else ():
            yield from _in_conditions([cell], symbol, f"{at}.{number}.{name}")
    for index, name in enumerate(outputs, len(names)):
        yield from _in_values(table, name, [row[index] for row in whole], at, words)


def _in_values(
    table: MapNode, name: str, column: Column, at: str, words: Vocabulary
) -> Iterator[FigureChange]:
    give = table.get("give")
    kind = give.get(name) if isinstance(give, MapNode) else None
    worded = isinstance(kind, Scalar) and kind.text in ("text", OUTCOME, REASON)
    known = tuple(dict.fromkeys(cell.text for cell in column))
    if name in (OUTCOME, REASON):
        known = words.choices["then" if name == OUTCOME else REASON]
    for number, cell in enumerate(column, 1):
        here = f"{at}.{number}.{name}"
        yield from as_label(cell, here, known) if worded else in_expression(cell, here, words)


def _in_conditions(cells: Column, symbol: Symbol | None, at: str) -> Iterator[FigureChange]:
    """The figures of cells that divide the values of one name among them."""
    worded = symbol is not None and symbol.type in (ValueType.TEXT, ValueType.FLAG)
    spots: dict[str, list[Spot]] = {}
    for cell in cells:
        for token in labels(cell.text) if worded else figures(cell.text):
            spots.setdefault(token.text, []).append((cell, token))
    known = written_labels(symbol) if worded and symbol is not None else ()
    for text, own in spots.items():
        for after in beside(text, known) if worded else next_to(text):
            swapped = spots.get(after, []) if worded and len(cells) > 1 else []
            yield change(at, own, after, swapped)
