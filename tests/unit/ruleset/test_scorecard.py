"""Scorecards: totals, bands, points lost, and bounds where something is missing."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.values import Cause
from tests.kits.cases import case_text, cases
from tests.unit.ruleset.rulesets import decide, php, problems, rules, stages

CARD = case_text("ruleset/card")


def _decide(income, contributions, text=None):
    factors = {"income.months_12m": income, "contributions.months_12m": contributions}
    return decide(text or stages(CARD), factors)


def test_generous_fixed_points_need_because():
    """Fixed points above the worst bin are refused without `because` and taken with it."""
    generous = CARD.replace(
        "          reason: SHORT\n", "          reason: SHORT\n          when_missing: 30\n"
    )
    assert problems(stages(generous)).count("R404") == 1
    excused = generous.replace(
        "missing: 30\n", "missing: 30\n          because: a scheme that is new\n"
    )
    assert "R404" not in problems(stages(excused))


DECLINES = rules(
    "id: low, when: stability.score < 250, then: DECLINE, reason: DEBT",
    name="later",
    component="POLICY",
)
ONLY_APPROVING = CARD.replace("then: REFER", "then: APPROVE").replace(
    "then: DECLINE", "then: APPROVE"
)


def test_labels_money_and_flags_can_be_scored():
    """Characteristics can be labels, amounts and flags."""
    card = CARD.replace("income.months_12m", "income.conservative_6m")
    card = card.replace('"[0, 6)"', '"< 10000.50"', 1).replace('"[6, 10)"', '"[10000.50, 20000]"')
    card = card.replace('">= 10"', '"> 20000"')
    card = card.replace("contributions.months_12m", "employment.status")
    card = card.replace('"[0, 6)"', "UNEMPLOYED | GIG").replace('">= 6"', "EMPLOYED")
    totals = [
        decide(stages(card), {"income.conservative_6m": php(pay), "employment.status": status})
        .scores[0]
        .score
        for pay, status in [
            ("10000.49", "GIG"),
            ("10000.50", "GIG"),
            (20000, "GIG"),
            ("20000.01", "EMPLOYED"),
        ]
    ]
    assert totals == [200, 240, 240, 340]


@pytest.mark.parametrize("when", cases("ruleset/scorecard"))
def test_every_total_that_is_left_open_counts(when):
    """A rule that any of the open totals would trip refers, also one between worst and best."""
    middle = ONLY_APPROVING.replace('">= 6", points: 60', '"[6, 9)", points: 20').replace(
        "points: 20}\n", 'points: 20}\n            - {in: ">= 9", points: 60}\n'
    )
    rule = rules(f'id: odd, when: "{when}", then: DECLINE, reason: DEBT', name="later")
    verdict = _decide(9, Cause.NO_DATA, stages(middle, rule))
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
