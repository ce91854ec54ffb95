"""A parameter's values: one, dated ones, and those by label, each of which may be dated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from decision_service.language.diagnostics import did_you_mean
from decision_service.language.expressions.tree import Literal, NameRead
from decision_service.language.yaml.days import FORM, day_hint
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry, MapNode, YamlNode
from decision_service.language.yaml.readers import parse_day
from decision_service.ruleset.analysis.ranges import written_labels
from decision_service.ruleset.compile.sections.param_limits import ParamLimits
from decision_service.ruleset.program.model import LabelValues, ParamSpec, Step
from decision_service.ruleset.reading.draft import RulesetDraft
from decision_service.ruleset.reading.literals import as_literal

DEFAULT = "default"
"""The key that stands for every label without a value of its own."""


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
        message = f"`{entry.key}` is no date"
        draft.report.error("R123", entry.key_place, message, _hint(entry.key))
    value = read_value(entry.value, f"the value from {entry.key}", limits, draft)
    return None if start is None or value is None else Step(start, value)


def _hint(key: str) -> str:
    hint = day_hint(key)
    return f"{hint}; values by label need `by: inputs.x`" if hint == FORM else hint


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


def read_labelled(fields: Fields, limits: ParamLimits, draft: RulesetDraft) -> ParamSpec | None:
    """A parameter that has a value for each label of a name."""
    if fields.has("value") or not fields.has("values"):
        message = f"parameter `{limits.name}` has `by`, and needs `values` by label"
        hint = f"`values: {{NCR: 9000, {DEFAULT}: 8000}}`"
        draft.report.error("R121", fields.node.key_place("by"), message, hint)
        return None
    by, values = draft.name(fields.scalar("by")), fields.map("values")
    if by is None or values is None or not _has_labels(by, draft):
        return None
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


def _has_labels(by: NameRead, draft: RulesetDraft) -> bool:
    if written_labels(by.symbol) and not by.symbol.constant:
        return True
    message = f"`{by.text}` has no labels of which each could have a value"
    hint = "name an input of type text with `one_of`, a flag, or a factor with labels"
    draft.report.error("R318", by.place, message, hint)
    return False


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
    return LabelValues(label, tuple(_steps_of(entry, limits, draft)))


def _steps_of(entry: MapEntry, limits: ParamLimits, draft: RulesetDraft) -> Iterator[Step]:
    if isinstance(entry.value, MapNode):
        yield from read_dated(entry.value, f"`{entry.key}`", limits, draft)
        return
    value = read_value(entry.value, f"the value of {entry.key}", limits, draft)
    if value is not None:
        yield Step(None, value)


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
