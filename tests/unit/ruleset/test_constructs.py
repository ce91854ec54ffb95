"""Small products with one construct each: their cases pass, reach everything, and see each figure.

The files are in `tests/rulesets/constructs`, one folder for each product.
"""

from __future__ import annotations

import pytest

from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import files_of, read_rules
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.tests import coverage, run_cases
from decision_service.rules.tests_file import parse_cases
from decision_service.workbench.mutation import FiguresRun, report_on
from tests.unit.ruleset.rulesets import ROOT

FOLDER = read_rules(ROOT / "tests" / "rulesets" / "constructs")
PRODUCTS = {product.product: product for product in FOLDER.products}


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_a_construct_is_checked_tested_covered_and_its_figures_are_noticed(name):
    """Nothing is remarked on, every case passes, and no branch or figure goes untested."""
    product = PRODUCTS[name]
    files = files_of(FOLDER, product, 1)
    compilation = compile_ruleset(files, catalogue())
    assert render_all(compilation.diagnostics) == ""
    file = parse_cases(
        product.tests[0].path, product.tests[0].text, compilation.ruleset, catalogue()
    )
    assert render_all(file.diagnostics) == ""
    results = run_cases(compilation.ruleset, file.cases)
    assert [(r.case.name, r.differences, r.problem) for r in results if not r.passed] == []
    assert coverage(compilation.ruleset, results).missed == ()
    run = FiguresRun(files, compilation.ruleset, catalogue(), results)
    unnoticed = [t.change for t in report_on(run, file.marks).unnoticed]
    assert [f"{c.place.line} {c.at} {c.before} to {c.after}" for c in unnoticed] == []
