"""People of the shipped products: those of their rule tests, and others who differ a little."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from decision_service.casework.recourse_changes import laws_between
from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import files_of, read_rules
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.yaml import MapNode, read
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.tests import run_cases
from decision_service.rules.tests_file import parse_cases
from decision_service.workbench.made_up_facts import Sampler, figures_near

RULES = Path(__file__).parents[3] / "rules"
VERSIONS = (("personal-loan-ph", 1), ("personal-loan-ph", 2), ("gig-advance-ph", 1))


@cache
def product(name: str, version: int) -> CompiledRuleset:
    """The rules of a shipped version."""
    found = compile_ruleset(_files(name, version), catalogue()).ruleset
    assert found is not None
    return found


@cache
def cases(name: str, version: int) -> dict[str, Facts]:
    """The facts of a version's rule tests by the name of the case."""
    ruleset = product(name, version)
    file = RULES / name / "tests" / f"v{version}.yaml"
    found = parse_cases(file.name, file.read_text(), ruleset, catalogue()).cases
    results = run_cases(ruleset, found)
    return {r.case.name: r.facts for r in results if r.facts is not None}


def people(name: str, version: int, count: int) -> Iterator[Facts]:
    """So many made-up people at most: those of cases, with other values of a few factors.

    People who break a law between factors are left out.
    """
    ruleset, files = product(name, version), _files(name, version)
    root = read(files.path, files.text, Report())
    assert isinstance(root, MapNode)
    near = figures_near(root, ruleset.params, ruleset.currency)
    bases = list(cases(name, version).values())
    laws = laws_between(ruleset.needs.factors, ruleset.currency)
    for facts in Sampler(ruleset, catalogue(), bases, near).samples(count):
        if not laws.broken(facts.factors):
            yield facts


def _files(name: str, version: int) -> RulesetFiles:
    folder = read_rules(RULES)
    [found] = [each for each in folder.products if each.product == name]
    return files_of(folder, found, version)
