"""Where a table's rows come from: a list in the rule file, or a CSV file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec

from decision_service.rules.language.diagnostics import Place, Report, did_you_mean, nearest
from decision_service.rules.language.fields import Fields, as_scalar
from decision_service.rules.language.yaml import LARGEST_TEXT, ListNode, MapNode, Scalar, YamlNode
from decision_service.rules.literals import CsvText
from decision_service.rules.program import RulesetFiles


class RawRow(msgspec.Struct, frozen=True):
    cells: tuple[Scalar, ...]
    place: Place


def table_file(node: YamlNode, files: RulesetFiles) -> str | None:
    """The key of the table file that `rows` names; None where there is none."""
    name = node.get("file") if isinstance(node, MapNode) else None
    return _key(name.text, files) if isinstance(name, Scalar) else None


def read_rows(
    node: YamlNode, columns: Sequence[str], files: RulesetFiles, report: Report
) -> list[RawRow | None]:
    """The rows; one that cannot be split into the columns is reported and None."""
    if isinstance(node, MapNode):
        return _from_file(node, columns, files, report)
    if isinstance(node, ListNode):
        return [_from_list(item, len(columns), report) for item in node.items]
    message = "`rows` must be a list of rows, or `{file: tables/….csv}`"
    report.error("R122", node.place, message)
    return []


def _from_list(node: YamlNode, width: int, report: Report) -> RawRow | None:
    if not isinstance(node, ListNode):
        report.error("R122", node.place, "a row must be a list of cells", "write `- [A, B]`")
        return None
    scalars = [as_scalar(item, "a cell", report) for item in node.items]
    if len(scalars) != width:
        _wrong_width(node.place, len(scalars), width, report)
        return None
    cells = tuple(s for s in scalars if s is not None)
    return RawRow(cells, node.place) if len(cells) == width else None


def _wrong_width(place: Place, found: int, width: int, report: Report) -> None:
    message = f"the row has {found} cells; the table has {width} columns"
    hint = 'quote a cell that holds a comma, as in "[0, 6)"'
    report.error("R133", place, message, hint)


def _from_file(
    node: MapNode, columns: Sequence[str], files: RulesetFiles, report: Report
) -> list[RawRow | None]:
    fields = Fields(node, "`rows`", report, required=("file",))
    name = fields.scalar("file")
    if name is None:
        return []
    path = str(PurePosixPath(files.path).parent / name.text)
    if name.text in files.unreadable:
        report.error("R002", Place(path, 1, 1, 2), files.unreadable[name.text])
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
            self.report.error("R102", Place(self.path, 1, 1, 2), message)
            return []
        header = self.cells(1)
        if len(header) == 1 and len(columns) > 1 and self.is_otherwise_separated():
            return []
        order = self._order(header, columns)
        return [] if order is None else [self._row(n, order) for n in self.rows]

    def _order(self, header: Sequence[Scalar], columns: Sequence[str]) -> list[int] | None:
        """The place of each column; a misspelt name is reported once, not as absent too."""
        names = [cell.text.strip() for cell in header]
        absent = [column for column in columns if column not in names]
        sound = True
        for cell, name in zip(header, names, strict=True):
            if name not in columns or names.count(name) > 1:
                what = "repeated" if name in columns else "not a column of the table"
                message = f"the header's `{name}` is {what}"
                hint = "" if name in columns else did_you_mean(name, absent or columns)
                self.report.error("R132", cell.place, message, hint)
                meant = nearest(name, absent)
                absent = [column for column in absent if column != meant]
                sound = False
        for column in absent:
            message = f"the header has no column `{column}`"
            self.report.error("R132", Place(self.path, 1, 1, 2), message)
            sound = False
        return [names.index(column) for column in columns] if sound else None

    def _row(self, number: int, order: Sequence[int]) -> RawRow | None:
        cells = self.cells(number)
        if not cells:
            return None
        if len(cells) != len(order):
            place = Place(self.path, number, 1, len(self.lines[number - 1]) + 1)
            _wrong_width(place, len(cells), len(order), self.report)
            return None
        return RawRow(tuple(cells[i] for i in order), self.line(number))
