"""The `params:` section: named constants, fixed or dated; the value in force on as_of counts."""

from __future__ import annotations

from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry
from decision_service.language.yaml.readers import check_identifier
from decision_service.ruleset.compile.sections.param_limits import ParamLimits, read_limits
from decision_service.ruleset.compile.sections.param_values import (
    read_dated,
    read_labelled,
    read_value,
)
from decision_service.ruleset.program.model import ParamSpec, Step
from decision_service.ruleset.reading.bounds import major
from decision_service.ruleset.reading.draft import RulesetDraft

_TYPES = [t.value for t in ValueType]
_KEYS = ("value", "values", "by", "min", "max", "unit")


def read_params(draft: RulesetDraft) -> None:
    """Read every parameter and define `params.<name>` with the bounds of its values."""
    node = draft.root.map("params")
    for entry in node.entries if node is not None else ():
        draft.places[f"params.{entry.key}"] = entry.key_place
        param = _param(entry, draft)
        if param is None:
            draft.names.broken.add(f"params.{entry.key}")
            continue
        draft.params[param.name] = param
        _define(param, draft)


def _param(entry: MapEntry, draft: RulesetDraft) -> ParamSpec | None:
    name, report = entry.key, draft.report
    what = f"parameter `{name}`"
    named = check_identifier(name, entry.key_place, "the parameter", report)
    fields = Fields.of(entry.value, what, report, required=("type",), optional=_KEYS)
    word = fields.choice("type", _TYPES) if fields is not None else None
    if fields is None or word is None or not named:
        return None
    if fields.has("by"):
        limits = read_limits(fields, name, ValueType(word), draft)
        return read_labelled(fields, limits, draft)
    if fields.has("value") == fields.has("values"):
        message = f"{what} needs either `value` or `values`"
        hint = "`value: 0.35`, or `values: {2026-01-01: 4, 2026-12-01: 6}`"
        report.error("R121", entry.key_place, message, hint)
        return None
    limits = read_limits(fields, name, ValueType(word), draft)
    steps = _steps(fields, limits, draft)
    if not steps:
        return None
    return ParamSpec(name, limits.type, steps, limits.lower, limits.upper, limits.unit)


def _steps(fields: Fields, limits: ParamLimits, draft: RulesetDraft) -> tuple[Step, ...]:
    node = fields.get("value")
    if node is not None:
        value = read_value(node, "`value`", limits, draft)
        return () if value is None else (Step(None, value),)
    dated = fields.map("values")
    return () if dated is None else read_dated(dated, "`values`", limits, draft)


def _define(param: ParamSpec, draft: RulesetDraft) -> None:
    values = [step.value for step in param.every_step]
    labels = tuple(sorted({v for v in values if isinstance(v, str)}))
    numbers = [
        major(v, param.type, draft.names.currency)
        for v in values
        if isinstance(v, int | Decimal) and not isinstance(v, bool)
    ]
    lower, upper = (min(numbers), max(numbers)) if numbers else (None, None)
    draft.names.define(f"params.{param.name}", param.type, lower, upper, labels, constant=True)
