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


def test_amounts_that_leave_are_rounded_down():
    """Full precision is kept inside, and what leaves is rounded down to the minor unit."""
    offer = "offer:\n  approved_amount: inputs.requested_amount / 3\n"
    found = decide(stages(FINE, tail=offer), STEADY, **ASKED).offer
    assert found.approved_amount == php("6666.66")


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


def test_below_the_minimum_a_referral_becomes_a_decline_too():
    """A REFER below the minimum is DECLINE for `below_minimum`: there is nothing to grant."""
    verdict = _decide(600, factors={"contributions.months_12m": 1})
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.DECLINE, None)
    assert (codes(verdict), verdict.offer) == (["SMALL"], None)


@pytest.mark.parametrize("cause", [Cause.NO_DATA, Cause.SOURCE_FAILED, Cause.NOT_YET_POSTED])
def test_below_the_minimum_a_referral_for_data_becomes_a_decline(cause):
    """What is missing elsewhere cannot help an amount that is below the minimum on clean facts."""
    verdict = _decide(600, factors={"contributions.months_12m": cause})
    assert (verdict.outcome, codes(verdict)) == (Outcome.DECLINE, ["SMALL"])
    assert [request.factor for request in verdict.data_requests] == ["contributions.months_12m"]


def test_below_the_minimum_where_nothing_concludes_is_a_decline():
    """A file in which no stage concludes anything declines below the minimum as well."""
    silent = rules("id: long, when: income.months_24m >= 20, then: APPROVE")
    verdict = _decide(600, parts=(silent,), factors={"income.months_24m": 12})
    assert (verdict.outcome, codes(verdict)) == (Outcome.DECLINE, ["SMALL"])


@pytest.mark.parametrize("cause", [Cause.NO_DATA, Cause.SOURCE_FAILED, Cause.NOT_YET_POSTED])
def test_a_referral_whose_amount_is_not_known_stays_one_without_an_offer(cause):
    """A REFER whose amount rests on something missing stays REFER and makes no offer."""
    verdict = _decide(cause, factors={"contributions.months_12m": 1})
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
    assert verdict.offer is None


def test_a_referral_carries_an_offer():
    """The offer is computed for a REFER as for an APPROVE."""
    verdict = _decide(35000, factors={"contributions.months_12m": 1})
    assert verdict.outcome is Outcome.REFER
    assert verdict.offer.approved_amount == php(20000)


@pytest.mark.parametrize("cause", [Cause.NO_DATA, Cause.SOURCE_FAILED])
def test_a_missing_part_turns_an_approval_into_a_referral(cause):
    """An APPROVE whose offer has a missing part becomes REFER of kind DATA."""
    verdict = _decide(cause)
    assert (verdict.outcome, verdict.refer_kind, verdict.offer) == (
        Outcome.REFER,
        ReferKind.DATA,
        None,
    )
    assert verdict.data_requests[0].factor == "income.conservative_6m"


def test_a_missing_side_line_leaves_the_amount_in_the_offer():
    """Where only a side line is missing the referral still carries the amount."""
    offer = OFFER + "  share: income.volatility_6m\n"
    verdict = _decide(35000, offer, factors={"income.volatility_6m": Cause.SHORT_HISTORY})
    assert verdict.outcome is Outcome.REFER
    assert (verdict.offer.approved_amount, "share" in verdict.offer.outputs) == (php(20000), False)


def test_an_offer_of_nothing_is_never_approved():
    """Without a minimum, an amount of zero or less refers instead of approving nothing."""
    offer = "offer:\n  approved_amount: min(inputs.requested_amount, income.conservative_6m)\n"
    verdict = _decide(0, offer, parts=(FINE,))
    assert (verdict.outcome, codes(verdict), verdict.offer) == (
        Outcome.REFER,
        ["RULE_ERROR"],
        None,
    )


def test_an_amount_beyond_every_legal_one_refers():
    """An amount over 10^12 is a rule error, not an offer."""
    offer = "offer:\n  approved_amount: inputs.requested_amount * 10000000000\n"
    verdict = _decide(35000, offer, parts=(FINE,))
    assert (verdict.outcome, codes(verdict)) == (Outcome.REFER, ["RULE_ERROR"])


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


