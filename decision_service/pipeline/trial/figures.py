"""What a product's tests do not notice or reach, and cases that would."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import Report
from decision_service.pipeline.rules.folder import RuleFolder, files_of
from decision_service.pipeline.trial.plan_tests import (
    PlanResults,
    plan_cases_for_missed,
    try_plan_figures,
)
from decision_service.pipeline.trial.rule_tests import SuiteResults, VersionResults
from decision_service.ruleset.figures.model import Fate, Tried
from decision_service.ruleset.figures.reach import ready_cases
from decision_service.ruleset.figures.report import FiguresReport, report_on
from decision_service.ruleset.figures.run import FiguresRun
from decision_service.ruleset.program.model import RulesetFiles
from decision_service.ruleset.testing.cases import Goal


def try_figures(folder: RuleFolder, tested: SuiteResults) -> FiguresReport:
    """Every small change of a tested version's or plan's figures, against its cases that pass.

    Of a legal check that is marked under `unreached` those that go unnoticed are left out; T010
    where a made-up case breaks the check.
    """
    if isinstance(tested, PlanResults):
        return try_plan_figures(tested)
    files = _files(folder, tested)
    run = FiguresRun(files, tested.ruleset, catalogue(), tested.results)
    tried = [t for t in run.tried() if not _spared(t, tested, files)]
    found, broken = report_on(tried, tested.marks), Report()
    goals = {Goal(mark.rule.what, "true"): mark for mark in tested.unreached}
    cases = ready_cases(files, tested.ruleset, catalogue(), tested.results, tuple(goals))
    for goal, case in cases.items():
        message = f"the check `{goals[goal].rule.id}` is marked, and this case breaks it:\n{case}"
        broken.error("T010", goals[goal].place, message, "remove the mark, and take the case")
    return replace(found, problems=(*found.problems, *broken.diagnostics()))


def _spared(tried: Tried, tested: VersionResults, files: RulesetFiles) -> bool:
    """Whether a change goes unnoticed, and is of a legal check that nothing breaks."""
    if tried.fate is not Fate.UNNOTICED or tried.witness is not None:
        return False
    return any(mark.covers(tried.change.at, files.text) for mark in tested.unreached)


def cases_for_missed(folder: RuleFolder, tested: SuiteResults) -> Mapping[Goal, str]:
    """For goals that a version's or a plan's cases miss, the text of a case that reaches each.

    Failing cases are to be mended first: beside them there are none.
    """
    if isinstance(tested, PlanResults):
        return plan_cases_for_missed(tested)
    if tested.failed:
        return {}
    files, missed = _files(folder, tested), tested.coverage.missed
    return ready_cases(files, tested.ruleset, catalogue(), tested.results, missed)


def _files(folder: RuleFolder, version: VersionResults) -> RulesetFiles:
    ruleset = version.ruleset
    product = next(p for p in folder.products if p.product == ruleset.ruleset)
    return files_of(folder, product, ruleset.version)
