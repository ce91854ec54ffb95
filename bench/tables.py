"""Tables of what was measured: medians with their range, versions, and a line in the results."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from bench.figures import record


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, and the range that the rounds lay in."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, seen: Iterable[float]) -> Spread:
        """The spread of one or more figures."""
        figures = list(seen)
        return cls(statistics.median(figures), min(figures), max(figures))

    def __str__(self) -> str:
        return f"{_number(self.median)} ({_number(self.least)} … {_number(self.most)})"


Cell = str | int | float | Spread


def show(
    part: str,
    headline: str,
    rows: Sequence[Mapping[str, Cell]],
    versions: Mapping[str, str],
    notes: Iterable[str] = (),
) -> None:
    """Print a part's table, one column for each name of the rows, and append it to the results."""
    made = Table(box=None, pad_edge=False, header_style="")
    for column in rows[0]:
        made.add_column(column, justify="left" if isinstance(rows[0][column], str) else "right")
    for row in rows:
        made.add_row(*(_shown(cell) for cell in row.values()))
    print(f"\n{part}  ({headline})")
    Console(width=160, markup=False).print(made)
    busy = os.getloadavg()[0]
    said = [*notes, " · ".join(f"{name} {number}" for name, number in versions.items())]
    said.append(f"{os.cpu_count()} cores, load {busy:.1f} at the end")
    print("\n".join(f"  {line}" for line in said))
    sys.stdout.flush()
    record(part, versions, headline=headline, rows=[_plain(row) for row in rows], load=busy)


def _plain(row: Mapping[str, Cell]) -> dict[str, object]:
    return {k: asdict(cell) if isinstance(cell, Spread) else cell for k, cell in row.items()}


def _shown(cell: Cell) -> str:
    return _number(cell) if isinstance(cell, int | float) else str(cell)


def _number(value: float) -> str:
    """Three digits that say something, whatever the size."""
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
