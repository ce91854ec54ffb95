"""Evaluation as a whole: a ruleset with every construct, loading, and generated rulesets."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.decision import Outcome
from decision_service.rules.evaluate import Facts, evaluate, load
from tests.kits.cases import case_text
from tests.unit.ruleset.generated import LAWS, anything
from tests.unit.ruleset.rulesets import HEAD, compiled, facts, php

ASKED = {"requested_amount": php(20000), "requested_term_months": 6}
EVERYTHING = case_text("ruleset/everything")
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
