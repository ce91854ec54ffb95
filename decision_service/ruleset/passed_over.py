"""Why the rows of a table that stand before the one that counted did not match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from decision_service.domain.verdict import Truth, Verdict
from decision_service.language.arithmetic import exactly
from decision_service.ruleset.constructs.lookup import Found, TableRunner
from decision_service.ruleset.model import CompiledRuleset
from decision_service.ruleset.wording import truth_of

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
    trace = ruleset.program.parts.retraced(verdict)
    if trace is None:
        return {}
    pairs = zip(ruleset.program.stages, trace.stages, strict=True)
    with exactly():
        return {
            stage.name: tuple(_rows(stage.runner, found.record[0], trace.values, ruleset))
            for stage, found in pairs
            if isinstance(stage.runner, TableRunner)
        }


def _rows(
    runner: TableRunner, found: Found, values: tuple[Any, ...], ruleset: CompiledRuleset
) -> Iterator[PassedRow]:
    end = found.rows[0] if found.rows else len(runner.grid.rows)
    for index in range(max(0, end - MOST_SHOWN), end):
        passed = _first_miss(runner, index, values, ruleset)
        if passed is not None:
            name, actual, cell, truth = passed
            yield PassedRow(index + 1, name, actual, cell, truth)


def _first_miss(
    runner: TableRunner, row: int, values: tuple[Any, ...], ruleset: CompiledRuleset
) -> tuple[str, str, str, Truth] | None:
    """The first cell that is false, else the first that is UNKNOWN."""
    open_cell = None
    for name, cell, evaluate in runner.asked(row):
        truth = truth_of(evaluate(values))
        if truth is Truth.TRUE:
            continue
        actual = ruleset.program.wording.value(values[name.symbol.slot], name.type)
        if truth is Truth.FALSE:
            return name.text, actual, cell.text, truth
        if open_cell is None:
            open_cell = (name.text, actual, cell.text, truth)
    return open_cell
