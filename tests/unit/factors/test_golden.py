"""Hand-written cases: what each factor is for a small applicant, with the arithmetic beside it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from decision_service.domain.factor import FactorValue
from decision_service.domain.money import Money
from decision_service.factors.compute import compute
from tests.unit.factors.golden import GoldenCase, cases


def written(factor: FactorValue) -> str:
    """A factor value as a case writes it."""
    value = factor.value
    if value is None:
        return "missing " + " ".join(_cause(m.cause.value, m.code) for m in factor.missing)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Money):
        return f"{value.currency} {value.major}"
    if isinstance(value, Decimal):
        return f"{value:.10f}".rstrip("0").rstrip(".")
    return str(value)


def _cause(cause: str, code: str | None) -> str:
    return f"{cause}/{code}" if code else cause


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_small_applicant_gets_the_values_worked_out_by_hand(case: GoldenCase) -> None:
    """Each factor that the case names has exactly the value or causes that it states."""
    values = compute(case.snapshot, case.needs, case.as_of).values
    assert {name: written(value) for name, value in values.items()} == dict(case.expect)
