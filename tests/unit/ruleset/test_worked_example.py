"""The worked example of the rule language, with every construct, and its cases."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import Outcome, ReferKind
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import coverage, run_cases
from decision_service.rules.tests_file import parse_cases
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import ROOT, facts, php

FOLDER = ROOT / "tests" / "rulesets" / "worked_example"
PATH = "rules/personal-loan-ph/v1.yaml"


@pytest.fixture(scope="module")
def compilation():
    """The worked example, compiled."""
    text = (FOLDER / "v1.yaml").read_text()
    return compile_ruleset(RulesetFiles("personal-loan-ph", PATH, text), CATALOGUE)


@pytest.fixture(scope="module")
def example(compilation):
    """The worked example's ruleset."""
    assert compilation.ruleset is not None, render_all(compilation.diagnostics)
    return compilation.ruleset


def _facts(months_24, months_12, income, contributions, debt=0, **inputs):
    factors = {
        "accounts.connected_count": 1,
        "income.months_24m": months_24,
        "income.months_12m": months_12,
        "income.conservative_6m": php(income),
        "contributions.months_12m": contributions,
        "liabilities.monthly_amortization": php(debt),
    }
    asked = {"requested_amount": php(20000), "requested_term_months": 6}
    return facts(factors, **{**asked, **inputs})


def test_the_example_loads_with_two_warnings(compilation):
    """The worked example compiles; its unused input and what it does to first jobs are told."""
    found = [(d.code, d.severity) for d in compilation.diagnostics]
    assert found == [("R504", "warning"), ("R509", "warning")]
    assert "of 4 to 5" in compilation.diagnostics[1].message


def test_the_cases_of_the_example_pass(example):
    """The worked cases pass."""
    text = (FOLDER / "cases.yaml").read_text()
    file = parse_cases("cases.yaml", text, example, CATALOGUE)
    assert file.diagnostics == ()
    results = run_cases(example, file.cases)
    assert [(r.case.name, r.differences, r.problem) for r in results if not r.passed] == []
    assert len(results) == 3
    assert 0 < coverage(example, results).percent < 100


def test_no_facts_at_all_are_referred(example):
    """With no facts whatever the answer is REFER of kind DATA."""
    verdict = evaluate(example, Facts({}, {}, facts().as_of))
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
