"""The `params:` section: constants, fixed, dated or by segment; that in force on as_of counts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import PARAM
from decision_service.rules.language.diagnostics import did_you_mean
from decision_service.rules.language.fields import (
    FORM,
    Fields,
    check_identifier,
    day_hint,
    parse_day,
)
from decision_service.rules.language.types import Literal, NameRead
from decision_service.rules.language.yaml import MapEntry, MapNode, Scalar, YamlNode
from decision_service.rules.literals import BOUNDED, as_literal, bounds_text, major, read_bounds
from decision_service.rules.program import LabelValues, ParamSpec, Step
from decision_service.rules.ranges import written_labels

SHARE = "share"
"""The unit whose values lie between 0 and 1 where no bounds are written."""

DEFAULT = "default"
"""The key of every segment without a value of its own."""

_LONGEST_UNIT = 40
_TYPES = [t.value for t in ValueType]


class ParamLimits(msgspec.Struct, frozen=True):
    name: str
    type: ValueType
    lower: Decimal | None
    upper: Decimal | None
    unit: str

    def has(self, value: Literal, currency: str) -> bool:
        if self.type not in BOUNDED or not isinstance(value, int | Decimal):
            return True
        amount = major(value, self.type, currency)
        low, high = self.lower, self.upper
        return (low is None or low <= amount) and (high is None or amount <= high)

    def refusal(self, node: YamlNode) -> str:
        """`is 30; `max_debt_to_income` is 0 to 1 (share)`."""
        written = node.text if isinstance(node, Scalar) else ""
        unit = f" ({self.unit})" if self.unit else ""
        return f"is {written}; `{self.name}` is {bounds_text(self.lower, self.upper)}{unit}"

    @property
    def hint(self) -> str:
        return "30 % is written 0.30" if self.upper == 1 else "change it, or the bounds"


def read_limits(fields: Fields, name: str, type_: ValueType, draft: RulesetDraft) -> ParamLimits:
    """The limits as written, a share's own where no bounds are."""
    lower, upper = read_bounds(fields, type_, draft.names.currency, draft.report)
    unit = _unit(fields, type_, draft)
    if unit == SHARE:
        lower = Decimal(0) if lower is None else lower
        upper = Decimal(1) if upper is None else upper
    return ParamLimits(name, type_, lower, upper, unit)


def _unit(fields: Fields, type_: ValueType, draft: RulesetDraft) -> str:
    unit = fields.text("unit") or ""
    if unit and type_ not in BOUNDED:
        message = f"`unit` does not fit the type {type_}"
        draft.report.error("R312", fields.node.key_place("unit"), message, "remove it")
    elif len(unit) > _LONGEST_UNIT:
        message = f"`unit` has {len(unit)} characters; {_LONGEST_UNIT} are allowed"
        draft.report.error("R123", fields.place("unit"), message)
    return unit


def read_dated(
    node: MapNode, what: str, limits: ParamLimits, draft: RulesetDraft
) -> tuple[Step, ...]:
    """The values of a map of dates, in their order; none where one cannot be read."""
    if not node.entries:
        draft.report.error("R123", node.place, f"{what} is empty", "write at least one date")
    steps = [_step(entry, limits, draft) for entry in node.entries]
    found = [step for step in steps if step is not None]
    if len(found) < len(steps):
        return ()
    return tuple(sorted(found, key=lambda step: step.start or date.min))


def _step(entry: MapEntry, limits: ParamLimits, draft: RulesetDraft) -> Step | None:
    start = parse_day(entry.key)
    if start is None:
        hint = day_hint(entry.key)
        if hint == FORM:
            hint = did_you_mean(entry.key, draft.segments) or (
                f"{hint}; values by segment need `segments:` with a name that has the labels"
            )
        draft.report.error("R123", entry.key_place, f"`{entry.key}` is no date", hint)
    value = read_value(entry.value, f"the value from {entry.key}", limits, draft)
    return None if start is None or value is None else Step(start, value)


def read_value(
    node: YamlNode, what: str, limits: ParamLimits, draft: RulesetDraft
) -> Literal | None:
    """A literal of the parameter's type; R315 where it lies beyond the limits."""
    currency = draft.names.currency
    value = as_literal(node, limits.type, what, currency, draft.report)
    if value is None or limits.has(value, currency):
        return value
    draft.report.error("R315", node.place, f"{what} {limits.refusal(node)}", limits.hint)
    return value


def read_labelled(
    values: MapNode, by: NameRead, limits: ParamLimits, draft: RulesetDraft
) -> ParamSpec | None:
    found = [_of_label(entry, by, limits, draft) for entry in values.entries]
    _check_covered(by, values, limits.name, draft)
    labels = tuple(each for each in found if each is not None and each.steps)
    if not labels or len(labels) < len(found):
        return None
    return ParamSpec(
        limits.name,
        limits.type,
        (),
        limits.lower,
        limits.upper,
        limits.unit,
        by.symbol.name,
        tuple(sorted(labels, key=lambda each: each.label)),
    )


def _of_label(
    entry: MapEntry, by: NameRead, limits: ParamLimits, draft: RulesetDraft
) -> LabelValues | None:
    known = written_labels(by.symbol)
    if entry.key not in (*known, DEFAULT):
        hint = did_you_mean(entry.key, (*known, DEFAULT))
        if parse_day(entry.key) is not None:
            hint = f"dates stand below each label: {{{known[0]}: {{{entry.key}: …}}}}"
        message = f"`{by.text}` is never `{entry.key}`"
        draft.report.error("R308", entry.key_place, message, hint)
        return None
    label = "" if entry.key == DEFAULT else entry.key
    if isinstance(entry.value, MapNode):
        return LabelValues(label, read_dated(entry.value, f"`{entry.key}`", limits, draft))
    value = read_value(entry.value, f"the value of {entry.key}", limits, draft)
    return LabelValues(label, () if value is None else (Step(None, value),))


def _check_covered(by: NameRead, values: MapNode, name: str, draft: RulesetDraft) -> None:
    """R432 for a label without a value, R433 (warning) for a default that never counts."""
    left = [label for label in written_labels(by.symbol) if values.get(label) is None]
    if left and values.get(DEFAULT) is None:
        words = " and ".join(f"`{label}`" for label in left)
        message = f"`params.{name}` has no value for {words}"
        draft.report.error("R432", values.place, message, f"add it, or `{DEFAULT}:` for the rest")
    elif not left and values.get(DEFAULT) is not None:
        message = f"the `{DEFAULT}` of `params.{name}` never counts: each label has a value"
        draft.report.warning("R433", values.key_place(DEFAULT), message, "remove it")


def read_params(draft: RulesetDraft) -> None:
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
    fields = PARAM.open(entry.value, report, what=what)
    word = fields.choice("type", _TYPES) if fields is not None else None
    if fields is None or word is None or not named:
        return None
    if fields.has("value") == fields.has("values"):
        message = f"{what} needs either `value` or `values`"
        hint = "`value: 0.35`, or `values: {2026-01-01: 4, 2026-12-01: 6}`"
        report.error("R121", entry.key_place, message, hint)
        return None
    limits = read_limits(fields, name, ValueType(word), draft)
    values = fields.map("values")
    keys = [entry.key for entry in values.entries] if values is not None else []
    by = next((draft.segments[key] for key in keys if key in draft.segments), None)
    if values is not None and by is not None:
        return read_labelled(values, by, limits, draft)
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
