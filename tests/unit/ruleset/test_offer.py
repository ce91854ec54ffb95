"""Offers: amounts, reductions, minimums, missing parts, conditions and post-checks on them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from decision_service.domain.decision import OfferKind, Outcome, ReferKind
from decision_service.domain.values import Cause
from decision_service.rules.evaluate import evaluate
from decision_service.rules.explain import traces
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
  below_minimum: SMALL
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


def test_a_request_within_the_limit_is_offered_in_full():
    """The requested amount within the limit is a FULL offer without a binding term."""
    offer = _decide(35000).offer
    assert (offer.kind, offer.approved_amount, offer.binding) == (OfferKind.FULL, php(20000), "")
    assert (offer.max_amount, offer.term_months, offer.monthly_rate, offer.tier) == (
        php(52500),
        6,
        Decimal("0.05"),
        "T1",
    )


def test_further_lines_are_outputs():
    """A line of any other name is a named output, its amount rounded down to the minor unit."""
    assert _decide(35000).offer.outputs == {"instalment": php("3940.34")}


@pytest.mark.parametrize(
    ("limit", "binding"),
    [
        ("min(3 * income.conservative_6m, derived.affordable)", "derived.affordable"),
        ("min(derived.affordable / 3, 4 * income.conservative_6m)", "derived.affordable / 3"),
        ("max(income.conservative_6m, 100)", "income.conservative_6m"),
        ("coalesce(inputs.declared_monthly_debt, derived.affordable)", "derived.affordable"),
        ("derived.affordable if income.months_12m > 3 else 1000", "derived.affordable"),
    ],
)
def test_a_smaller_amount_is_a_reduced_offer_with_its_binding_term(limit, binding):
    """An amount below the request is REDUCED and names the innermost limiting term."""
    offer = OFFER.replace("min(3 * income.conservative_6m, derived.affordable)", limit)
    found = _decide(11000, offer).offer
    assert (found.kind, found.binding) == (OfferKind.REDUCED, binding)
    assert found.approved_amount < php(20000)


def test_below_the_minimum_an_approval_becomes_a_decline():
    """An APPROVE below `minimum_amount` becomes DECLINE for `below_minimum`, without an offer."""
    verdict = _decide(600)
    assert (verdict.outcome, codes(verdict), verdict.offer) == (Outcome.DECLINE, ["SMALL"], None)
    (reason,) = verdict.reasons
    assert (reason.factor, reason.actual, reason.required) == (
        "offer.approved_amount",
        "₱ 500",
        ">= ₱ 1,000",
    )


CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: stability
      base: 0
      characteristics:
        - factor: contributions.months_12m
          reason: GAPS
          bins: [{in: "< 6", points: 0}, {in: ">= 6", points: 9}]
      bands: [{band: A, from: 5, then: APPROVE}, {band: B, then: APPROVE}]
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
    "  minimum_amount: 1000\n  below_minimum: SMALL\n"
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


def test_conditions_that_hold_are_listed():
    """Each condition whose `when` holds is asked for, with its texts."""
    verdict = _decide(35000, tail=CONDITIONS, factors={"employment.status": "EMPLOYED"})
    assert [(c.id, c.texts) for c in verdict.conditions] == [("payslip", {"en": "Latest payslip"})]


def test_post_checks_see_the_finished_offer():
    """A post-check reads the amounts as they leave, rounded down."""
    cap = "id: cap, when: offer.approved_amount == 6666.66, then: REFER, reason: LEGAL"
    offer = "offer:\n  approved_amount: inputs.requested_amount / 3\n"
    verdict = decide(stages(FINE, legal(cap), tail=offer), STEADY, **ASKED)
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.LEGAL)
    assert verdict.offer.approved_amount == php("6666.66")


CHOSEN = """\
offer:
  term_months:
    choose: longest
    of: [3, 6, 12]
    fits: >-
      offer.term_months <= inputs.requested_term_months
      and card.score * offer.term_months <= 120
  approved_amount: inputs.requested_amount
  minimum_amount: 1000
  below_minimum: SMALL
"""
SCORE = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      base: 10
      characteristics:
        - factor: contributions.months_12m
          reason: GAPS
          bins:
            - {in: "[0, 6)", points: 0}
            - {in: "[6, 9)", points: 10}
            - {in: "[9, 12]", points: 40}
      bands:
        - {band: A, from: 0, then: APPROVE}
"""


def _chosen(offer=CHOSEN, contributions=0, **inputs):
    factors = {"income.months_12m": 12, "contributions.months_12m": contributions}
    return decide(stages(SCORE, FINE, tail=offer), factors, **{**ASKED, **inputs})


@pytest.mark.parametrize(
    ("contributions", "asked", "term", "why"),
    [
        (0, 24, 12, ""),
        (0, 11, 6, "offer.term_months <= inputs.requested_term_months"),
        (7, 24, 6, "card.score * offer.term_months <= 120"),
        (7, 5, 3, "offer.term_months <= inputs.requested_term_months"),
    ],
)
def test_the_longest_term_that_fits_says_what_the_next_one_does_not_fulfil(
    contributions, asked, term, why
):
    """The first comparison, as written, that is not true of the next longer term."""
    offer = _chosen(contributions=contributions, requested_term_months=asked).offer
    assert (offer.term_months, offer.term_binding, offer.kind) == (term, why, OfferKind.FULL)


def test_the_shortest_term_is_tried_from_the_other_end():
    """It is bound by the shorter one that does not fit, and by none at the product's shortest."""
    shortest = CHOSEN.replace("longest", "shortest").replace("<= 120", ">= 60")
    assert (_chosen(shortest).offer.term_months, _chosen(shortest).offer.term_binding) == (
        6,
        "card.score * offer.term_months >= 60",
    )
    assert _chosen(shortest, contributions=7).offer.term_binding == ""


@pytest.mark.parametrize(
    ("contributions", "expected"),
    [(12, (Outcome.DECLINE, ["SMALL"])), (Cause.NO_DATA, (Outcome.REFER, ["DATA_MISSING"]))],
)
def test_where_no_term_fits_there_is_nothing_to_grant(contributions, expected):
    """A DECLINE on clean facts; where only some possible totals have no term, a question."""
    verdict = _chosen(contributions=contributions)
    assert (verdict.outcome, codes(verdict)) == expected


def test_a_term_that_is_not_known_refers():
    """Neither a shorter term nor a decline is a guess for what was not sent."""
    verdict = decide(
        stages(SCORE, FINE, tail=CHOSEN),
        {**STEADY, "contributions.months_12m": 0},
        requested_amount=php(20000),
    )
    assert (verdict.outcome, codes(verdict), verdict.offer) == (
        Outcome.REFER,
        ["DATA_MISSING"],
        None,
    )


def test_the_trace_says_what_each_term_came_to():
    """Below the term's line each one has its truth."""
    ruleset = compiled(stages(SCORE, FINE, tail=CHOSEN))
    factors = {"income.months_12m": 12, "contributions.months_12m": 7}
    verdict = evaluate(ruleset, facts(factors, **ASKED))
    rows = {row.id: row for row in traces(ruleset, verdict)[-1].rules}
    assert (rows["term_months"].effect, rows["term_months"].note) == (
        "6",
        "3: true, 6: true, 12: false",
    )
