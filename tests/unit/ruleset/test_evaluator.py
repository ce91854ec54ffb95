"""Evaluation as a whole: a ruleset with every construct, loading, and generated rulesets."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.decision import Outcome
from decision_service.rules.evaluate import Facts, evaluate, load
from tests.unit.ruleset.generated import LAWS, anything
from tests.unit.ruleset.rulesets import HEAD, compiled, facts, php

ASKED = {"requested_amount": php(20000), "requested_term_months": 6}
EVERYTHING = """\
params:
  least_months: {type: integer, value: {2026-01-01: 4, 2027-01-01: 6}}
  rate: {type: number, value: 0.05}
derived:
  debt: coalesce(inputs.declared_monthly_debt, liabilities.monthly_amortization, 0)
  room: max(0.35 * income.conservative_6m - derived.debt, 0)
  share: derived.debt / income.conservative_6m
stages:
  - name: gate
    component: KNOCKOUT
    rules:
      - {id: short, when: income.months_12m < params.least_months, then: DECLINE, reason: SHORT}
      - id: volatile
        when: income.volatility_6m > 0.5 or derived.share > 0.8
        then: REFER
        reason: SHORTER
      - {id: default, when: income.months_12m >= 1, then: APPROVE}
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 10.5
      characteristics:
        - factor: employment.status
          reason: GAPS
          bins: [{in: EMPLOYED, points: 40}, {in: GIG | UNEMPLOYED, points: 2.25}]
        - factor: income.conservative_6m
          reason: DEBT
          when_missing: 0
          bins:
            - {in: "< 10000", points: 0}
            - {in: "[10000, 20000.50)", points: 20}
            - {in: ">= 20000.50", points: 30}
      bands:
        - {name: A, from: 60, then: APPROVE}
        - {name: B, from: 40, then: REFER}
        - {name: C, then: DECLINE}
  - name: price
    component: TABLE
    table:
      id: price
      hit: unique
      when: [card.band, employment.has_payroll]
      give: {factor: number, tier: text}
      rows:
        - [A, "-", 2, T1]
        - [B, true, 1 + derived.share, T2]
        - [B, false, 1, T3]
        - [C, "-", 0, T9]
  - name: told
    component: POLICY
    rules:
      - {id: dear, when: price.tier == "T3" or price.tier == "T9", then: REFER, reason: GAPS}
  - name: limit
    component: TABLE
    table:
      id: limit
      hit: first
      when: [income.conservative_6m]
      give: {most: money}
      rows:
        - ["<= 10000", income.conservative_6m]
        - ["(10000, 20000)", 2 * income.conservative_6m]
        - ["-", 50000]
  - name: legal
    component: LEGAL
    rules:
      - id: cap
        when: offer.approved_amount * offer.monthly_rate > 60000
        then: REFER
        reason: LEGAL
offer:
  max_amount: min(limit.most * price.factor, annuity_amount(derived.room, params.rate, 6))
  approved_amount: min(inputs.requested_amount, floor(offer.max_amount, 500))
  minimum_amount: 1000
  reason: SMALL
  term_months: inputs.requested_term_months * 2
  monthly_rate: 1 if price.tier == "T1" else params.rate
  tier: price.tier
  spare: offer.max_amount - offer.approved_amount
  payroll: employment.has_payroll
conditions:
  - {id: slip, when: offer.approved_amount > 10000, text: {en: A payslip}}
"""
VALUES = {
    "income.months_12m": st.integers(0, 12),
    "contributions.months_12m": st.integers(0, 12),
    "income.volatility_6m": st.decimals(0, 2, places=3),
    "income.conservative_6m": st.integers(0, 60_000).map(php),
    "liabilities.monthly_amortization": st.sampled_from([0, 500, "12000.50", 30000]).map(php),
    "employment.status": st.sampled_from(["EMPLOYED", "GIG", "UNEMPLOYED"]),
    "employment.has_payroll": st.booleans(),
}


@st.composite
def some_facts(draw):
    """Facts in which up to three factors have no value, or one of another type."""
    odd = st.dictionaries(st.sampled_from(sorted(VALUES)), anything, max_size=3)
    return {name: draw(values) for name, values in VALUES.items()} | draw(odd)


@pytest.fixture(scope="module")
def everything():
    """A ruleset with every construct and kind of cell."""
    return compiled(HEAD + EVERYTHING)


@LAWS
@given(some_facts(), st.lists(st.sampled_from([ASKED, {}, {"customer_type": "new"}]), max_size=3))
def test_factors_are_loaded_once_for_any_inputs(everything, given_facts, asked):
    """What was loaded before gives the same verdicts, and is left as it was."""
    found = facts(given_facts)
    loaded = load(everything, found.factors, found.as_of)
    for inputs in asked:
        plain = Facts(found.factors, inputs, found.as_of)
        again = Facts(found.factors, inputs, found.as_of, loaded)
        assert evaluate(everything, again) == evaluate(everything, plain)
    assert load(everything, found.factors, found.as_of) == loaded


def test_every_construct_has_its_part_in_a_verdict(everything):
    """A complete applicant gets a reduced offer, what binds it, and a condition."""
    given_facts = {
        "income.months_12m": 12,
        "income.volatility_6m": Decimal("0.1"),
        "income.conservative_6m": php(30000),
        "liabilities.monthly_amortization": php(0),
        "employment.status": "EMPLOYED",
        "employment.has_payroll": True,
    }
    asked = {**ASKED, "requested_amount": php(200000)}
    verdict = evaluate(everything, facts(given_facts, **asked))
    assert (verdict.outcome, verdict.offer.kind) == (Outcome.APPROVE, "REDUCED")
    assert verdict.offer.binding == "annuity_amount(derived.room, params.rate, 6)"
    assert [condition.id for condition in verdict.conditions] == ["slip"]


def test_one_missing_value_leaves_the_other_parts_alone(everything):
    """A scorecard that needs no missing value has a certain total."""
    given_facts = {"employment.status": "GIG", "income.conservative_6m": php(30000)}
    verdict = evaluate(everything, facts(given_facts, **ASKED))
    assert [(s.band, s.score, s.best_score) for s in verdict.scores] == [
        ("B", Decimal("42.75"), Decimal("42.75"))
    ]
