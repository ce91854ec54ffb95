"""Aggregation of several rows' values in a table that collects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from decision_service.domain.missing import Cause
from decision_service.language.evaluation.kleene import rule_error, union, unknown
from decision_service.ruleset.constructs.table.model import Aggregate

_JOIN: dict[Aggregate, Callable[[Sequence[Any]], Any]] = {
    Aggregate.SUM: lambda values: reduce(lambda a, b: a + b, values, 0),
    Aggregate.MIN: min,
    Aggregate.MAX: max,
}


def joined(how: Aggregate, name: str, values: Sequence[Any]) -> Any:
    """An output's aggregated value; UNKNOWN where a value is missing or there is none."""
    if how is Aggregate.COUNT:
        return len(values)
    missing = union(values)
    if missing is not None:
        return missing
    if not values and how is not Aggregate.SUM:
        return unknown(name, Cause.NO_EVIDENCE, detail="no row matches")
    try:
        return _JOIN[how](values)
    except ArithmeticError:
        return rule_error(name, "the sum has no exact value")
