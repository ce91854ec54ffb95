"""Caps that the versions make pointless or impossible."""

from __future__ import annotations

import pytest
from msgspec import structs

from decision_service.rulebook.folder import ProductTexts, RuleFolder, TextFile, read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rules.language.diagnostics import Diagnostic
from tests.fakes.plans import CHALLENGED, planned
from tests.fakes.world import NOW, PRODUCT, RULES

ALONE = CHALLENGED[: CHALLENGED.index("challenger:")]
CAPS = "caps:\n  - {name: a, tier: T4, amount_per_day: 1000}\n"
CODES = {f"P31{n}" for n in range(3)}


def found(folder: RuleFolder, bounds: str) -> list[Diagnostic]:
    """What the checks say of the shipped loan under a plan with these bounds."""
    told = load_rules(planned(folder, ALONE + bounds), NOW).diagnostics
    return [one for one in told if one.code in CODES]


@pytest.mark.parametrize(
    ("bounds", "code", "severity", "said"),
    [
        (CAPS.replace("T4", "T44"), "P310", "error", "v1 has the tier `T44`"),
        (CAPS.replace("1000", "999"), "P312", "warning", "is 999, below the smallest loan"),
    ],
)
def test_a_bound_that_cannot_work_is_told_at_its_line(
    bounds: str, code: str, severity: str, said: str
) -> None:
    """A tier that no offer has, and an amount below the smallest loan."""
    (one,) = found(read_rules(RULES), bounds)
    assert (one.code, str(one.severity)) == (code, severity)
    assert said in one.message
    assert one.quoted in bounds


def test_an_unknown_tier_has_its_nearest_and_refuses_the_plan() -> None:
    """`T44` is told `T4`; a cap that counts nothing would be a gate that guards nothing."""
    folder, bounds = read_rules(RULES), CAPS.replace("T4", "T44")
    assert found(folder, bounds)[0].hint == "did you mean `T4`?"
    assert load_rules(planned(folder, ALONE + bounds), NOW).rulebook is None


def test_good_bounds_are_silent() -> None:
    """The shipped loan has the tier and an offer."""
    assert found(read_rules(RULES), CAPS) == []


def test_a_table_for_some_applicants_counts() -> None:
    """With `segment` a stage has its tiers, and the nearest tier is named."""
    folder = read_rules(RULES)
    loan = next(one for one in folder.products if one.product == PRODUCT)
    text = loan.rulesets[1].text
    assert "component: TABLE\n" in text
    text = text.replace("component: TABLE\n", "component: TABLE\n    segment: new\n", 1)
    text = text.replace("stages:\n", "segments: [inputs.customer_type]\n\nstages:\n", 1)
    some = structs.replace(loan, rulesets={1: TextFile("v1.yaml", text)})
    told = found(RuleFolder((some,), folder.data), CAPS.replace("T4", "T44"))
    assert [(one.code, one.hint) for one in told] == [("P310", "did you mean `T4`?")]


BARE = """\
ruleset: personal-loan-ph
version: 1
title: Bare
currency: PHP
time_zone: Asia/Manila
max_age: 35d
inputs: {}
reasons: {}
stages:
  - name: all
    component: POLICY
    rules: [{id: connected, when: accounts.connected_count > 0, then: APPROVE}]
"""


def test_bounds_on_amounts_need_amounts() -> None:
    """A version without offer and requested amount can keep no bound in pesos."""
    product = ProductTexts(PRODUCT, f"rules/{PRODUCT}", {1: TextFile("v1.yaml", BARE)})
    folder = RuleFolder((product,), read_rules(RULES).data)
    told = found(folder, CAPS.replace("tier: T4, ", ""))
    assert {one.code for one in told} == {"P311"}
