"""Whether a factor can have the value that a case gives it: no decision would ever see another."""

from __future__ import annotations

from decimal import Decimal

from decision_service.domain.factor import FactorSpec, Value, ValueType
from decision_service.domain.money import Money
from decision_service.language.diagnostics import Report, did_you_mean
from decision_service.language.yaml.nodes import Scalar, YamlNode
from decision_service.ruleset.reading.bounds import bounds_text


def check_possible(node: YamlNode, spec: FactorSpec, value: Value, report: Report) -> None:
    """R807 for a value beyond the factor's bounds, or a label that it never has."""
    written = node.text if isinstance(node, Scalar) else ""
    if spec.type is ValueType.TEXT:
        if spec.labels and value not in spec.labels:
            hint = did_you_mean(written, spec.labels)
            report.error("R807", node.place, f"`{spec.name}` is never `{written}`", hint)
        return
    number = value.major if isinstance(value, Money) else value
    if isinstance(number, bool) or not isinstance(number, int | Decimal):
        return
    below = spec.lower is not None and number < spec.lower
    if below or (spec.upper is not None and number > spec.upper):
        hint = f"it is {bounds_text(spec.lower, spec.upper)}"
        report.error("R807", node.place, f"`{spec.name}` is never {written}", hint)
