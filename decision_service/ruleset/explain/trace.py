"""A verdict's raw trace as rows in words, built on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from decision_service.domain.verdict import StageTrace, Verdict
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.ruleset.program.findings import Conclusion, Trace
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.program.part import PartView
from decision_service.ruleset.program.program import Stage

_NOT_RUN = "not evaluated: nothing is offered"


def traces(ruleset: CompiledRuleset, verdict: Verdict) -> tuple[StageTrace, ...]:
    """Every stage with its parts and the values each comparison saw.

    The verdict must be one that this ruleset gave.
    """
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
