"""What a product's tests do not notice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from decision_service.author.made_up_facts import Sampler
from decision_service.author.mutants import FigureChange
from decision_service.author.mutation import (
    SAMPLES,
    FiguresReport,
    FiguresRun,
    report_on,
)
from decision_service.factors.registry import catalogue
from decision_service.rulebook.claims import Measured
from decision_service.rulebook.folder import RuleFolder, files_of
from decision_service.rulebook.rule_tests import VersionResults
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.draft import names_in
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.language.diagnostics import Diagnostic, Report
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.tests import Goal, goals_reached
from decision_service.rules.tests_file import LegalMark

ROUNDS = 2


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
    for goal in reached_by_made_up(run, frozenset(goals)):
        message = f"the check `{goals[goal].rule.id}` is marked, and made-up facts break it"
        hint = "remove the mark, and write a case that breaks it"
        broken.error("T010", goals[goal].place, message, hint)
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


def reached_by_made_up(run: FiguresRun, wanted: frozenset[Goal]) -> list[Goal]:
    """Which of the goals made-up facts reach, in the order of the goals' names."""
    found: dict[Goal, Facts] = {}
    bases: Sequence[Facts] | None = None
    # in the second round those that reached something are changed further
    for _ in range(ROUNDS if wanted else 0):
        for facts in _on_days_of_parameters(run.ruleset, run.sampler_of(bases)):
            for goal in wanted.intersection(
                goals_reached(run.ruleset, evaluate(run.ruleset, facts))
            ):
                found.setdefault(goal, facts)
        bases = [*found.values()] or None
    return sorted(found, key=str)


def _on_days_of_parameters(ruleset: CompiledRuleset, sampler: Sampler) -> Iterator[Facts]:
    """Facts of days on which every parameter has a value; an input may not be sent."""
    for spec in ruleset.inputs.values():
        pool = sampler.pools[f"inputs.{spec.name}"]
        if not spec.required and None not in pool:
            pool.append(None)
    begins = date.min
    for param in ruleset.params.values():
        begins = max(begins, *[each.steps[0].start or date.min for each in param.series])
    for sample in sampler.samples(SAMPLES):
        if sample.as_of.date >= begins:
            yield sample


def _files(folder: RuleFolder, version: VersionResults) -> RulesetFiles:
    ruleset = version.ruleset
    product = next(p for p in folder.products if p.product == ruleset.ruleset)
    return files_of(folder, product, ruleset.version)
