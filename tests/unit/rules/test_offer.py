"""Offers: amounts, derived lines, terms and instalments, conditions and post-checks."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import NO_TERMS, ApprovalTerms, OfferKind, Outcome
from decision_service.domain.values import Cause, Money
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import evaluate, traces
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.offer import price
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import coverage
from tests.kits.cases import cases
from tests.unit.rules.kit import (
    CATALOGUE,
    HEAD,
    codes,
    compiled,
    decide,
    facts,
    legal,
    php,
    problems,
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


LIMIT = """\
  - name: limit
    component: TABLE
    table:
      id: limit
      hit: first
      when: [income.months_12m]
      give: {most: money, share: number}
      rows: [[">= 6", 9000, 0.5], ["-", 2000, 0.25]]
"""

BANDS_ALIKE = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 0
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins: [{in: "[0, 6)", points: 10}, {in: "[6, 12]", points: 60}]
      bands: [{name: A, from: 60, then: APPROVE}, {name: B, then: APPROVE}]
"""

LASTING = rules("id: fine, when: income.months_24m >= 1, then: APPROVE", name="fine")

FULL = {"income.months_24m": 24, "income.months_12m": 12, "income.conservative_6m": php(20000)}

NEW = 'inputs.customer_type == "new"'


def text(derived, *bodies, tail=""):
    """A ruleset with these derived lines and stages."""
    lines = "".join(f"  {name}: {line}\n" for name, line in derived.items())
    head = f"{HEAD}segments: [inputs.customer_type]\nderived:\n{lines}"
    return stages(*bodies, head=head, tail=tail)


def rule(when, id_="small"):
    """A stage that declines where a condition holds."""
    return rules(f"id: {id_}, when: '{when}', then: DECLINE, reason: SMALL", name=f"{id_}_stage")


def outcome(written, factors=FULL, **inputs):
    """The outcome's word of a text on facts."""
    return str(decide(written, factors, **inputs).outcome)


ROOM = {"room": "limit.share * income.conservative_6m", "half": "derived.room / 2"}


@pytest.mark.parametrize(
    "bodies",
    [
        (LASTING, rule("derived.half < 1"), LIMIT),
        (LASTING, LIMIT.replace("[income.months_12m]", "[derived.half]")),
        (LASTING, LIMIT.replace("9000", "derived.half")),
    ],
)
def test_a_stage_before_its_table_cannot_use_it(bodies):
    """Neither an earlier stage nor the table itself; the message names what is waited for."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text(ROOM, *bodies))
    found = [d for d in compile_ruleset(files, CATALOGUE).diagnostics if d.code < "R5"]
    assert [d.code for d in found] == ["R209"]
    assert "it rests on `limit.share`" in render_all(found)


@pytest.mark.parametrize(("derived", "code"), cases("ruleset/late_derived"))
def test_the_order_of_lines_holds_for_those_that_wait(derived, code):
    """A line below, a circle, a wrong output, the offer and a wrong type are told as ever."""
    tail = "offer:\n  approved_amount: limit.most\n"
    assert code in problems(text(derived, LASTING, LIMIT, rule("derived.a > 1"), tail=tail))


def test_a_line_of_a_table_that_cannot_be_read_is_told_once():
    """The table's own fault is the only one."""
    broken = LIMIT.replace("hit: first", "hit: frist")
    found = problems(text(ROOM, LASTING, broken, rule("derived.half < 1")))
    assert [code for code in found if code < "R5"] == ["R123"]


def segment(name, customer):
    """The card of some customers."""
    card = BANDS_ALIKE.replace("id: card", f"id: {name}").replace(
        "name: score", f"name: {name}_score"
    )
    only = f"    segment: {customer}\n"
    return card.replace("    component:", f"{only}    component:")


def test_two_cards_make_one_band_whose_labels_are_known():
    """A table over the joint band needs a row for each of its labels, and for no other text."""
    fresh, again = segment("fresh", "new"), segment("again", "existing")
    derived = {"band": f"fresh.band if {NEW} else again.band"}
    table = LIMIT.replace("first", "unique").replace("[income.months_12m]", "[derived.band]")
    joint = table.replace('">= 6"', "A").replace('"-"', "B")
    tail = "offer:\n  approved_amount: limit.most\n"
    written = text(derived, fresh, again, joint, tail=tail)
    for customer in ("new", "existing"):
        assert decide(written, FULL, customer_type=customer).offer.approved_amount == php(9000)
    assert "R308" in problems(written.replace("[B, 2000", "[C, 2000"))


def test_coverage_follows_lines_over_what_stages_give():
    """A rule over a line that always has a value is not asked for as UNKNOWN."""
    always = LIMIT.replace("income.months_12m", "inputs.requested_term_months")
    needed = text({"most": "limit.most * 2"}, LASTING, always, rule("derived.most < 5000")).replace(
        "max: 36}", "max: 36, required: true}"
    )
    asked = {g.what for g in coverage(compiled(needed), ()).missed if g.which == "unknown"}
    assert asked == {"rule `fine`"}
    maybe = text({"most": "limit.most * 2"}, LASTING, always, rule("derived.most < 5000"))
    asked = {g.what for g in coverage(compiled(maybe), ()).missed if g.which == "unknown"}
    assert asked == {"rule `fine`", "rule `small`"}


