"""Decisions in Parquet: the columns are what a line of JSON names; needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec

NESTED = ("scores", "inputs", "factors", "list_answers", "offer", "override")
"""Columns whose text is JSON."""
_MAGIC = b"PAR1"
_ROWS = 500
_TEXTS = ("decision", "product", "digest", "outcome", "refer_kind", "unit", "arm")
_LISTS = ("reasons", "conditions", "data_requests", "providers")
_BUFFER = 1 << 20
_JSON = msgspec.json.Encoder(decimal_format="number")


class ParquetUnfit(ValueError):
    """A file cannot be read as Parquet; the message says why."""


def is_parquet(file: Path) -> bool:
    with file.open("rb") as source:
        return source.read(len(_MAGIC)) == _MAGIC


def write_lines(file: Path, target: Path) -> None:
    """Write each row as a line of a case file, in batches; raises OSError, ParquetUnfit."""
    with target.open("wb") as lines:
        for row in _rows(file):
            lines.write(_line(row))


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as source:
            for batch in source.iter_batches(_ROWS):
                yield from batch.to_pylist()
    except (ArrowException, OSError, ValueError) as error:
        raise ParquetUnfit(str(error).partition("\n")[0]) from None


def _line(row: dict[str, Any]) -> bytes:
    """The row without what is null; JSON goes in as it is, on one line."""
    filled = {
        name: msgspec.Raw(value.replace("\n", " ").encode())
        if name in NESTED and isinstance(value, str)
        else _filled(value)
        for name, value in row.items()
        if value is not None
    }
    return _JSON.encode(filled) + b"\n"


def _filled(value: Any) -> Any:
    """A value whose structs have no nulls: where types differ, every struct has every field."""
    if isinstance(value, dict):
        return {name: _filled(each) for name, each in value.items() if each is not None}
    return [_filled(each) for each in value] if isinstance(value, list) else value


class ParquetRows:
    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer = writer
        self._schema = schema
        self._rows: list[Mapping[str, Any]] = []

    @classmethod
    @contextmanager
    def open(cls, file: BinaryIO) -> Iterator[Self]:
        import pyarrow
        from pyarrow.parquet import ParquetWriter

        text = pyarrow.string()
        schema = pyarrow.schema(
            [
                *((name, text) for name in _TEXTS),
                ("version", pyarrow.int32()),
                ("as_of_date", pyarrow.date32()),
                ("loan_bad", pyarrow.bool_()),
                ("decided", pyarrow.timestamp("us", tz="UTC")),
                *((name, pyarrow.list_(text)) for name in _LISTS),
                *((name, text) for name in NESTED),
            ]
        )
        with ParquetWriter(file, schema, compression="zstd") as writer:
            yield (made := cls(writer, schema))
            made.flush()

    def write(self, row: Mapping[str, Any]) -> None:
        nested = {n: _JSON.encode(row[n]).decode() for n in NESTED if row[n] is not None}
        plain = {name: row[name] for name in self._schema.names if name not in NESTED}
        days = {"as_of_date": date.fromisoformat(row["as_of_date"])}
        self._rows.append(
            plain | nested | days | {"decided": datetime.fromisoformat(row["decided"])}
        )
        if len(self._rows) == _ROWS:
            self.flush()

    def flush(self) -> None:
        import pyarrow

        self._writer.write_table(pyarrow.Table.from_pylist(self._rows, self._schema))
        self._rows.clear()
