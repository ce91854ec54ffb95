"""The generated function of a ruleset, and the careful way it must agree with."""

from __future__ import annotations

import io
import re
import token
import tokenize
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.verdict import Outcome
from decision_service.ruleset.constructs.conditions import DemandsRunner
from decision_service.ruleset.constructs.lookup import TableRunner
from decision_service.ruleset.constructs.offering import OfferRunner
from decision_service.ruleset.constructs.ruling import RulesRunner
from decision_service.ruleset.constructs.scoring import ScorecardRunner
from decision_service.ruleset.evaluator import Facts, evaluate, load
from tests.unit.ruleset.generated import (
    ASKED,
    FACTORS,
    all_facts,
    anything,
    loosely_compiled,
    texts,
    with_inputs,
)
from tests.unit.ruleset.rulesets import HEAD, compiled, facts, php

LAWS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
RUNNERS = (RulesRunner, ScorecardRunner, TableRunner, OfferRunner, DemandsRunner)

EVERYTHING = """\
params:
  least_months: {type: integer, values: {2026-01-01: 4, 2027-01-01: 6}}
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
      base: 10.5
      characteristics:
        - factor: employment.status
          reason: GAPS
          bins: [{in: EMPLOYED, points: 40}, {in: GIG | UNEMPLOYED, points: 2.25}]
        - factor: income.conservative_6m
          reason: DEBT
          missing: 0
          bins:
            - {in: "< 10000", points: 0}
            - {in: "[10000, 20000.50)", points: 20}
            - {in: ">= 20000.50", points: 30}
      bands:
        - {band: A, from: 60, then: APPROVE}
        - {band: B, from: 40, then: REFER}
        - {band: C, then: DECLINE}
  - name: price
    component: TABLE
    table:
      id: price
      hit: unique
      when: [card.band, employment.has_payroll]
      give: {factor: number, tier: text, outcome: text}
      reason: GAPS
      rows:
        - [A, "-", 2, T1, "-"]
        - [B, true, 1 + derived.share, T2, APPROVE]
        - [B, false, 1, T3, REFER]
        - [C, "-", 0, T9, DECLINE]
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
offer:
  max_amount: min(limit.most * price.factor, annuity_amount(derived.room, params.rate, 6))
  approved_amount: min(inputs.requested_amount, floor(offer.max_amount, 500))
  minimum_amount: 1000
  below_minimum: SMALL
  term_months: inputs.requested_term_months * 2
  monthly_rate: 1 if price.tier == "T1" else params.rate
  tier: price.tier
  spare: offer.max_amount - offer.approved_amount
  payroll: employment.has_payroll
conditions:
  - {id: slip, when: offer.approved_amount > 10000, text: {en: A payslip}}
post_checks:
  - {id: cap, when: offer.approved_amount * offer.monthly_rate > 60000, then: REFER, reason: LEGAL}
"""
MORE = {
    "income.volatility_6m": st.decimals(0, 2, places=3),
    "income.conservative_6m": st.integers(0, 60_000).map(php),
}


@st.composite
def some_facts(draw):
    """Facts in which up to three factors have no value, or one of another type."""
    given_facts = draw(all_facts())
    given_facts.update({name: draw(values) for name, values in MORE.items()})
    odd = st.dictionaries(st.sampled_from((*FACTORS, *MORE)), anything, max_size=3)
    return {**given_facts, **draw(odd)}


def carefully(ruleset):
    """The ruleset without its generated functions."""
    program = ruleset.program

    def load(factors, parameters, _gone):
        return factors, parameters

    def run(loaded, inputs, state):
        factors, parameters = loaded
        state.values = list(parameters)
        program.parts.run(factors, inputs, state)

    quick = replace(program.quick, load=load, run=run)
    return replace(ruleset, program=replace(program, quick=quick))


