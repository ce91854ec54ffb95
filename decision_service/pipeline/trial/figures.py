"""What a product's tests do not notice or reach, and cases that would."""

from __future__ import annotations

from collections.abc import Mapping

from decision_service.factors.registry import catalogue
from decision_service.pipeline.rules.folder import RuleFolder, files_of
from decision_service.pipeline.trial.rule_tests import VersionResults
from decision_service.ruleset.figures.reach import ready_cases
from decision_service.ruleset.figures.report import FiguresReport, report_on
from decision_service.ruleset.figures.run import FiguresRun
from decision_service.ruleset.program.model import RulesetFiles
from decision_service.ruleset.testing.cases import Goal


def try_figures(folder: RuleFolder, tested: VersionResults) -> FiguresReport:
    """Every small change of a tested version's figures, against its cases that pass."""
    files = _files(folder, tested)
    run = FiguresRun(files, tested.ruleset, catalogue(), tested.results)
    return report_on(run.tried(), tested.marks)


def cases_for_missed(folder: RuleFolder, tested: VersionResults) -> Mapping[Goal, str]:
    """For goals that a version's cases miss, the text of a case that reaches each.

    Failing cases are to be mended first: beside them there are none.
    """
    if tested.failed:
        return {}
    files, missed = _files(folder, tested), tested.coverage.missed
    return ready_cases(files, tested.ruleset, catalogue(), tested.results, missed)


def _files(folder: RuleFolder, version: VersionResults) -> RulesetFiles:
    ruleset = version.ruleset
    product = next(p for p in folder.products if p.product == ruleset.ruleset)
    return files_of(folder, product, ruleset.version)
