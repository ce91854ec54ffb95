"""Cases for what a product's rule tests do not reach."""

from __future__ import annotations

from collections.abc import Mapping

from decision_service.factors.registry import catalogue
from decision_service.pipeline.rules.loading import RuleFolder, files_of
from decision_service.pipeline.trial.rule_tests import VersionResults
from decision_service.ruleset.figures.reach import ready_cases
from decision_service.ruleset.testing.cases import Goal


def cases_for_missed(folder: RuleFolder, version: VersionResults) -> Mapping[Goal, str]:
    """For goals that a version's cases miss, the text of a case that reaches each.

    Failing cases are to be mended first: beside them there are none.
    """
    if version.failed:
        return {}
    ruleset, missed = version.ruleset, version.coverage.missed
    product = next(p for p in folder.products if p.product == ruleset.ruleset)
    files = files_of(folder, product, ruleset.version)
    return ready_cases(files, ruleset, catalogue(), version.results, missed)
