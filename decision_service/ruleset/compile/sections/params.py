"""The `params:` section: named constants, fixed or dated; the value in force on as_of counts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.language.expressions.tree import Literal
from decision_service.language.yaml.days import day_hint
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry, YamlNode
from decision_service.language.yaml.readers import check_identifier, parse_day
from decision_service.ruleset.compile.sections.param_limits import ParamLimits, read_limits
from decision_service.ruleset.program.model import ParamSpec, Step
from decision_service.ruleset.reading.bounds import major
from decision_service.ruleset.reading.draft import RulesetDraft
from decision_service.ruleset.reading.literals import as_literal

_TYPES = [t.value for t in ValueType]
_KEYS = ("value", "values", "min", "max", "unit")


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
        value = _value(node, "`value`", limits, draft)
        return () if value is None else (Step(None, value),)
    dated = fields.map("values")
    steps = [_step(entry, limits, draft) for entry in (dated.entries if dated else ())]
    if dated is not None and not dated.entries:
        draft.report.error("R123", dated.place, "`values` is empty", "write at least one date")
    found = [step for step in steps if step is not None]
    return tuple(sorted(found, key=lambda step: step.start or date.min))


def _step(entry: MapEntry, limits: ParamLimits, draft: RulesetDraft) -> Step | None:
    start = parse_day(entry.key)
    if start is None:
        message = f"`{entry.key}` is no date"
        draft.report.error("R123", entry.key_place, message, day_hint(entry.key))
    value = _value(entry.value, f"the value from {entry.key}", limits, draft)
    return None if start is None or value is None else Step(start, value)


def _value(node: YamlNode, what: str, limits: ParamLimits, draft: RulesetDraft) -> Literal | None:
    currency = draft.names.currency
    value = as_literal(node, limits.type, what, currency, draft.report)
    if value is None or limits.has(value, currency):
        return value
    draft.report.error("R315", node.place, f"{what} {limits.refusal(node)}", limits.hint)
    return value


def _define(param: ParamSpec, draft: RulesetDraft) -> None:
    values = [step.value for step in param.steps]
    labels = tuple(sorted({v for v in values if isinstance(v, str)}))
    numbers = [
        major(v, param.type, draft.names.currency)
        for v in values
        if isinstance(v, int | Decimal) and not isinstance(v, bool)
    ]
    lower, upper = (min(numbers), max(numbers)) if numbers else (None, None)
    draft.names.define(f"params.{param.name}", param.type, lower, upper, labels, constant=True)
