"""A verdict's trace in words, the table rows that did not match, and what may limit an offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from decision_service.domain.decision import StageTrace, Truth, Verdict
from decision_service.rules.construct import Conclusion, Matches, PartView, Trace
from decision_service.rules.language.values import Unknown, exactly
from decision_service.rules.offer import OfferRunner, limits
from decision_service.rules.program import CompiledRuleset, Stage
from decision_service.rules.stages import own_record, unconditional
from decision_service.rules.table import TableRunner

_NOT_RUN = "not evaluated: nothing is offered"

MOST_SHOWN = 20
_ASKED = "inputs.requested_amount"


def traces(ruleset: CompiledRuleset, verdict: Verdict) -> tuple[StageTrace, ...]:
    """Every stage with its parts and the values compared; the verdict is this ruleset's."""
    program, trace = ruleset.program, verdict.raw_trace
    if not isinstance(trace, Trace):
        return ()
    pairs = [
        *zip(program.stages, trace.stages, strict=True),
        *zip(program.closing, trace.closing, strict=True),
    ]
    with exactly():
        return tuple(_stage_trace(stage, found, trace.values, ruleset) for stage, found in pairs)


def _stage_trace(
    stage: Stage, found: Conclusion | None, values: Sequence[Any], ruleset: CompiledRuleset
) -> StageTrace:
    if found is None:
        return StageTrace(stage.name, stage.component, None, (), _NOT_RUN)
    view = PartView(stage.name, values, ruleset.program.wording)
    rows = stage.runner.describe(found.record, view)
    note = stage.runner.note(found.record)
    return StageTrace(stage.name, stage.component, found.outcome, rows, note)


class PassedRow(msgspec.Struct, frozen=True):
    """A row (from 1) and its first cell that did not match; UNKNOWN where a value was missing."""

    row: int
    name: str
    actual: str
    cell: str
    truth: Truth


def passed_over(ruleset: CompiledRuleset, verdict: Verdict) -> Mapping[str, tuple[PassedRow, ...]]:
    """By stage, the last 20 rows before the one that counted; the verdict is this ruleset's."""
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
    found: int | Unknown = record[0]
    end = len(runner.grid.rows) if isinstance(found, Unknown) else found
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


def offer_limits(ruleset: CompiledRuleset) -> tuple[str, ...]:
    """The terms that a reduced offer may name in `binding`, each once."""
    stages = (*ruleset.program.stages, *ruleset.program.closing)
    runners = [unconditional(stage.runner) for stage in stages]
    named = (text for one in runners if isinstance(one, OfferRunner) for text in limits(one.terms))
    return tuple(text for text in dict.fromkeys(named) if text != _ASKED)
