"""Values near to a figure that a backtest sets."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.workbench.backtest.rules import near
from decision_service.workbench.commands.backtest_run import compared_rules
from tests.e2e.service import ROOT


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("9000", "7200 7650 8100 8550 9000 9450 9900 10350 10800"),
        ("3", "2 3 4"),
        ("0.10", "0.08 0.085 0.09 0.095 0.10 0.105 0.11 0.115 0.12"),
        ("-20", "-24 -23 -22 -21 -20 -19 -18 -17 -16"),
        ("0", ""),
        ("35d", ""),
    ],
)
def test_values_lie_within_a_fifth(text: str, values: str) -> None:
    """In nine steps, whole where the figure is whole; none for 0 and for what is no number."""
    assert near(text) == tuple(values.split())


@settings(max_examples=30)
@given(st.decimals(-(10**9), 10**9, places=3))
def test_values_ascend_around_the_figure(value: Decimal) -> None:
    """Each once, the figure among them as it was typed."""
    found = near(f"{value:f}")
    assert [*map(Decimal, found)] == sorted({*map(Decimal, found)})
    assert not value or f"{value:f}" in found


def test_values_that_the_rules_refuse_are_left_out() -> None:
    """Bands stay in order: a border does not move past its neighbours."""
    figures = {"score.bands.B.from": "340"}
    rules = compared_rules(Path(ROOT / "rules"), "personal-loan-ph", "", figures, ())
    [(at, values)] = rules.margins
    assert at == "score.bands.B.from"
    assert "340" in values
    assert len(values) < 9
