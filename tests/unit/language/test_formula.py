"""Expressions that stand alone, as in rollout segments and laws between factors."""

from __future__ import annotations

import pytest

from decision_service.domain.factor import ValueType
from decision_service.domain.values import Money
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.evaluation import FormulaUnfit, parse_formula, read_formula
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.language.values import Unknown
from decision_service.rules.language.yaml import Scalar
from decision_service.rules.program import InputSpec

NAMES = DeclaredNames(
    "PHP",
    [
        InputSpec("inputs.customer_type", ValueType.TEXT, labels=("new", "existing")),
        InputSpec("inputs.requested_amount", ValueType.MONEY),
    ],
)


def _condition(text):
    report = Report()
    place = Place("f", 1, 1, 2)
    condition = read_formula(Scalar(text, True, place), NAMES, report, ValueType.FLAG)
    return condition, [d.code for d in report.diagnostics()]


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ({"inputs.customer_type": "existing"}, True),
        ({"inputs.customer_type": "new"}, None),
        ({"inputs.customer_type": "new", "inputs.requested_amount": Money("PHP", 1)}, False),
        ({"inputs.requested_amount": Money("PHP", 5_000_001)}, True),
        ({"inputs.customer_type": 7, "inputs.requested_amount": Money("USD", 1)}, None),
        ({}, None),
    ],
)
def test_a_condition_is_true_false_or_unknown(values, truth):
    """A condition over what was sent is True, False, or Unknown where what is missing matters."""
    text = 'inputs.customer_type == "existing" or inputs.requested_amount > 50000'
    condition, codes = _condition(text)
    assert codes == []
    assert condition.names == ("inputs.customer_type", "inputs.requested_amount")
    found = condition.of_sent(values)
    assert (None if isinstance(found, Unknown) else found) is truth


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


def test_what_was_not_sent_can_be_asked_for():
    """An input that an applicant left out is missing; a value that evaluation lacks is lost."""
    condition, codes = _condition("missing(inputs.requested_amount)")
    assert codes == []
    assert condition.of_sent({}) is True
    assert condition.of_sent({"inputs.requested_amount": Money("PHP", 1)}) is False
    assert isinstance(condition.result({}), Unknown)


def test_a_text_that_cannot_be_read_raises_with_its_name():
    """The sentence says what is wrong and in what."""
    with pytest.raises(FormulaUnfit, match=r"a law:1:1: error R202: .*inputs\.customer_typ`"):
        parse_formula("inputs.customer_typ == 'new'", NAMES, ValueType.FLAG, "a law")