def test_lines_that_each_read_the_line_before_twice_are_checked_at_once():
    """What a rule rests on is followed once for each line, not once for each way to it."""
    lines = [f"  s{n + 1}: derived.s{n} * derived.s{n}" for n in range(100)]
    tail = "derived:\n" + "\n".join(["  s0: income.months_12m", *lines]) + "\n"
    gate = rules(
        "id: far, when: derived.s100 > 5, then: DECLINE, reason: SHORT",
        "id: rest, when: income.months_12m >= 0, then: APPROVE",
    )
    assert "R507" not in problems(stages(gate, tail=tail))


TEXT = stages(FINE, GREY, head=AFFORDABLE, tail=OFFER)

CHOICE = """\
offer:
  term_months:
    of: [6, 12]
    when: annuity(inputs.requested_amount, 0.05, offer.term_months) <= derived.affordable / 9
"""

LONGEST_TERM = OFFER.replace("  term_months: inputs.requested_term_months\n", "").replace(
    "offer:\n", CHOICE
)


def priced(amount, text=TEXT, **factors):
    """What the verdict is, and the price of an amount by the rules that gave it."""
    ruleset = compiled(text)
    given = {**STEADY, "income.conservative_6m": php(35000), **factors}
    verdict = evaluate(ruleset, facts(given, **ASKED))
    return verdict, price(ruleset, verdict, amount)


def test_the_amount_of_an_offer_has_its_price():
    """Whatever the rules approve, a person who approves the same is told the same."""
    verdict, found = priced(php(20000))
    offer = verdict.offer
    assert (found.term_months, found.instalment) == (offer.term_months, offer.outputs["instalment"])
    least = php(1000)
    assert found == ApprovalTerms(6, php("3940.34"), minimum=least, offered=offer.most)


@pytest.mark.parametrize(
    ("factors", "outcome"),
    [
        ({"contributions.months_12m": 2}, Outcome.REFER),
        ({"income.conservative_6m": php(100)}, Outcome.DECLINE),
        ({"income.conservative_6m": Cause.SOURCE_FAILED}, Outcome.REFER),
    ],
)
def test_a_smaller_amount_costs_less_whatever_the_rules_concluded(factors, outcome):
    """Also where they declined, or where what is missing left them without an amount."""
    verdict, found = priced(php(10000), **factors)
    assert verdict.outcome is outcome
    offered = None if verdict.offer is None else verdict.offer.most
    assert found == ApprovalTerms(6, php("1970.17"), minimum=php(1000), offered=offered)


def test_a_price_leaves_the_verdict_as_it_was():
    """Traces and letters made of it later show the values of the rules."""
    ruleset = compiled(TEXT)
    verdict = evaluate(ruleset, facts({**STEADY, "income.conservative_6m": php(35000)}, **ASKED))
    before = [*verdict.raw_trace.values]
    price(ruleset, verdict, php(5000))
    assert [*verdict.raw_trace.values] == before


def test_a_term_that_the_product_chooses_is_the_persons():
    """The shortest that fits what was asked for; where none fits there are no terms."""
    assert priced(php(10000), stages(FINE, head=AFFORDABLE, tail=LONGEST_TERM))[1].term_months == 6
    poor = {"income.conservative_6m": php(2000)}
    _, found = priced(php(10000), stages(FINE, head=AFFORDABLE, tail=LONGEST_TERM), **poor)
    assert found == ApprovalTerms(minimum=php(1000))


@pytest.mark.parametrize(
    ("text", "amount"),
    [(stages(FINE), php(10000)), (TEXT, Money("USD", 10_000))],
    ids=["without an offer", "another currency"],
)
def test_what_no_offer_prices_has_no_terms(text, amount):
    """A letter then has the amount alone."""
    assert priced(amount, text)[1] == NO_TERMS


CAP = """\
  - name: legal
    component: LEGAL
    rules:
      - id: cap
        when: offer.approved_amount <= 10000 and inputs.declared_monthly_debt > 1000
        then: REFER
        reason: LEGAL
"""


@pytest.mark.parametrize(("amount", "debt", "failed"), cases("ruleset/pricing"))
def test_an_amount_is_checked_as_an_offer_is(amount, debt, failed):
    """A smaller one may fail a check that the rules' own passed, also for want of a value."""
    ruleset = compiled(stages(FINE, GREY, CAP, head=AFFORDABLE, tail=OFFER))
    given = {**STEADY, "income.conservative_6m": php(35000)}
    sent = {} if debt is None else {"declared_monthly_debt": php(debt)}
    verdict = evaluate(ruleset, facts(given, **ASKED, **sent))
    assert verdict.outcome is Outcome.APPROVE
    assert price(ruleset, verdict, php(amount)).failed_checks == tuple(failed)
