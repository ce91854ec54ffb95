"""Laws of missing data that hold on made-up rulesets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.decision import Outcome
from decision_service.rules.evaluate import Facts, evaluate, traces
from tests.oracles.rulesets import FACTORS
from tests.unit.ruleset.generated import LAWS, absent, anything, cases, tainted
from tests.unit.ruleset.rulesets import value

NAMES = st.sampled_from(sorted(FACTORS))


def _same_or_refer(case, causes):
    ruleset, factors, inputs, as_of = case
    before = evaluate(ruleset, Facts(factors, inputs, as_of)).outcome
    worse = {name: value(name, cause) for name, cause in causes.items()}
    after = evaluate(ruleset, Facts({**factors, **worse}, inputs, as_of)).outcome
    assert after in (before, Outcome.REFER)


@LAWS
@given(cases(handling=False, complete=True), NAMES, absent)
def test_a_missing_factor_leaves_the_outcome_or_refers(case, name, cause):
    """Where a ruleset handles nothing, making a factor absent keeps the outcome or refers."""
    _same_or_refer(case, {name: cause})


@LAWS
@given(cases(complete=True), st.dictionaries(NAMES, tainted, min_size=1))
def test_taints_leave_the_outcome_or_refer(case, causes):
    """Whatever a ruleset does about absent data, tainted factors keep the outcome or refer."""
    _same_or_refer(case, causes)


@LAWS
@given(cases(anything), anything)
def test_evaluation_and_explanation_never_raise(case, amount):
    """Facts of whatever kind give a verdict with reasons, and the verdict can be explained."""
    ruleset, factors, inputs, as_of = case
    facts = Facts(factors, {**inputs, "requested_amount": amount}, as_of)
    verdict = evaluate(ruleset, facts)
    assert evaluate(ruleset, facts) == verdict
    assert len(traces(ruleset, verdict)) == len(ruleset.program.stages + ruleset.program.closing)
    assert len(verdict.reasons) <= 4
    assert bool(verdict.reasons) is (verdict.outcome is not Outcome.APPROVE) or verdict.scores
