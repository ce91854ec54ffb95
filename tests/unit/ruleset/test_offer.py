"""Offers: amounts, reductions, minimums, missing parts, conditions and post-checks on them."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import OfferKind, Outcome
from decision_service.domain.values import Cause
from decision_service.rules.evaluate import evaluate, traces
from tests.kits.cases import cases
from tests.unit.ruleset.rulesets import (
    HEAD,
    codes,
    compiled,
    decide,
    facts,
    legal,
    php,
    rules,
    stages,
)

FINE = rules("id: fine, when: income.months_12m >= 6, then: APPROVE", name="fine")
GREY = rules("id: gaps, when: contributions.months_12m < 6, then: REFER, reason: GAPS", name="grey")
ASKED = {"requested_amount": php(20000), "requested_term_months": 6}
OFFER = """\
offer:
  max_amount: min(3 * income.conservative_6m, derived.affordable)
  approved_amount:
    inputs.requested_amount if inputs.requested_amount <= offer.max_amount
    else floor(offer.max_amount, 500)
  minimum_amount: 1000
  reason: SMALL
  term_months: inputs.requested_term_months
  monthly_rate: 0.05
  tier: "'T1' if income.months_12m >= 12 else 'T2'"
  instalment: annuity(offer.approved_amount, offer.monthly_rate, offer.term_months)
"""
AFFORDABLE = HEAD + "derived:\n  affordable: income.conservative_6m * 1.5\n"
STEADY = {"income.months_12m": 12, "contributions.months_12m": 12}


def _decide(pay, offer=OFFER, tail="", parts=(FINE, GREY), factors=(), **inputs):
    pay = pay if isinstance(pay, Cause) else php(pay)
    given = {**STEADY, "income.conservative_6m": pay, **dict(factors)}
    return decide(stages(*parts, head=AFFORDABLE, tail=offer + tail), given, **{**ASKED, **inputs})


CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: stability
      points: 0
      characteristics:
        - factor: contributions.months_12m
          reason: GAPS
          bins: [{in: "< 6", points: 0}, {in: ">= 6", points: 9}]
      bands: [{name: A, from: 5, then: APPROVE}, {name: B, then: APPROVE}]
"""


CONDITIONS = """\
conditions:
  - id: payslip
    when: offer.approved_amount > 10000
    text: {en: Latest payslip}
  - id: address
    when: employment.status == "GIG"
    text: {en: Proof of address}
"""


CONTRIBUTIONS, PAY, M24 = "contributions.months_12m", "income.conservative_6m", "income.months_24m"
SILENT = rules("id: long, when: income.months_24m >= 20, then: APPROVE")
ASKS = rules("id: short, when: income.months_24m < 20, then: REFER, reason: SHORT", name="ask")
STOPS = ASKS.replace("REFER", "DECLINE")
DEBT = legal("id: cap, when: inputs.declared_monthly_debt > 5, then: REFER, reason: LEGAL")
SIDE = OFFER + "  share: income.volatility_6m\n"
WHOLE = "offer:\n  approved_amount: min(inputs.requested_amount, income.conservative_6m)\n"
HUGE = "offer:\n  approved_amount: inputs.requested_amount * 10000000000\n"
BY_BAND = (
    "offer:\n  approved_amount: 5000 if stability.band == 'A' else 500\n"
    "  minimum_amount: 1000\n  reason: SMALL\n"
)


