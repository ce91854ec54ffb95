"""Scorecards: totals, bands, points lost, and bounds where something is missing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from decision_service.domain.decision import Component, Outcome, ReferKind, Score
from decision_service.domain.values import Cause
from tests.unit.ruleset.rulesets import codes, decide, php, problems, rules, stages

CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: stability
      base: 200
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins:
            - {in: "[0, 6)", points: 0}
            - {in: "[6, 10)", points: 40}
            - {in: ">= 10", points: 80}
        - factor: contributions.months_12m
          reason: SHORT
          bins:
            - {in: "[0, 6)", points: 0}
            - {in: ">= 6", points: 60}
      bands:
        - {band: A, from: 320, then: APPROVE}
        - {band: B, from: 260, then: APPROVE}
        - {band: C, from: 220, then: REFER}
        - {band: D, then: DECLINE}
"""


def _decide(income, contributions, text=None):
    factors = {"income.months_12m": income, "contributions.months_12m": contributions}
    return decide(text or stages(CARD), factors)


@pytest.mark.parametrize(
    ("income", "contributions", "score", "band", "outcome"),
    [
        (12, 11, 340, "A", Outcome.APPROVE),
        (10, 5, 280, "B", Outcome.APPROVE),
        (9, 5, 240, "C", Outcome.REFER),
        (5, 5, 200, "D", Outcome.DECLINE),
    ],
)
def test_points_add_up_to_a_band(income, contributions, score, band, outcome):
    """The base and each characteristic's points give the total, the total its band's outcome."""
    verdict = _decide(income, contributions)
    assert verdict.scores == (Score("stability", Decimal(score), Decimal(score), band),)
    assert verdict.outcome is outcome


def test_a_total_at_a_bands_start_is_in_the_band():
    """A band begins with the total it is written `from`."""
    text = stages(CARD.replace("from: 320", "from: 340").replace("from: 260", "from: 280"))
    assert [_decide(i, c, text).scores[0].band for i, c in [(12, 11), (10, 5)]] == ["A", "B"]


def test_points_lost_are_reasons_in_order():
    """Reasons come by points lost against the best bin; nothing lost is no reason."""
    verdict = _decide(5, 5)
    assert [(r.code, r.points_lost) for r in verdict.reasons] == [("GAPS", 80), ("SHORT", 60)]
    assert verdict.reasons[0].component is Component.SCORECARD
    assert (verdict.reasons[0].actual, verdict.reasons[0].required) == ("5", ">= 10")
    grey = _decide(7, 12, stages(CARD.replace("260, then: APPROVE", "260, then: REFER")))
    assert [(r.code, r.points_lost) for r in grey.reasons] == [("GAPS", 40)]


def test_a_grey_band_refers_with_kind_score():
    """A referral that only a grey band asks for is of kind SCORE."""
    verdict = _decide(9, 5)
    assert verdict.refer_kind is ReferKind.SCORE
    assert codes(verdict) == ["SHORT", "GAPS"]


@pytest.mark.parametrize("cause", [Cause.NO_DATA, Cause.SOURCE_FAILED])
def test_bounds_that_disagree_refer(cause):
    """Where worst and best total conclude differently it is REFER with the data reason first."""
    verdict = _decide(9, cause)
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
    assert verdict.scores == (Score("stability", Decimal(240), Decimal(300), "C"),)
    assert [r.component for r in verdict.reasons] == [Component.DATA, Component.SCORECARD]
    assert verdict.data_requests[0].factor == "contributions.months_12m"


def test_an_absent_characteristic_approves_where_the_worst_total_does():
    """APPROVE needs the worst total to approve; then an absent value does no harm."""
    verdict = _decide(12, Cause.NO_DATA)
    assert verdict.outcome is Outcome.APPROVE
    assert verdict.scores == (Score("stability", Decimal(280), Decimal(340), "B"),)


def test_a_tainted_characteristic_never_approves():
    """A tainted value refers although even the worst total would approve."""
    verdict = _decide(12, Cause.SOURCE_FAILED)
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
    assert codes(verdict) == ["SOURCE_FAILED"]


@pytest.mark.parametrize("cause", [Cause.NO_DATA, Cause.SOURCE_FAILED])
def test_a_decline_needs_the_best_total_to_decline(cause):
    """DECLINE only where the best total declines, whatever is missing."""
    text = stages(CARD.replace("from: 220", "from: 261").replace("from: 260", "from: 300"))
    verdict = _decide(2, cause, text)
    assert verdict.outcome is Outcome.DECLINE
    assert codes(verdict)[0] == "GAPS"


