"""Caps that the versions make pointless or impossible."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from decision_service.rulebook.folder import RuleFolder, TextFile, read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.plans import plan_problems
from decision_service.rules.language.diagnostics import Diagnostic
from decision_service.rules.program import CompiledRuleset
from tests.fakes.plans import CHALLENGED, planned
from tests.fakes.shipped import CHAMPION
from tests.fakes.world import NOW, PRODUCT, RULES, rulebook
from tests.unit.rollout.plans import PATH, good

ALONE = CHALLENGED[: CHALLENGED.index("challenger:")]
CAPS = "caps:\n  - {name: a, tier: T4, amount_per_day: 1000}\n"
UNKNOWN = CAPS.replace("T4", "T44")
BARE = f"""\
ruleset: personal-loan-ph
version: {CHAMPION}
title: Bare
currency: PHP
time_zone: Asia/Manila
max_age: 35d
inputs: {{}}
reasons: {{}}
stages:
  - name: all
    component: POLICY
    rules: [{{id: connected, when: accounts.connected_count > 0, then: APPROVE}}]
"""


def found(bounds: str, *deciding: CompiledRuleset) -> Sequence[Diagnostic]:
    """What the checks say of a plan with these bounds, under the shipped loan or other versions."""
    text = ALONE + bounds
    versions = deciding or (rulebook().product(PRODUCT).champion,)
    return plan_problems(TextFile(PATH, text), None, good(text), versions)


@pytest.mark.parametrize(
    ("bounds", "code", "severity", "said", "hint"),
    [
        (UNKNOWN, "P310", "error", f"v{CHAMPION} has the tier `T44`", "did you mean `T4`?"),
        (CAPS.replace("1000", "999"), "P312", "warning", "is 999, below the smallest loan", "so"),
    ],
)
def test_a_bound_that_cannot_work_is_told_at_its_line(
    bounds: str, code: str, severity: str, said: str, hint: str
) -> None:
    """A tier that no offer has, and an amount below the smallest loan."""
    (one,) = found(bounds)
    assert (one.code, str(one.severity)) == (code, severity)
    assert said in one.message
    assert one.hint.startswith(hint)
    assert found(CAPS) == ()


def test_an_unknown_tier_refuses_the_plan() -> None:
    """A cap that counts nothing would be a gate that guards nothing."""
    loading = load_rules(planned(read_rules(RULES), ALONE + UNKNOWN), NOW)
    assert (loading.rulebook, [one.code for one in loading.errors]) == (None, ["P310"])


def champion(text: str) -> CompiledRuleset:
    """The loan's only version, as this text."""
    folder = read_rules(RULES)
    loan = next(one for one in folder.products if one.product == PRODUCT)
    loan = replace(loan, rulesets={CHAMPION: TextFile(f"v{CHAMPION}.yaml", text)})
    return rulebook(RuleFolder((loan,), folder.data)).product(PRODUCT).champion


def test_a_table_for_some_applicants_counts() -> None:
    """With `segment` a stage has its tiers, and the nearest tier is named."""
    text = (RULES / PRODUCT / f"v{CHAMPION}.yaml").read_text("utf-8")
    assert "component: TABLE\n" in text
    text = text.replace("component: TABLE\n", "component: TABLE\n    segment: new\n", 1)
    text = text.replace("stages:\n", "segments: [inputs.customer_type]\n\nstages:\n", 1)
    told = found(UNKNOWN, champion(text))
    assert [(one.code, one.hint) for one in told] == [("P310", "did you mean `T4`?")]


def test_bounds_on_amounts_need_amounts() -> None:
    """A version without offer and requested amount can keep no bound in pesos."""
    told = found(CAPS.replace("tier: T4, ", ""), champion(BARE))
    assert [one.code for one in told] == ["P311"]