@pytest.mark.parametrize(
    ("parts", "offer", "given", "expected", "amount"),
    [
        # Below the minimum on clean facts nothing is granted, whatever else is missing
        ((FINE, GREY), OFFER, {PAY: php(600), CONTRIBUTIONS: 1}, "DECLINE SMALL", None),
        ((FINE, GREY), OFFER, {PAY: php(600), CONTRIBUTIONS: Cause.NO_DATA}, "DECLINE SMALL", None),
        ((FINE, GREY), OFFER, {PAY: php(600), CONTRIBUTIONS: Cause.STALE}, "DECLINE SMALL", None),
        ((SILENT,), OFFER, {PAY: php(600), M24: 12}, "DECLINE SMALL", None),
        ((CARD,), BY_BAND, {CONTRIBUTIONS: 1}, "DECLINE SMALL", None),
        # An amount that is not known, or rests on the worst of several totals, is a question
        ((FINE, GREY), OFFER, {PAY: Cause.NO_DATA}, "REFER DATA DATA_MISSING", None),
        ((FINE, GREY), OFFER, {PAY: Cause.SOURCE_FAILED}, "REFER DATA SOURCE_FAILED", None),
        (
            (FINE, GREY),
            OFFER,
            {PAY: Cause.NOT_YET_POSTED, CONTRIBUTIONS: 1},
            "REFER DATA NOT_YET_POSTED GAPS",
            None,
        ),
        ((CARD,), BY_BAND, {CONTRIBUTIONS: Cause.NO_DATA}, "REFER DATA DATA_MISSING", None),
        (
            (CARD, ASKS),
            BY_BAND,
            {CONTRIBUTIONS: Cause.NO_DATA, M24: 12},
            "REFER POLICY SHORT",
            None,
        ),
        # A referral carries what can be offered
        ((FINE, GREY), OFFER, {CONTRIBUTIONS: 1}, "REFER POLICY GAPS", php(20000)),
        (
            (FINE, GREY),
            SIDE,
            {"income.volatility_6m": Cause.SHORT_HISTORY},
            "REFER DATA DATA_MISSING",
            php(20000),
        ),
        ((FINE, DEBT), OFFER, {}, "REFER DATA DATA_MISSING", php(20000)),
        # Nothing, or more than any law allows, is no offer
        ((FINE,), WHOLE, {PAY: php(0)}, "REFER DATA RULE_ERROR", None),
        ((FINE,), HUGE, {}, "REFER DATA RULE_ERROR", None),
        # Conditions
        (
            (FINE,),
            OFFER + CONDITIONS,
            {"employment.status": Cause.NO_EVIDENCE},
            "REFER DATA DATA_MISSING",
            php(20000),
        ),
        ((STOPS, FINE), OFFER + CONDITIONS, {M24: 5}, "DECLINE SHORT", None),
    ],
)
def test_an_offer_is_made_where_its_amount_is_known_and_may_be_granted(
    parts, offer, given, expected, amount
):
    """Its minimum declines, and what is missing refers; a decline has no offer, nor conditions."""
    known = {PAY: php(35000), "employment.status": "GIG", **given}
    verdict = _decide(35000, offer, parts=parts, factors=known)
    kind = [verdict.refer_kind] if verdict.refer_kind else []
    assert " ".join([verdict.outcome, *kind, *codes(verdict)]) == expected
    assert (verdict.offer and verdict.offer.approved_amount) == amount
    assert verdict.outcome is not Outcome.DECLINE or verdict.conditions == ()


CHOSEN = """\
offer:
  term_months:
    of: [12, 6, 3]
    when: >-
      offer.term_months <= inputs.requested_term_months
      and card.score * offer.term_months <= 120
  approved_amount: inputs.requested_amount
  minimum_amount: 1000
  reason: SMALL
"""
SCORE = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 10
      characteristics:
        - factor: contributions.months_12m
          reason: GAPS
          bins:
            - {in: "[0, 6)", points: 0}
            - {in: "[6, 9)", points: 10}
            - {in: "[9, 12]", points: 40}
      bands:
        - {name: A, from: 0, then: APPROVE}
"""


def _chosen(offer=CHOSEN, contributions=0, **inputs):
    factors = {"income.months_12m": 12, "contributions.months_12m": contributions}
    return decide(stages(SCORE, FINE, tail=offer), factors, **{**ASKED, **inputs})


@pytest.mark.parametrize(("contributions", "asked", "term", "why"), cases("ruleset/offer"))
def test_the_longest_term_that_fits_says_what_the_next_one_does_not_fulfil(
    contributions, asked, term, why
):
    """The first comparison, as written, that is not true of the next longer term."""
    offer = _chosen(contributions=contributions, requested_term_months=asked).offer
    assert (offer.term_months, offer.term_binding, offer.kind) == (term, why, OfferKind.FULL)


def test_the_trace_says_what_each_term_came_to():
    """Below the term's line each one has its truth."""
    ruleset = compiled(stages(SCORE, FINE, tail=CHOSEN))
    factors = {"income.months_12m": 12, "contributions.months_12m": 7}
    verdict = evaluate(ruleset, facts(factors, **ASKED))
    rows = {row.id: row for row in traces(ruleset, verdict)[-1].rules}
    assert (rows["term_months"].effect, rows["term_months"].note) == (
        "6",
        "12: false, 6: true, 3: true",
    )