def test_fixed_points_score_absent_values_only():
    """Fixed points score an absent value; a tainted one is scored by bounds all the same."""
    text = stages(
        CARD.replace("          reason: SHORT\n", "          reason: SHORT\n          missing: 0\n")
    )
    absent, tainted = _decide(12, Cause.NO_DATA, text), _decide(12, Cause.STALE, text)
    assert absent.scores == (Score("stability", Decimal(280), Decimal(280), "B"),)
    assert tainted.scores == (Score("stability", Decimal(280), Decimal(340), "B"),)
    assert (absent.outcome, tainted.outcome) == (Outcome.APPROVE, Outcome.REFER)


def test_a_missing_characteristic_gives_only_the_data_reason():
    """A characteristic scored by fixed points never appears as points lost."""
    text = stages(
        CARD.replace("          reason: SHORT\n", "          reason: SHORT\n          missing: 0\n")
    )
    verdict = _decide(2, Cause.NO_DATA, text)
    assert verdict.outcome is Outcome.DECLINE
    assert codes(verdict) == ["GAPS", "DATA_MISSING"]


def test_generous_fixed_points_need_because():
    """Fixed points above the worst bin are refused without `because` and taken with it."""
    generous = CARD.replace(
        "          reason: SHORT\n", "          reason: SHORT\n          missing: 30\n"
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


def test_a_rule_on_a_bounded_score_never_declines():
    """A rule that would decline on the worst total refers where only bounds are known."""
    text = stages(ONLY_APPROVING, DECLINES)
    assert _decide(9, 5, text).outcome is Outcome.DECLINE
    bounded = _decide(9, Cause.NO_DATA, text)
    assert (bounded.outcome, bounded.refer_kind) == (Outcome.REFER, ReferKind.DATA)


def test_a_rule_that_the_best_total_would_trip_refers():
    """A rule that is false on the worst and true on the best total refers as well."""
    high = DECLINES.replace("stability.score < 250", "stability.score > 270")
    text = stages(ONLY_APPROVING, high)
    assert _decide(9, 12, text).outcome is Outcome.DECLINE
    assert _decide(9, Cause.NO_DATA, text).outcome is Outcome.REFER


def test_a_bounded_score_that_no_rule_doubts_approves():
    """A rule that is false on both totals lets an approval stand."""
    assert _decide(12, Cause.NO_DATA, stages(ONLY_APPROVING, DECLINES)).outcome is Outcome.APPROVE


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


@pytest.mark.parametrize(
    "when",
    [
        "stability.band == 'B'",
        "250 <= stability.score < 270",
        "stability.band != 'C'",
        "abs(stability.score - 260) < 10",
        "0.4 < 1 / (1 + exp(26 - stability.score / 10)) < 0.6",
    ],
)
def test_every_total_that_is_left_open_counts(when):
    """A rule that any of the open totals would trip refers, also one between worst and best."""
    middle = ONLY_APPROVING.replace('">= 6", points: 60', '"[6, 9)", points: 20').replace(
        "points: 20}\n", 'points: 20}\n            - {in: ">= 9", points: 60}\n'
    )
    rule = rules(f'id: odd, when: "{when}", then: DECLINE, reason: DEBT', name="later")
    verdict = _decide(9, Cause.NO_DATA, stages(middle, rule))
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)


DECLINES_UNSEEN = DECLINES.replace(
    "stability.score < 250", "stability.score < 999 and employment.has_payroll"
).replace("reason: DEBT", "reason: DEBT, when_missing: DECLINE, because: it is asked for")


@pytest.mark.parametrize(("contributions", "outcome"), [(9, "DECLINE"), (Cause.NO_DATA, "REFER")])
def test_on_missing_declines_nobody_on_a_bounded_score(contributions, outcome):
    """`when_missing: DECLINE` declines on a known total and refers where only bounds are known."""
    text = stages(ONLY_APPROVING, DECLINES_UNSEEN)
    factors = {"income.months_12m": 9, "contributions.months_12m": contributions}
    verdict = decide(text, {**factors, "employment.has_payroll": Cause.NO_DATA})
    assert verdict.outcome == outcome
