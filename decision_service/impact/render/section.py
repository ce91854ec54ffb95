"""A part of a report, as every form prints it."""

from __future__ import annotations

import msgspec

from decision_service.impact.render.charts import Chart


class Section(msgspec.Struct, frozen=True):
    """A titled part: sentences, then a table; numbers are in the columns after `words`.

    `chart` draws the table.
    """

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    words: int = 1
    chart: Chart | None = None
