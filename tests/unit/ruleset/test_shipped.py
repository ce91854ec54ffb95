"""The rules that ship, against the cases that ship beside them."""

from __future__ import annotations

import pytest
import yaml

from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import files_of, read_rules
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.tests import coverage, run_cases
from decision_service.rules.tests_file import case_target, parse_cases
from tests.unit.ruleset.rulesets import ROOT

FOLDER = read_rules(ROOT / "rules")
PRODUCTS = {product.product: product for product in FOLDER.products}
SHIPPED = [(name, version) for name, p in PRODUCTS.items() for version in sorted(p.rulesets)]


def _compiled(name, version):
    return compile_ruleset(files_of(FOLDER, PRODUCTS[name], version), catalogue())


@pytest.mark.parametrize(("name", "version"), SHIPPED)
def test_the_shipped_rules_have_nothing_to_remark_on(name, version):
    """Every shipped rule file compiles without an error or a warning."""
    compilation = _compiled(name, version)
    assert render_all(compilation.diagnostics) == ""
    assert compilation.ruleset is not None


@pytest.mark.parametrize(("name", "version"), SHIPPED)
def test_the_shipped_cases_pass_and_reach_everything(name, version):
    """Every shipped case passes, and together they reach every branch, bin, row and reason."""
    ruleset = _compiled(name, version).ruleset
    files = [f for f in PRODUCTS[name].tests if case_target(f.path, f.text).version == version]
    results = []
    for found in files:
        file = parse_cases(found.path, found.text, ruleset, catalogue())
        assert render_all(file.diagnostics) == ""
        results += run_cases(ruleset, file.cases)
    assert [(r.case.name, r.differences, r.problem) for r in results if not r.passed] == []
    assert coverage(ruleset, results).missed == ()


@pytest.mark.parametrize(("name", "version"), SHIPPED)
def test_every_reason_and_condition_is_told_in_english_and_filipino(name, version):
    """An applicant in the Philippines reads each of them, and no text stands for two."""
    rules = yaml.safe_load((ROOT / "rules" / name / f"v{version}.yaml").read_text())
    texts = {code: reason["text"] for code, reason in rules["reasons"].items()}
    texts |= {condition["id"]: condition["text"] for condition in rules["conditions"]}
    assert [code for code, both in texts.items() if both.keys() != {"en", "fil"}] == []
    for language in ("en", "fil"):
        assert len({both[language] for both in texts.values()}) == len(texts)
    assert not any(both["en"] == both["fil"] for both in texts.values())
