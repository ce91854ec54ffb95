"""Dated values of parameters that a comparison did not try."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import zip_longest

import msgspec

from decision_service.ruleset.program.model import CompiledRuleset, LabelValues, ParamSpec


class UntriedValue(msgspec.Struct, frozen=True):
    """A parameter's value from a day on (None: from the first) that no tried day had in force."""

    version: int
    param: str
    start: date | None
    value: str


def untried(
    rulesets: Iterable[CompiledRuleset], tried: frozenset[date], today: date
) -> tuple[UntriedValue, ...]:
    """The values that are or come into force and that none of the tried days had.

    Values that have been replaced for good are left out.
    """
    return tuple(
        value
        for ruleset in rulesets
        for param in ruleset.params.values()
        for values in param.series
        for value in _of(param, values, ruleset, tried, today)
    )


def _of(
    param: ParamSpec,
    values: LabelValues,
    ruleset: CompiledRuleset,
    tried: frozenset[date],
    today: date,
) -> Iterator[UntriedValue]:
    name = f"{param.name} of {values.label or 'all others'}" if param.by else param.name
    for step, later in zip_longest(values.steps, values.steps[1:]):
        end = None if later is None else later.start
        over = end is not None and end <= today
        if not over and not any(_in_force(step.start, end, day) for day in tried):
            shown = ruleset.program.wording.value(step.value, param.type)
            yield UntriedValue(ruleset.version, name, step.start, shown)


def _in_force(start: date | None, end: date | None, day: date) -> bool:
    return (start is None or start <= day) and (end is None or day < end)
