"""Dates at which comparisons change, for inputs that are dates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta

from decision_service.domain.verdict import StageTrace
from decision_service.ruleset.explain.trace import traces
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate

_DAY = timedelta(1)


def compared_dates(ruleset: CompiledRuleset, facts: Iterable[Facts]) -> list[date]:
    """Each date that a comparison of these facts shows on either side, then the days beside it."""
    found = {
        day
        for each in facts
        for stage in traces(ruleset, evaluate(ruleset, each))
        for day in _dates(stage)
    }
    beside = {day + step for day in found for step in (_DAY, -_DAY)}
    return [*sorted(found), *sorted(beside - found)]


def _dates(stage: StageTrace) -> Iterator[date]:
    for row in stage.rules:
        for comparison in row.comparisons:
            for text in (comparison.actual, comparison.required):
                with suppress(ValueError):
                    yield date.fromisoformat(text)
