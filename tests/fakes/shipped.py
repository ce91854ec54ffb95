"""The rules of this repository as they are, each version compiled once in a process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import files_of, read_rules
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import CompiledRuleset, RulesetFiles


def champion_of(product: str) -> int:
    """The champion of a shipped plan."""
    plan = next(one.plan for one in FOLDER.products if one.product == product)
    assert plan is not None
    return int(yaml.safe_load(plan.text)["champion"])


FOLDER = read_rules(Path(__file__).resolve().parents[2] / "rules")
FILES: Mapping[str, RulesetFiles] = {
    files.path: files
    for product in FOLDER.products
    for files in (files_of(FOLDER, product, version) for version in product.rulesets)
}
"""The files of each version by the path of its rule file."""
CHAMPION = champion_of("personal-loan-ph")
"""The version of the loan that the shipped plan names."""


@cache
def ruleset(path: str) -> CompiledRuleset:
    """A version, by the path of its rule file; fails the test where it does not compile."""
    compiled = compile_ruleset(FILES[path], catalogue())
    assert compiled.ruleset is not None, compiled.diagnostics
    return compiled.ruleset
