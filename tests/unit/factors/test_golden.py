"""Hand-written cases: what each factor is for a small applicant, with the arithmetic beside it.

The service and its slow reference give the same answers, so that both are to be trusted.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

from decision_service.domain.factor import FactorValue, Value
from decision_service.domain.values import Cause, Missing, Money, Month
from decision_service.factors.compute import compute
from tests.oracles.factors import Answer, reference
from tests.oracles.factors.applicant import Wait
from tests.unit.factors.golden import GoldenCase, cases


def written(value: Value) -> str:
    """A value as a case writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Money):
        return f"{value.currency} {value.major}"
    if isinstance(value, Decimal):
        return f"{value:.10f}".rstrip("0").rstrip(".")
    return str(value)


def answered(factor: FactorValue) -> str:
    """What the service says, as a case writes it."""
    if factor.value is None:
        return "missing " + " ".join(_cause(one) for one in factor.missing)
    return written(factor.value)


def _cause(one: Missing) -> str:
    if one.cause is Cause.NOT_YET_POSTED:
        return _wait(one.month, one.source, one.due)
    return f"{one.cause.value}/{one.code}" if one.code else one.cause.value


def _wait(month: int | None, source: str | None, due: date | None) -> str:
    return f"NOT_YET_POSTED {Month(month or 0)} {source} {due}"


def referred(answer: Answer) -> str:
    """What the reference says, as a case writes it but for the codes of causes."""
    if not isinstance(answer, set):
        return written(answer)
    words = [_wait(*one) if isinstance(one, Wait) else one.value for one in answer]
    return "missing " + " ".join(sorted(words))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_small_applicant_gets_the_values_worked_out_by_hand(case: GoldenCase) -> None:
    """Each factor that the case names has exactly the value or causes that it states."""
    values = compute(case.snapshot, case.needs, case.as_of).values
    assert {name: answered(value) for name, value in values.items()} == dict(case.expect)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_slow_reference_says_what_was_worked_out_by_hand(case: GoldenCase) -> None:
    """The reference has the values and causes of every case, but for the codes of causes."""
    needs = case.needs
    answers = reference(case.snapshot, needs.policy, case.as_of, needs.factors, needs.term_months)
    expected = {name: re.sub(r"/\w+", "", text) for name, text in case.expect.items()}
    assert {name: referred(answer) for name, answer in answers.items()} == expected
