"""The rules that ship, against the cases that ship beside them."""

from __future__ import annotations

import pytest

from decision_service.language.diagnostics import render_all
from decision_service.ruleset.cases import case_target, coverage, parse_cases, run_cases
from decision_service.ruleset.compiler import compile_ruleset
from decision_service.ruleset.model import RulesetFiles
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import ROOT

RULES = ROOT / "rules"
PRODUCT = "personal-loan-ph"


@pytest.fixture(scope="module")
def shipped():
    """Version 1 as it ships, with the shared data files."""
    path = RULES / PRODUCT / "v1.yaml"
    data = {p.name: p.read_text() for p in sorted((RULES / "_data").glob("*.yaml"))}
    files = RulesetFiles(PRODUCT, f"rules/{PRODUCT}/v1.yaml", path.read_text(), data)
    return compile_ruleset(files, CATALOGUE)


def test_the_shipped_rules_have_nothing_to_remark_on(shipped):
    """The shipped rule file compiles without an error or a warning."""
    assert render_all(shipped.diagnostics) == ""
    assert shipped.ruleset is not None


def test_the_shipped_cases_pass_and_reach_everything(shipped):
    """Every shipped case passes, and together they reach every rule's truth and every reason."""
    results = []
    for path in sorted((RULES / PRODUCT / "tests").glob("*.yaml")):
        text = path.read_text()
        assert case_target(path.name, text).version == 1
        file = parse_cases(path.name, text, shipped.ruleset, CATALOGUE)
        assert render_all(file.diagnostics) == ""
        results += run_cases(shipped.ruleset, file.cases)
    assert [(r.case.name, r.differences, r.problem) for r in results if not r.passed] == []
    assert coverage(shipped.ruleset, results).missed == ()
