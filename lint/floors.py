"""Draws the floors of the code from the import contracts, as an SVG on stdout."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = "decision_service"
GAP, LINE, LETTER = 6, 26, 8.0
STYLE = (
    "text{font:13px ui-monospace,monospace;fill:#1c2733}"
    "rect{stroke:#8a99a8;rx:4}"
    ".d0{fill:#f4f6f8}.d1{fill:#e6ecf2}.d2{fill:#d5e0ea}.d3{fill:#c3d2e0}"
)
Floors = Mapping[str, Sequence[Sequence[str]]]


def floors_of(text: str) -> Floors:
    """The floors of each container, from the top down; names on one floor are independent."""
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    layers = (one for one in contracts if one["type"] == "layers")
    return {
        container: [[name.strip() for name in floor.split("|")] for floor in one["layers"]]
        for one in layers
        for container in one["containers"]
    }


@dataclass(frozen=True)
class Box:
    """A package with its floors inside; sizes in pixels."""

    name: str
    rows: tuple[tuple[Box, ...], ...]

    @property
    def width(self) -> float:
        """Wide enough for its name and for its widest row."""
        return max([len(self.name) * LETTER + 2 * GAP, *map(_row_width, self.rows)])

    @property
    def height(self) -> float:
        """A line for its name, and its rows."""
        return LINE + sum(_row_height(row) + GAP for row in self.rows)


def _row_width(row: Sequence[Box]) -> float:
    return sum(box.width + GAP for box in row) + GAP


def _row_height(row: Sequence[Box]) -> float:
    return max(box.height for box in row)


def box_of(package: str, floors: Floors) -> Box:
    """The box of a package, with a box for each package below it that has a floor."""
    rows = [
        tuple(box_of(f"{package}.{name}", floors) for name in row)
        for row in floors.get(package, ())
    ]
    return Box(package.rpartition(".")[2], tuple(rows))


def drawn(box: Box, x: float, y: float, width: float, height: float, depth: int) -> Iterator[str]:
    """The elements of a box that fills this place."""
    place = f'x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"'
    yield f'<rect class="d{min(depth, 3)}" {place}/>'
    yield f'<text x="{x + GAP:.0f}" y="{y + 18:.0f}">{escape(box.name)}</text>'
    top = y + LINE
    for row in box.rows:
        spare = (width - _row_width(row)) / len(row)
        left, tall = x + GAP, _row_height(row)
        for one in row:
            yield from drawn(one, left, top, one.width + spare, tall, depth + 1)
            left += one.width + spare + GAP
        top += tall + GAP


def svg(floors: Floors) -> str:
    """The picture of the whole package: what stands higher may import what stands lower."""
    box = box_of(ROOT, floors)
    size = f'width="{box.width:.0f}" height="{box.height:.0f}"'
    title = "Floors of the code: a package imports only what stands below it"
    lines = drawn(box, 0, 0, box.width, box.height, 0)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{title}</title>'
    return "\n".join([head, f"<style>{STYLE}</style>", *lines, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(svg(floors_of(Path("pyproject.toml").read_text(encoding="utf-8"))))
