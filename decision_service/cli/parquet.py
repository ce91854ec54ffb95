"""Decisions in Parquet: the columns are what a line of JSON names; needs the extra `parquet`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

_MAGIC = b"PAR1"
_ROWS = 500
_BUFFER = 1 << 20
_JSON = msgspec.json.Encoder(decimal_format="number")


class ParquetUnfit(ValueError):
    """A file cannot be read as Parquet; the message says why."""


def is_parquet(file: Path) -> bool:
    """Whether a file begins as Parquet does; raises OSError."""
    with file.open("rb") as source:
        return source.read(len(_MAGIC)) == _MAGIC


def write_lines(file: Path, target: Path, nested: Collection[str]) -> None:
    """Write each row as a line of a case file, in batches; raises OSError, ParquetUnfit.

    The text of `nested` columns is JSON.
    """
    with target.open("wb") as lines:
        for row in _rows(file):
            lines.write(_line(row, nested))


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as source:
            for batch in source.iter_batches(_ROWS):
                yield from batch.to_pylist()
    except (ArrowException, OSError, ValueError) as error:
        raise ParquetUnfit(str(error).partition("\n")[0]) from None


def _line(row: dict[str, Any], nested: Collection[str]) -> bytes:
    """The row without what is null; JSON goes in as it is, on one line."""
    told = {
        name: msgspec.Raw(value.replace("\n", " ").encode())
        if name in nested and isinstance(value, str)
        else _filled(value)
        for name, value in row.items()
        if value is not None
    }
    return _JSON.encode(told) + b"\n"


def _filled(value: Any) -> Any:
    """A value whose structs have no nulls: where types differ, every struct has every field."""
    if isinstance(value, dict):
        return {name: _filled(each) for name, each in value.items() if each is not None}
    return [_filled(each) for each in value] if isinstance(value, list) else value
