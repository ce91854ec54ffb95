"""What a product's tests do not notice or reach, and cases that would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import Diagnostic
from decision_service.pipeline.rules.folder import RuleFolder, files_of
from decision_service.pipeline.rules.publishing.manifest import Measured
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.pipeline.trial.plan_tests import (
    PlanResults,
    plan_cases_for_missed,
    try_plan_figures,
)
from decision_service.pipeline.trial.rule_tests import SuiteResults, VersionResults
from decision_service.ruleset.figures.reach import ready_cases
from decision_service.ruleset.figures.report import FiguresReport, report_on
from decision_service.ruleset.figures.run import FiguresRun
from decision_service.ruleset.program.model import RulesetFiles
from decision_service.ruleset.testing.cases import Goal


def try_figures(folder: RuleFolder, tested: SuiteResults) -> FiguresReport:
    """Every small change of a tested version's or plan's figures, against its cases that pass."""
    if isinstance(tested, PlanResults):
        return try_plan_figures(tested)
    files = _files(folder, tested)
    run = FiguresRun(files, tested.ruleset, catalogue(), tested.results)
    return report_on(run.tried(), tested.marks)


def counted(
    folder: RuleFolder,
    rulebook: Rulebook,
    results: Iterable[SuiteResults],
    show: Callable[[str], None],
) -> tuple[Mapping[str, Measured], Sequence[Diagnostic]]:
    """What the tests of each version that may decide reach and notice, and wrong marks of figures.

    Each version is shown before its figures are tried, which takes half a minute.
    """
    wanted = rulebook.policy.floors.figures
    found: dict[str, Measured] = {}
    problems: list[Diagnostic] = []
    for one in results:
        if isinstance(one, VersionResults) and one.name in rulebook.deciding:
            show(f"trying the figures of {one.name} …")
            report = try_figures(folder, one) if wanted else FiguresReport(())
            problems.extend(report.problems)
            found[one.name] = Measured(one.coverage.percent, report.percent if wanted else 0)
    return found, problems


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
