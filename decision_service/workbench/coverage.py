"""What a product's tests do not notice or reach, and test cases that would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from decision_service.factors.registry import catalogue
from decision_service.rulebook.claims import Measured
from decision_service.rulebook.folder import RuleFolder, files_of
from decision_service.rulebook.rule_tests import VersionResults
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.draft import names_in
from decision_service.rules.language.diagnostics import Diagnostic, Report
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import Goal
from decision_service.rules.tests_file import LegalMark
from decision_service.workbench.mutants import FigureChange
from decision_service.workbench.mutation import (
    FiguresReport,
    FiguresRun,
    report_on,
)
from decision_service.workbench.new_cases import ready_cases


def try_figures(folder: RuleFolder, tested: VersionResults) -> FiguresReport:
    """Every small change of a tested version's figures, against its cases that pass.

    Of a legal check that is marked under `unreached` those that go unnoticed are left out; T010
    where a made-up case breaks the check.
    """
    files = _files(folder, tested)
    run = FiguresRun(files, tested.ruleset, catalogue(), results=tested.results)
    legal = tested.unreached

    def is_legal(one: FigureChange) -> bool:
        return any(covers(mark, one.at, files.text) for mark in legal)

    found = report_on(run, tested.marks, is_legal)
    broken = Report()
    goals = {Goal(mark.rule.what, "true"): mark for mark in tested.unreached}
    cases = ready_cases(
        files, tested.ruleset, catalogue(), results=tested.results, missed=tuple(goals)
    )
    for goal, case in cases.items():
        message = f"the check `{goals[goal].rule.id}` is marked, and this case breaks it:\n{case}"
        broken.error("T010", goals[goal].place, message, "remove the mark, and take the case")
    return replace(found, problems=(*found.problems, *broken.diagnostics()))


def covers(mark: LegalMark, at: str, text: str) -> bool:
    """Whether a figure is the check's, or of a line that the file has for the check alone."""
    asked = names_in(mark.rule.when.text if mark.rule.when else "")
    named = names_in(text)
    lines = (name for name in asked if name.startswith(("params.", "derived.")))
    only = (f"{name}." for name in lines if named.count(name) == asked.count(name))
    return f"{at}.".startswith((f"{mark.stage}.{mark.rule.id}.", *only))


def counted(
    folder: RuleFolder,
    rulebook: Rulebook,
    results: Iterable[VersionResults],
    show: Callable[[str], None],
) -> tuple[Mapping[str, Measured], Sequence[Diagnostic]]:
    """What tests of each deciding version reach and notice, and wrong marks of figures."""
    wanted = rulebook.policy.floors.figures
    found: dict[str, Measured] = {}
    problems: list[Diagnostic] = []
    for one in results:
        if one.name in rulebook.deciding:
            show(f"trying the figures of {one.name} …")
            report = try_figures(folder, one) if wanted else FiguresReport(())
            problems.extend(report.problems)
            found[one.name] = Measured(one.coverage.percent, report.percent if wanted else 0)
    return found, problems


def cases_for_missed(folder: RuleFolder, tested: VersionResults) -> Mapping[Goal, str]:
    """For goals that a version's cases miss, the text of a case each; none while cases fail."""
    if tested.failed:
        return {}
    files = _files(folder, tested)
    missed = tested.coverage.missed
    return ready_cases(files, tested.ruleset, catalogue(), results=tested.results, missed=missed)


def _files(folder: RuleFolder, version: VersionResults) -> RulesetFiles:
    ruleset = version.ruleset
    product = next(p for p in folder.products if p.product == ruleset.ruleset)
    return files_of(folder, product, ruleset.version)
