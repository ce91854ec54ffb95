"""Conditions that stand alone, as in rollout segments."""

from __future__ import annotations

import pytest

from decision_service.domain.factor import ValueType
from decision_service.domain.money import Money
from decision_service.domain.verdict import Truth
from decision_service.language.diagnostics import Place, Report
from decision_service.language.evaluation.condition import Declared, DeclaredNames, read_condition
from decision_service.language.yaml.nodes import Scalar

NAMES = DeclaredNames(
    "PHP",
    [
        Declared("inputs.customer_type", ValueType.TEXT, labels=("new", "existing")),
        Declared("inputs.requested_amount", ValueType.MONEY),
    ],
)


def _condition(text):
    report = Report()
    condition = read_condition(Scalar(text, True, Place("f", 1, 1, 2)), NAMES, report)
    return condition, [d.code for d in report.diagnostics()]


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ({"inputs.customer_type": "existing"}, Truth.TRUE),
        ({"inputs.customer_type": "new"}, Truth.UNKNOWN),
        ({"inputs.customer_type": "new", "inputs.requested_amount": Money("PHP", 1)}, Truth.FALSE),
        ({"inputs.requested_amount": Money("PHP", 5_000_001)}, Truth.TRUE),
        ({"inputs.customer_type": 7, "inputs.requested_amount": Money("USD", 1)}, Truth.UNKNOWN),
        ({}, Truth.UNKNOWN),
    ],
)
def test_a_condition_is_true_false_or_unknown(values, truth):
    """A condition over what was sent is TRUE, FALSE, or UNKNOWN where what is missing matters."""
    text = 'inputs.customer_type == "existing" or inputs.requested_amount > 50000'
    condition, codes = _condition(text)
    assert codes == []
    assert condition.names == ("inputs.customer_type", "inputs.requested_amount")
    assert condition.truth(values) is truth


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("inputs.customer_typ == 'new'", "R202"),
        ("inputs.customer_type == 'nwe'", "R308"),
        ("inputs.requested_amount", "R305"),
        ("inputs.requested_amount >", "R301"),
    ],
)
def test_a_faulty_condition_is_reported(text, code):
    """A condition with a fault is None with the fault's diagnostic."""
    assert _condition(text) == (None, [code])