def test_below_the_minimum_on_a_bounded_score_refers():
    """An amount that rests on the worst total refers where it would decline."""
    offer = (
        "offer:\n  approved_amount: 5000 if stability.band == 'A' else 500\n"
        "  minimum_amount: 1000\n  below_minimum: SMALL\n"
    )
    clean = _decide(35000, offer, parts=(CARD,), factors={"contributions.months_12m": 1})
    bounded = _decide(
        35000, offer, parts=(CARD,), factors={"contributions.months_12m": Cause.NO_DATA}
    )
    assert (clean.outcome, bounded.outcome) == (Outcome.DECLINE, Outcome.REFER)
    assert bounded.refer_kind is ReferKind.DATA


def test_below_the_minimum_on_a_bounded_score_a_referral_stays_one():
    """A REFER whose amount rests on the worst total stays REFER, without an offer."""
    offer = (
        "offer:\n  approved_amount: 5000 if stability.band == 'A' else 500\n"
        "  minimum_amount: 1000\n  below_minimum: SMALL\n"
    )
    asks = rules("id: short, when: income.months_24m < 20, then: REFER, reason: SHORT", name="ask")
    gap = {"contributions.months_12m": Cause.NO_DATA, "income.months_24m": 12}
    verdict = _decide(35000, offer, parts=(CARD, asks), factors=gap)
    assert (verdict.outcome, verdict.offer, codes(verdict)) == (Outcome.REFER, None, ["SHORT"])


CONDITIONS = """\
conditions:
  - id: payslip
    when: offer.approved_amount > 10000
    text: {en: Latest payslip}
  - id: address
    when: employment.status == "GIG"
    text: {en: Proof of address}
"""


def test_conditions_that_hold_are_listed():
    """Each condition whose `when` holds is asked for, with its texts."""
    verdict = _decide(35000, tail=CONDITIONS, factors={"employment.status": "EMPLOYED"})
    assert [(c.id, c.texts) for c in verdict.conditions] == [("payslip", {"en": "Latest payslip"})]


def test_an_unknown_condition_refers():
    """A condition that is UNKNOWN turns an APPROVE into REFER, since it might be needed."""
    verdict = _decide(35000, tail=CONDITIONS, factors={"employment.status": Cause.NO_EVIDENCE})
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)


def test_a_decline_has_neither_offer_nor_conditions():
    """Nothing is offered, asked for or post-checked on a DECLINE."""
    short = rules("id: short, when: income.months_12m < 20, then: DECLINE, reason: SHORT")
    short = short.replace("income.months_12m < 20", "income.months_24m < 20")
    verdict = _decide(
        35000,
        tail=CONDITIONS,
        parts=(short, FINE),
        factors={"income.months_24m": 5, "employment.status": "GIG"},
    )
    assert (verdict.outcome, verdict.offer, verdict.conditions) == (Outcome.DECLINE, None, ())


def test_post_checks_see_the_finished_offer():
    """A post-check reads the amounts as they leave, rounded down."""
    cap = "id: cap, when: offer.approved_amount == 6666.66, then: REFER, reason: LEGAL"
    offer = "offer:\n  approved_amount: inputs.requested_amount / 3\n"
    verdict = decide(stages(FINE, legal(cap), tail=offer), STEADY, **ASKED)
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.LEGAL)
    assert verdict.offer.approved_amount == php("6666.66")


def test_an_unknown_post_check_is_a_question_of_data():
    """A post-check that is UNKNOWN refers with kind DATA."""
    cap = "id: cap, when: inputs.declared_monthly_debt > 5, then: REFER, reason: LEGAL"
    verdict = _decide(35000, parts=(FINE, legal(cap)))
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)


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


def test_where_no_term_fits_there_is_nothing_to_grant():
    """The amount is then below every minimum, and the answer DECLINE on clean facts."""
    verdict = _chosen(contributions=12)
    assert (verdict.outcome, codes(verdict), verdict.offer) == (Outcome.DECLINE, ["SMALL"], None)


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


def test_a_term_on_a_bounded_score_never_declines():
    """Some of the possible totals have no term: that refers, and is no decline."""
    verdict = _chosen(contributions=Cause.NO_DATA, requested_term_months=12)
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)


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