@LAWS
@given(texts(handling=True), some_facts())
def test_generated_rulesets_give_the_same_verdict_either_way(text, given_facts):
    """The generated function and the closures come to the same verdict and the same values."""
    ruleset, given_facts = loosely_compiled(text), with_inputs(given_facts)
    assert evaluate(ruleset, given_facts) == evaluate(carefully(ruleset), given_facts)


@pytest.fixture(scope="module")
def everything():
    """A ruleset with every construct and kind of cell."""
    return compiled(HEAD + EVERYTHING)


@LAWS
@given(some_facts(), st.sampled_from([ASKED, {}, {"requested_amount": php(900)}]), anything)
def test_every_construct_gives_the_same_verdict_either_way(everything, given_facts, asked, debt):
    """Derived names, all hit policies, offer, conditions and post-checks agree in both ways."""
    found = facts(given_facts, **{**asked, "declared_monthly_debt": debt})
    assert evaluate(everything, found) == evaluate(carefully(everything), found)


@LAWS
@given(some_facts(), st.lists(st.sampled_from([ASKED, {}, {"customer_type": "new"}]), max_size=3))
def test_factors_are_loaded_once_for_any_inputs(everything, given_facts, asked):
    """What was loaded before gives the same verdicts, traced or not, and is left as it was."""
    found = facts(given_facts)
    loaded = load(everything, found.factors, found.as_of)
    for inputs in asked:
        plain = Facts(found.factors, inputs, found.as_of)
        again = Facts(found.factors, inputs, found.as_of, loaded)
        for traced in (False, True):
            expected = evaluate(everything, plain, traced=traced)
            assert evaluate(everything, again, traced=traced) == expected
    assert load(everything, found.factors, found.as_of) == loaded


def test_where_all_values_are_there_only_the_generated_function_runs(everything, monkeypatch):
    """No part is asked the careful way, up to a reduced offer with a condition."""
    for runner in RUNNERS:
        monkeypatch.setattr(runner, "run", _refuse)
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


def _refuse(*_given):
    raise AssertionError("the careful way was asked")


def test_one_missing_value_leaves_the_other_parts_to_the_generated_function(
    everything, monkeypatch
):
    """A part that needs no missing value is not asked the careful way."""
    monkeypatch.setattr(ScorecardRunner, "run", _refuse)
    given_facts = {"employment.status": "GIG", "income.conservative_6m": php(30000)}
    verdict = evaluate(everything, facts(given_facts, **ASKED))
    assert [score.band for score in verdict.scores] == ["B"]


HOSTILE = "'\"); import os; (', 'new'"


@pytest.mark.parametrize("function", ["quick", "traced"])
def test_nothing_that_an_author_wrote_is_printed_into_the_source(function):
    """The source holds fixed words, numbered names and slot numbers; no text, no literal."""
    hostile = (
        HEAD.replace("new, existing", HOSTILE)
        + "stages:\n  - name: gate\n    component: KNOCKOUT\n    rules:\n"
        f"      - id: import_os\n        when: >-\n          inputs.customer_type == {HOSTILE[:-7]}"
        " or income.conservative_6m < 1234.56 or income.months_12m * 77 == 3\n"
        "        then: DECLINE\n        reason: SHORT\n"
        "      - {id: default, when: income.months_12m >= 1, then: APPROVE}\n"
    )
    program = compiled(hostile).program
    quick = program.quick if function == "quick" else program.traced()
    tokens = list(tokenize.generate_tokens(io.StringIO(quick.source).readline))
    names = {t.string for t in tokens if t.type == token.NAME}
    assert not [t for t in tokens if t.type == token.STRING]
    assert not [n for n in names if not re.fullmatch(r"[vctf]\d+|[A-Za-z_]+", n)]
    assert not names & {"import", "os", "income", "short", "SHORT", "customer_type"}
    assert {t.string for t in tokens if t.type == token.NUMBER} <= {
        str(n) for n in range(len(program.timeline.periods[0].values))
    }
    assert 123456 in quick.bound.values()
