"""Whether a product's rule tests notice when a figure of a version is another one."""

from __future__ import annotations

from decision_service.factors.registry import catalogue
from decision_service.pipeline.rules.loading import RuleFolder, files_of
from decision_service.pipeline.trial.rule_tests import VersionResults
from decision_service.ruleset.figures.report import FiguresReport, report_on
from decision_service.ruleset.figures.run import FiguresRun


def try_figures(folder: RuleFolder, version: VersionResults) -> FiguresReport:
    """Every small change of a tested version's figures, against its cases that pass."""
    ruleset = version.ruleset
    product = next(p for p in folder.products if p.product == ruleset.ruleset)
    files = files_of(folder, product, ruleset.version)
    run = FiguresRun(files, ruleset, catalogue(), version.results)
    return report_on(run.tried(), version.marks)
