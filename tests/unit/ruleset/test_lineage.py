"""Laws of missing data that hold on generated rulesets."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_service.domain.verdict import Outcome
from decision_service.ruleset.explain.trace import traces
from decision_service.ruleset.run.evaluator import Facts, evaluate
from tests.unit.ruleset.generated import (
    FACTORS,
    absent,
    all_facts,
    anything,
    loosely_compiled,
    tainted,
    texts,
    with_inputs,
)

LAWS = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _same_or_refer(text, given_facts, name, cause):
    ruleset = loosely_compiled(text)
    before = evaluate(ruleset, with_inputs(given_facts)).outcome
    after = evaluate(ruleset, with_inputs({**given_facts, name: cause})).outcome
    assert after in (before, Outcome.REFER)


@LAWS
@given(texts(handling=False), all_facts(), st.sampled_from(FACTORS), absent)
def test_a_missing_factor_leaves_the_outcome_or_refers(text, given_facts, name, cause):
    """Where a ruleset handles nothing, making a factor absent keeps the outcome or refers."""
    _same_or_refer(text, given_facts, name, cause)


@LAWS
@given(texts(handling=True), all_facts(), st.sampled_from(FACTORS), tainted)
def test_taint_leaves_the_outcome_or_refers(text, given_facts, name, cause):
    """Whatever a ruleset does about absent data, a tainted factor keeps the outcome or refers."""
    _same_or_refer(text, given_facts, name, cause)


@LAWS
@given(
    texts(handling=True),
    all_facts(),
    st.dictionaries(st.sampled_from(FACTORS), tainted, min_size=1),
)
def test_several_taints_leave_the_outcome_or_refer(text, given_facts, taints):
    """Any number of tainted factors together keep the outcome or refer."""
    ruleset = loosely_compiled(text)
    before = evaluate(ruleset, with_inputs(given_facts)).outcome
    after = evaluate(ruleset, with_inputs({**given_facts, **taints})).outcome
    assert after in (before, Outcome.REFER)


@LAWS
@given(texts(handling=True), st.dictionaries(st.sampled_from(FACTORS), anything), anything)
def test_evaluation_and_explanation_never_raise(text, given_facts, amount):
    """Facts of whatever kind give a verdict with reasons, and the verdict can be explained."""
    ruleset = loosely_compiled(text)
    facts = with_inputs(given_facts)
    facts = Facts(facts.factors, {"requested_amount": amount}, facts.as_of)
    verdict = evaluate(ruleset, facts)
    assert len(traces(ruleset, verdict)) == len(ruleset.program.stages + ruleset.program.closing)
    assert len(verdict.reasons) <= 4
    assert bool(verdict.reasons) is (verdict.outcome is not Outcome.APPROVE) or verdict.scores
