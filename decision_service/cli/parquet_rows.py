"""Exported decisions as rows of Parquet; needs the extra `parquet`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, BinaryIO, Self

import msgspec
import pyarrow
from pyarrow.parquet import ParquetWriter

from decision_service.cli.export import NESTED

_ROWS = 500
_TEXTS = ("decision", "product", "digest", "outcome", "refer_kind", "unit", "arm")
_LISTS = ("reasons", "conditions", "data_requests", "providers")
_SCHEMA = pyarrow.schema(
    [
        *((name, pyarrow.string()) for name in _TEXTS),
        ("version", pyarrow.int32()),
        ("as_of_date", pyarrow.date32()),
        ("loan_bad", pyarrow.bool_()),
        ("decided", pyarrow.timestamp("us", tz="UTC")),
        *((name, pyarrow.list_(pyarrow.string())) for name in _LISTS),
        *((name, pyarrow.string()) for name in NESTED),
    ]
)
_JSON = msgspec.json.Encoder(decimal_format="number")


class ParquetRows:
    """Writes rows in groups of 500."""

    def __init__(self, writer: ParquetWriter) -> None:
        self._writer = writer
        self._rows: list[Mapping[str, Any]] = []

    @classmethod
    @contextmanager
    def open(cls, file: BinaryIO) -> Iterator[Self]:
        """Rows of a new file, whole at the end."""
        with ParquetWriter(file, _SCHEMA, compression="zstd") as writer:
            yield (made := cls(writer))
            made.flush()

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row, with the names of a line of JSON."""
        self._rows.append(_cells(row))
        if len(self._rows) == _ROWS:
            self.flush()

    def flush(self) -> None:
        self._writer.write_table(pyarrow.Table.from_pylist(self._rows, _SCHEMA))
        self._rows.clear()


def _cells(row: Mapping[str, Any]) -> Mapping[str, Any]:
    nested = {name: _JSON.encode(row[name]).decode() for name in NESTED if row[name] is not None}
    plain = {name: row[name] for name in _SCHEMA.names if name not in NESTED}
    days = {"as_of_date": date.fromisoformat(row["as_of_date"])}
    return plain | nested | days | {"decided": datetime.fromisoformat(row["decided"])}
