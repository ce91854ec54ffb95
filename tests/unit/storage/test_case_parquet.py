"""Case files in Parquet, as the lines that they stand for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow.parquet import read_schema, write_table

from decision_service.cli.parquet import ParquetRows, ParquetUnfit, is_parquet, write_lines
from decision_service.domain.decision import Outcome
from decision_service.workbench.backtest.case_files import CaseFile, parsed
from tests.unit.cli.commands import command, product_folder
from tests.unit.storage.test_case_line import line

NOW = datetime(2026, 10, 31, 16, 30, tzinfo=UTC)


def row(**fields: Any) -> dict[str, Any]:
    """An approval."""
    told = {
        "decision": "a1",
        "unit": "u1",
        "product": "personal-loan-ph",
        "decided": NOW,
        "outcome": "APPROVE",
        "reasons": ["A", "B"],
        "inputs": '{"requested_amount":\n {"amount": 20000.10, "currency": "PHP"}}',
    }
    return {**told, **fields}


def lines(folder: Path, *rows: dict[str, Any]) -> Path:
    """The lines of a file with these rows."""
    file, target = folder / "cases.parquet", folder / "lines"
    write_table(pyarrow.Table.from_pylist([*rows]), file, row_group_size=1)
    assert is_parquet(file)
    write_lines(file, target)
    return target


def test_a_row_is_the_line_of_its_columns(tmp_path: Path) -> None:
    """Instants, lists, JSON over several lines and exact numbers; nulls are left out."""
    told = parsed(lines(tmp_path, row(refer_kind=None)).read_bytes())
    assert (told.decided, told.outcome, told.reasons) == (NOW, Outcome.APPROVE, ("A", "B"))
    assert str(told.inputs["requested_amount"]["amount"]) == "20000.10"
    assert told.refer_kind == ""


def test_structs_of_other_programs_are_read(tmp_path: Path) -> None:
    """Inputs as a struct, which has every field of every row: those that are null are left out."""
    first, second = ({"inputs": {name: {"amount": 1}}} for name in ("a", "b"))
    told = lines(tmp_path, row(**first), row(**second)).read_bytes().splitlines()
    assert [parsed(one).inputs for one in told] == [{"a": {"amount": 1}}, {"b": {"amount": 1}}]


def test_a_broken_row_is_told_by_its_number_and_stops_nothing(tmp_path: Path) -> None:
    """A row that lacks a column's value, and one whose JSON is none."""
    broken = ({"outcome": None}, {"inputs": "{"}, {"decision": "a4"})
    file = lines(tmp_path, row(), *(row(decision=f"b{n}") | one for n, one in enumerate(broken)))
    told = CaseFile(file, "personal-loan-ph")
    assert (len(told.positions), [one.number for one in told.broken]) == (2, [2, 3])


def test_a_damaged_file_says_why(tmp_path: Path) -> None:
    """In one sentence; a file of lines is none of Parquet."""
    file = tmp_path / "cases.parquet"
    file.write_bytes(b"PAR1 and nothing else")
    assert is_parquet(file)
    with pytest.raises(ParquetUnfit, match="magic bytes not found"):
        write_lines(file, tmp_path / "lines")
    file.write_bytes(line())
    assert not is_parquet(file)


def test_a_damaged_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2."""
    file = tmp_path / "cases.parquet"
    file.write_bytes(b"PAR1")
    rules = product_folder(tmp_path).parent
    words = ("backtest", "personal-loan-ph", "--set", "params.max_debt_to_income=0.3")
    damaged = command(capsys, *words, "--rules", rules, "--cases", file)
    assert damaged.code == 2
    assert f"{file} cannot be read as Parquet (" in damaged.err


def test_an_export_names_each_column_once(tmp_path: Path) -> None:
    """Readers such as Polars and DuckDB refuse a file that has a name twice."""
    with (tmp_path / "cases.parquet").open("wb") as file, ParquetRows.open(file):
        pass
    names = read_schema(tmp_path / "cases.parquet").names
    assert sorted(names) == sorted(set(names))
