"""The `recourse:` section: what it holds, what it changes, and how a difference is told."""

from __future__ import annotations

from decision_service.rulebook.differences import compare
from decision_service.rules.program import RulesetFiles
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import compiled, problems, rules, stages

DEBT = "id: debt, when: liabilities.monthly_amortization > 900, then: DECLINE, reason: DEBT"
FINE = "id: fine, when: income.months_12m >= 6, then: APPROVE"
PLAIN = stages(rules(DEBT, FINE))
TOLD = f"{PLAIN}recourse: [liabilities.monthly_amortization, waiting]\n"


def test_nothing_is_told_unless_it_is_written():
    """Without the section nobody may be told of anything."""
    assert compiled(PLAIN).tell == frozenset()
    assert compiled(TOLD).tell == {"liabilities.monthly_amortization", "waiting"}


def test_what_is_told_belongs_to_the_version():
    """The digest differs by it, and not by the order in which it is written."""
    turned = TOLD.replace(
        "[liabilities.monthly_amortization, waiting]", "[waiting, liabilities.monthly_amortization]"
    )
    assert compiled(TOLD).digest == compiled(turned).digest
    assert compiled(TOLD).digest != compiled(PLAIN).digest


def test_it_names_no_factor_for_the_rules():
    """A factor that is only told of is not fetched, and the checker warns of it."""
    text = stages(rules(FINE)) + "recourse: [liabilities.monthly_amortization]\n"
    assert "R515" in problems(text)
    assert "liabilities.monthly_amortization" not in compiled(text).needs.factors


def test_an_empty_or_unknown_entry_is_refused():
    """A list without entries, an unknown key, and what the calendar moves."""
    assert "R123" in problems(f"{PLAIN}recourse: []\n")
    assert "R122" in problems(f"{PLAIN}recourse: {{tell: [waiting]}}\n")
    assert "R217" in problems(f"{PLAIN}recourse: [income.months_12m]\n")


def test_a_difference_of_it_is_told():
    """`rules diff` says what may be told from now on."""
    pair = [RulesetFiles("test-loan", "rules/test-loan/v1.yaml", t) for t in (PLAIN, TOLD)]
    found = [c for c in compare(*pair, CATALOGUE).changes if c.group == "recourse"]
    assert [c.subject for c in found] == ["applicants may learn of"]
    assert "waiting" in found[0].words
