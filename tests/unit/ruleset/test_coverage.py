"""What coverage asks for: every branch that some applicant can reach, and no other."""

from __future__ import annotations

import re

import pytest

from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.tests import certain_rules, coverage, goals_reached
from tests.kits.cases import cases
from tests.oracles.rule_facts import facts as drawn_facts
from tests.oracles.rulesets import ruleset_text
from tests.unit.ruleset.generated import loosely_compiled
from tests.unit.ruleset.rulesets import HEAD, compiled, legal, rules, stages

REQUIRED = HEAD.replace("max: 500000}", "max: 500000, required: true}").replace(
    "max: 36}", "max: 36, required: true}"
)
PARAMS = "params:\n  cap: {type: number, value: 0.15}\n"
DERIVED = """\
derived:
  debt: coalesce(inputs.declared_monthly_debt, 0)
  share: derived.debt / inputs.requested_amount
  factor_debt: derived.debt + liabilities.monthly_amortization
  instalment: annuity(inputs.requested_amount, params.cap, inputs.requested_term_months)
  is_new: coalesce(inputs.customer_type, "new") == "new"
"""
OFFER = """\
offer:
  approved_amount: min(inputs.requested_amount, 3 * income.conservative_6m)
  term_months: inputs.requested_term_months
  monthly_rate: params.cap / 2
  instalment: annuity(offer.approved_amount, offer.monthly_rate, offer.term_months)
"""


def unknown_asked(when, *, offered=False):
    """Whether coverage asks for the UNKNOWN of a rule with this condition."""
    fine = "id: fine, when: income.months_24m >= 6, then: APPROVE"
    line = f"id: asked, when: '{when}', then: REFER, reason: LEGAL"
    gates = [rules(fine), legal(line)] if offered else [rules(fine, line)]
    ruleset = compiled(stages(*gates, head=REQUIRED + PARAMS + DERIVED, tail=OFFER))
    asked = {goal.what for goal in coverage(ruleset, ()).missed if goal.which == "unknown"}
    assert "rule `fine`" in asked
    return "rule `asked`" in asked


@pytest.mark.parametrize("when", cases("ruleset/coverage")["known"])
def test_what_cannot_be_unknown_is_not_asked_for(when):
    """Required inputs, parameters, and what `coalesce` and bounds make of them have a truth."""
    assert not unknown_asked(when)


@pytest.mark.parametrize("when", cases("ruleset/coverage")["unknown"])
def test_what_can_be_unknown_is_asked_for(when):
    """A factor, an input that may be left out, and a divisor that may be zero need a case."""
    assert unknown_asked(when)


@pytest.mark.parametrize(("when", "asked"), cases("ruleset/coverage")["post_checks"])
def test_a_post_check_sees_an_offer_that_was_made(when, asked):
    """Its amount is above zero, and lines over what has values have values."""
    assert unknown_asked(when, offered=True) is asked


CHOSEN = """\
offer:
  term_months:
    of: {terms}
    when: {fits}
  approved_amount: inputs.requested_amount
  minimum_amount: 1000
  reason: LEGAL
"""
RATE = "  rate: {type: number, value: {new: 0.1, existing: 0.05}}\n"
SEGMENTS = "segments: [inputs.customer_type]\n"


@pytest.mark.parametrize("terms", [[12, 3], [3, 12]])
@pytest.mark.parametrize(("fits", "asked"), cases("ruleset/coverage")["chosen_terms"])
def test_what_a_chosen_term_rests_on_has_a_value_in_an_offer(terms, fits, asked):
    """A post-check on a parameter by label that each fitting term needs is never UNKNOWN."""
    fine = rules("id: fine, when: income.months_24m >= 6, then: APPROVE")
    check = "id: asked, when: 'params.rate > 0.07', then: REFER, reason: LEGAL"
    tail = CHOSEN.format(terms=terms, fits=fits)
    derived = DERIVED + "  priced: params.rate * 40\n"
    head = REQUIRED + PARAMS + RATE + SEGMENTS + derived
    ruleset = compiled(stages(fine, legal(check), head=head, tail=tail))
    missed = {goal.what for goal in coverage(ruleset, ()).missed if goal.which == "unknown"}
    assert ("rule `asked`" in missed) is asked
    assert "parameter `rate`" in missed


INPUTS_TO_SEND = re.compile(r"(?m)^(  \w+: \{type: (?:money|integer|flag|text, one_of: .*))\}$")


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("seed", [*range(30), 1010, 1324])
def test_what_is_not_asked_for_never_comes(seed, required):
    """No made-up applicant makes a condition UNKNOWN that is held to have a truth."""
    text = ruleset_text(seed)
    head, stages_, rest = text.partition("reasons:\n")
    ruleset = loosely_compiled(
        INPUTS_TO_SEND.sub(r"\1, required: true}", head) + stages_ + rest if required else text
    )
    certain = certain_rules(ruleset)
    for number in range(25 if certain else 0):
        factors, inputs, as_of = drawn_facts(text, number)
        if not _unsent(ruleset, inputs):
            verdict = evaluate(ruleset, Facts(factors, inputs, as_of))
            reached = goals_reached(ruleset, verdict)
            assert not {goal.what for goal in reached if goal.which == "unknown"} & certain


def _unsent(ruleset, inputs):
    """Required inputs that are not there: such an application reaches no rule."""
    return {name for name, spec in ruleset.inputs.items() if spec.required} - inputs.keys()
