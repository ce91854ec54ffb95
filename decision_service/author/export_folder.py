"""The folder of Parquet that analysts get: its contract, its tables, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow
import yaml

CONTRACT = Path(__file__).with_name("export_contract.yaml").read_bytes()
MANIFEST = "manifest.json"

_TYPES = {
    "VARCHAR": pyarrow.string(),
    "INTEGER": pyarrow.int32(),
    "BOOLEAN": pyarrow.bool_(),
    "DATE": pyarrow.date32(),
    "TIMESTAMP_TZ": pyarrow.timestamp("us", tz="UTC"),
    "DECIMAL(18,4)": pyarrow.decimal128(18, 4),
    "DECIMAL(38,12)": pyarrow.decimal128(38, 12),
}


def _field(of: Mapping[str, Any]) -> pyarrow.Field:
    return pyarrow.field(of["name"], _TYPES[of["physicalType"]], nullable=not of.get("required"))


_READ = yaml.safe_load(CONTRACT)
SCHEMAS = {
    one["name"]: pyarrow.schema(map(_field, one["properties"]), {"contract": _READ["version"]})
    for one in _READ["schema"]
}
"""The columns of each table by its name, with the contract's version, which files have too."""


class Manifest(msgspec.Struct, kw_only=True):
    """What a folder holds, and how many decisions of each day the last `complete` run removed."""

    store: str | None
    program: str
    complete: bool = False
    removed: dict[str, int] = {}
    files: list[dict[str, Any]] = []
