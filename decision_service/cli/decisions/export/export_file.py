"""Where exported decisions go, one at a time, with what is told of the progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Protocol

from decision_service.cli.decisions.export.cases import case, cases_head
from decision_service.cli.decisions.export.masking import Exported
from decision_service.cli.decisions.export.rows import COLUMNS, case_row, csv_line, json_line, row
from decision_service.cli.display.new_file import new_file
from decision_service.cli.display.text import counted

_EVERY = 100
PARQUET = "parquet"
_LINES: Mapping[str, Callable[[Exported], Any]] = {
    "cases": case,
    "jsonl": json_line,
    "csv": csv_line,
    PARQUET: case_row,
}


class Lines(Protocol):
    """What takes lines of text, or rows of Parquet."""

    def write(self, line: Any, /) -> object:
        """Add one."""


class ExportFile:
    """Writes decisions as they come, in a form of `_LINES`; `written` counts them.

    Rule tests are of one version, that of the first decision: others, and those of nobody who was
    enrolled, are left out and counted on stderr.
    """

    def __init__(self, file: Lines, form: str) -> None:
        self.written = 0
        self._file = file
        self._form = form
        self._left_out = 0
        self._version: tuple[str, int] | None = None
        if form == "csv":
            file.write(row(dict(zip(COLUMNS, COLUMNS, strict=True))))

    @classmethod
    @contextmanager
    def open(cls, path: Path | None, form: str) -> Iterator[ExportFile]:
        """A new file, removed again where the export fails, or standard output."""
        if path is None:
            yield (made := cls(sys.stdout, form))
            made.tell_end()
            return
        with _new(path, form) as file:
            yield (made := cls(file, form))
        made.tell_end()

    def add(self, exported: Exported) -> None:
        """Write one decision."""
        if self._form == "cases" and not self._fits(exported):
            self._left_out += 1
            return
        self._file.write(_LINES[self._form](exported))
        self.written += 1
        if sys.stderr.isatty() and not self.written % _EVERY:
            sys.stderr.write(f"\r{self.written:,} decisions …")

    def _fits(self, exported: Exported) -> bool:
        """Whether it is of the file's version, which the first one begins."""
        ref = exported.decision.ruleset_ref
        if self._version is None and ref.version:
            self._version = (ref.ruleset, ref.version)
            self._file.write(cases_head(exported))
        return self._version == (ref.ruleset, ref.version)

    def tell_end(self) -> None:
        """On stderr, how many were written and left out."""
        left = f", {self._left_out:,} left out: decided by other rules, or by none"
        start = "\r" if sys.stderr.isatty() else ""
        words = counted(self.written, "decision") + (left if self._left_out else "")
        sys.stderr.write(f"{start}{words}\n")


@contextmanager
def _new(path: Path, form: str) -> Iterator[Lines]:
    """A new file, whole, or removed again."""
    with new_file(path) as file:
        if form == PARQUET:
            from decision_service.cli.decisions.export.parquet_rows import ParquetRows

            with ParquetRows.open(file) as rows:
                yield rows
        else:
            with TextIOWrapper(file, encoding="utf-8") as text:
                yield text
