"""A part of a report, as every form prints it."""

from __future__ import annotations

import msgspec


class Section(msgspec.Struct, frozen=True):
    """A titled part: sentences, then a table; numbers are in the columns after `words`.

    `chart` is an SVG that shows what the table tells.
    """

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    words: int = 1
    chart: str = ""
