"""Why the rows of a table that stand before the one that counted did not match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from decision_service.domain.verdict import Truth, Verdict
from decision_service.ruleset.constructs.applies import own_record, unconditional
from decision_service.ruleset.constructs.table.columns import Matches
from decision_service.ruleset.constructs.table.run import MatchedRows, TableRunner
from decision_service.ruleset.program.findings import Trace
from decision_service.ruleset.program.model import CompiledRuleset

MOST_SHOWN = 20


class PassedRow(msgspec.Struct, frozen=True):
    """A row, counted from 1, with its first cell that did not match and the value it saw.

    `truth` is UNKNOWN where a missing value left the cell open.
    """

    row: int
    name: str
    actual: str
    cell: str
    truth: Truth


def passed_over(ruleset: CompiledRuleset, verdict: Verdict) -> Mapping[str, tuple[PassedRow, ...]]:
    """By stage, the last rows before the one that counted, or of all rows where none did.

    At most 20 rows a table; the verdict must be one that this ruleset gave.
    """
    trace = verdict.raw_trace
    if not isinstance(trace, Trace):
        return {}
    pairs = zip(ruleset.program.stages, trace.stages, strict=True)
    rows: dict[str, tuple[PassedRow, ...]] = {}
    for stage, found in pairs:
        runner, record = unconditional(stage.runner), own_record(stage.runner, found.record)
        if isinstance(runner, TableRunner) and record is not None:
            rows[stage.name] = tuple(_rows(runner, record, trace.values, ruleset))
    return rows


def _rows(
    runner: TableRunner, record: tuple[Any, ...], values: Sequence[Any], ruleset: CompiledRuleset
) -> Iterator[PassedRow]:
    found: MatchedRows = record[0]
    end = found.rows[0] if found.rows else len(runner.grid.rows)
    for index in range(max(0, end - MOST_SHOWN), end):
        missed = _first_miss(index, record[2])
        if missed is not None:
            column, truth = missed
            name, cell = runner.grid.names[column], runner.grid.rows[index].cells[column]
            actual = ruleset.program.wording.value(values[name.symbol.slot], name.type)
            yield PassedRow(index + 1, name.text, actual, cell.text, truth)


def _first_miss(row: int, matches: Sequence[Matches]) -> tuple[int, Truth] | None:
    """The column of a row's first cell that is false, else of the first that is UNKNOWN."""
    for column, each in enumerate(matches):
        if not (each.sure | each.open) >> row & 1:
            return column, Truth.FALSE
    for column, each in enumerate(matches):
        if not each.sure >> row & 1:
            return column, Truth.UNKNOWN
    return None
