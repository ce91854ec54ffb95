"""CSV texts line by line, each cell with its place; faults of the form are reported."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from decision_service.language.diagnostics import Place, Report, split_lines
from decision_service.language.yaml.nodes import Scalar

_OTHER_SEPARATORS = {";": "`;`", "\t": "tabs", "|": "`|`"}


class CsvText:
    """A CSV text; its lines are numbered from 1, and an empty one has no cells."""

    def __init__(self, path: str, text: str, report: Report) -> None:
        self.path, self.report = path, report
        plain = text.removeprefix("\ufeff")
        report.add_text(path, plain)
        self.lines = split_lines(plain)
        self.size = len(plain)

    @property
    def rows(self) -> list[int]:
        """The numbers of the lines after the header that are not empty."""
        return [n for n in range(2, len(self.lines) + 1) if self.lines[n - 1].strip()]

    def line(self, number: int) -> Place:
        """Where a line stands."""
        text = self.lines[number - 1] if number <= len(self.lines) else ""
        return Place(self.path, number, 1, max(2, len(text) + 1))

    def values(self, number: int) -> list[str]:
        """A line's cells as texts without blanks around them; a line that is not CSV has none."""
        line = self.lines[number - 1] if number <= len(self.lines) else ""
        try:
            values = next(csv.reader(io.StringIO(line), strict=True), [])
        except csv.Error:
            hint = "a quoted cell ends on its own line; a quote inside it is doubled"
            self.report.error("R135", self.line(number), "the line is not CSV", hint)
            return []
        return [value.strip() for value in values]

    def cells(self, number: int) -> list[Scalar]:
        """A line's cells with their places."""
        return self.placed(number, self.values(number))

    def placed(self, number: int, values: Sequence[str]) -> list[Scalar]:
        """The values of a line with their places."""
        line, whole = self.lines[number - 1] if self.lines else "", self.line(number)
        cells: list[Scalar] = []
        position = 0
        for value in values:
            start = max(line.find(value, position), position)
            place = whole.part(start, start + max(1, len(value)))
            cells.append(Scalar(value, plain=True, place=place))
            position = start + len(value)
        return cells

    def is_otherwise_separated(self) -> bool:
        """Whether a spreadsheet has written something else between the cells than commas."""
        separator = next((each for each in _OTHER_SEPARATORS if each in self.lines[0]), None)
        if separator is None:
            return False
        message = f"the cells are separated by {_OTHER_SEPARATORS[separator]}, not by commas"
        hint = "save it as CSV in UTF-8 with commas"
        column = self.lines[0].index(separator) + 1
        self.report.error("R135", Place(self.path, 1, column, column + 1), message, hint)
        return True
