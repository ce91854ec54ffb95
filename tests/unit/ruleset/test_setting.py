"""Figures of a version set to other values."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import Outcome
from decision_service.rules.evaluate import evaluate
from decision_service.rules.program import RulesetFiles
from decision_service.workbench.constants import FigureSetter, FiguresUnfit
from tests.kits.cases import cases
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import HEAD, facts, stages

PARAMS = """\
params:
  least: {type: integer, value: 4, min: 1}
  cap: {type: number, value: {2026-01-01: 0.15, 2026-04-01: 0.12}}
"""
CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 100
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins:
            - {in: "[0, 3)", points: 0}
            - {in: "[3, 6)", points: 20}
            - {in: "[6, 12]", points: 50}
      bands:
        - {name: A, from: 150, then: APPROVE}
        - {name: B, then: DECLINE}
"""


def setter() -> FigureSetter:
    """One for a card with two parameters."""
    text = stages(CARD, head=HEAD + PARAMS)
    return FigureSetter(RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text), CATALOGUE)


def test_a_band_that_is_set_decides() -> None:
    """The compiled version has the figure, and says what it was."""
    changed, told = setter().compiled({"score.bands.A.from": "120"})
    given = facts({"income.months_12m": 4})
    assert [(one.before, one.after) for one in told] == [("150", "120")]
    assert evaluate(changed, given).outcome is Outcome.APPROVE
    assert evaluate(setter().compiled({})[0], given).outcome is Outcome.DECLINE


def test_an_edge_that_two_bins_share_moves_in_both() -> None:
    """No value falls between the bins, and none into both."""
    changed, _ = setter().compiled({"score.income.months_12m.bins.6": "10"})
    outcomes = [evaluate(changed, facts({"income.months_12m": n})).outcome for n in (9, 10)]
    assert outcomes == [Outcome.DECLINE, Outcome.APPROVE]


def test_equal_settings_have_equal_digests() -> None:
    """Whatever the order; other values have another digest."""
    made = setter()
    one = made.compiled({"params.least": "5", "params.cap.2026-04-01": "0.1"})[0]
    other = made.compiled({"params.cap.2026-04-01": "0.1", "params.least": "5"})[0]
    assert one.digest == other.digest
    assert one.digest != made.compiled({"params.least": "6"})[0].digest


@pytest.mark.parametrize(("figure", "value", "told"), cases("ruleset/setting"))
def test_what_does_not_fit_is_told(figure: str, value: str, told: str) -> None:
    """A figure that there is not, one of several, a value of another type or out of bounds."""
    with pytest.raises(FiguresUnfit, match=told):
        setter().compiled({figure: value})


def test_a_figure_by_label_is_set_for_its_label() -> None:
    """The name leads to the label, and one without a label lists the values that there are."""
    labelled = PARAMS.replace("value: 4, min: 1", "value: {new: 4, default: 3}")
    text = stages(CARD, head=f"{HEAD}segments: [inputs.customer_type]\n{labelled}")
    own = FigureSetter(RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text), CATALOGUE)
    _, told = own.compiled({"params.least.new": "6"})
    assert [(one.before, one.after) for one in told] == [("4", "6")]
    with pytest.raises(FiguresUnfit, match=r"one of params\.least\.new, params\.least\.default$"):
        own.compiled({"params.least": "6"})
