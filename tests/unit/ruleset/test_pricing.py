"""Term and instalment of what a person approves, by the lines of the offer."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import NO_TERMS, ApprovalTerms, Outcome
from decision_service.domain.values import Cause, Money
from decision_service.rules.evaluate import evaluate
from decision_service.rules.offer import price
from tests.kits.cases import cases
from tests.unit.ruleset.rulesets import compiled, facts, php, stages
from tests.unit.ruleset.test_offer import AFFORDABLE, ASKED, FINE, GREY, OFFER, STEADY

TEXT = stages(FINE, GREY, head=AFFORDABLE, tail=OFFER)
CHOICE = """\
offer:
  term_months:
    of: [6, 12]
    when: annuity(inputs.requested_amount, 0.05, offer.term_months) <= derived.affordable / 9
"""
CHOSEN = OFFER.replace("  term_months: inputs.requested_term_months\n", "").replace(
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
    assert priced(php(10000), stages(FINE, head=AFFORDABLE, tail=CHOSEN))[1].term_months == 6
    poor = {"income.conservative_6m": php(2000)}
    _, found = priced(php(10000), stages(FINE, head=AFFORDABLE, tail=CHOSEN), **poor)
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
