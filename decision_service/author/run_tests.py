"""`rules test`: what comes out of the cases and why, what none of them reaches or notices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from decision_service.author.check import as_dict
from decision_service.author.coverage import try_figures
from decision_service.author.folder import (
    DEFAULT_PATH,
    LoadedRules,
    PathArgument,
    RulesSelection,
    shown_name,
)
from decision_service.author.mutants import Fate
from decision_service.author.mutation import FiguresReport
from decision_service.author.show import (
    Explanation,
    explanation_dict,
    explanation_tree,
)
from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    console,
    print_json,
    print_lines,
    whole,
)
from decision_service.rulebook.rule_tests import VersionResults, run_rule_tests, why
from decision_service.rules.language.diagnostics import Diagnostic, Severity, count, render
from decision_service.rules.tests import CaseResult

_Found = tuple[VersionResults, CaseResult]
_WORDS = {
    Fate.NOTICED: "noticed",
    Fate.REFUSED: "refused by the check",
    Fate.NO_DIFFERENCE: "without a difference",
    Fate.MARKED: "marked",
    Fate.UNNOTICED: "not noticed",
}


def run_tests(
    path: PathArgument = DEFAULT_PATH,
    fail_under: Annotated[int, whole("least coverage in percent", "--fail-under", most=100)] = 0,
    figures: Annotated[
        bool, typer.Option("--figures", help="find figures that no test notices when they change")
    ] = False,
    fail_under_figures: Annotated[
        int,
        whole(
            "least share of noticed changes in percent; implies --figures",
            "--fail-under-figures",
            most=100,
        ),
    ] = 0,
    show: Annotated[
        str, typer.Option("--show", metavar="NAME", help="show how this case comes out, and why")
    ] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Exit code 1 when one fails or there is none."""
    rules = LoadedRules.read(path)
    selection = rules.selection
    results = run_rule_tests(selection.folder, rules.rulebook)
    versions = [version for version in results if _selected(version, selection)]
    if show:
        print_case(versions, show, form)
        return
    wanted = versions if figures or fail_under_figures else []
    tried = [(v, try_figures(selection.folder, v)) for v in wanted if _is_right(v)]
    if form is Format.JSON:
        reports = {id(version): figures_dict(report) for version, report in tried}
        print_json([results_dict(v) | {"figures": reports.get(id(v))} for v in versions])
    else:
        for version in versions:
            print_results(version)
        for version, report in tried:
            print_figures(version.name, report)
        for version in wanted:
            if not _is_right(version):
                console().print(f"{version.name}: figures are tried once all tests pass")
    judge_figures(tried, fail_under_figures)
    _judge(versions, fail_under)


def print_figures(name: str, report: FiguresReport) -> None:
    out = console()
    for one in report.unnoticed:
        change = one.change
        place = one.change.place
        words = f"{change.at} from {change.before} to {change.after}"
        print_lines(f"{place.file}:{place.line}: no test notices {words}")
    print_lines(*map(render, report.problems))
    counts = ", ".join(f"{report.count(fate)} {_WORDS[fate]}" for fate in Fate)
    total = len(report.tried)
    out.print(f"{name}: {total} changes of figures: {counts}; figures {report.percent} %")


def figures_dict(report: FiguresReport) -> dict[str, Any]:
    return {
        "percent": report.percent,
        "changes": len(report.tried),
        "marked": report.count(Fate.MARKED),
        "unnoticed": [
            {
                "file": one.change.place.file,
                "line": one.change.place.line,
                "at": one.change.at,
                "from": one.change.before,
                "to": one.change.after,
            }
            for one in report.unnoticed
        ],
        "problems": [f"{p.file}:{p.line}: {p.code}: {p.message}" for p in report.problems],
    }


def judge_figures(tried: Iterable[tuple[VersionResults, FiguresReport]], fail_under: int) -> None:
    """CommandError with every version of which too few figures are noticed, or marks are wrong."""
    found: list[str] = []
    for version, report in tried:
        if report.percent < fail_under:
            found.append(
                f"of the changes of figures of {version.name} {report.percent} % are noticed, "
                f"less than the {fail_under} % asked for"
            )
        if report.problems:
            found.append(f"{count(report.problems)} in the marks of {version.name}: mend them")
    if found:
        raise CommandError("; ".join(found), Exit.FINDINGS)


def _errors(version: VersionResults) -> list[Diagnostic]:
    return [p for p in version.problems if p.severity is Severity.ERROR]


def print_case(suites: Sequence[VersionResults], name: str, form: Format) -> None:
    """Show every case of this name, else with it as a part; typer.Exit where one fails."""
    every: list[_Found] = [(suite, result) for suite in suites for result in suite.results]
    wanted = name.casefold()
    found = [one for one in every if one[1].case.name.casefold() == wanted]
    found = found or [one for one in every if wanted in one[1].case.name.casefold()]
    if not found:
        names = [result.case.name for _, result in every]
        close = get_close_matches(name, names, 1, 0.3)
        hint = f"did you mean `{close[0]}`?" if close else "write a part of its name"
        raise CommandError(f"no case is called `{name}`: {hint}")
    if form is Format.JSON:
        print_json([_case_dict(*one) for one in found])
    else:
        for suite, result in found:
            _print(suite, result)
    if not all(result.passed for _, result in found):
        raise typer.Exit(Exit.FINDINGS)


def print_result(result: CaseResult) -> None:
    out = console()
    place = result.case.place
    out.print(f"{place.file}:{place.line}: FAILED {result.case.name}", markup=False)
    for difference in result.differences:
        out.print(f"  {difference.field}", markup=False)
        out.print(f"    expected {difference.expected}", markup=False)
        out.print(f"    actual   {difference.actual}", markup=False)
    if result.problem:
        out.print(f"  {result.problem}", markup=False)


def _print(suite: VersionResults, result: CaseResult) -> None:
    if result.passed:
        place = result.case.place
        console().print(f"{place.file}:{place.line}: passed {result.case.name}", markup=False)
    else:
        print_result(result)
    if (explained := _explanation(suite, result)) is not None:
        console().print(explanation_tree(explained))


def _case_dict(suite: VersionResults, result: CaseResult) -> dict[str, object]:
    place = result.case.place
    explained = _explanation(suite, result)
    return {
        "name": result.case.name,
        "file": place.file,
        "line": place.line,
        "passed": result.passed,
        "differences": [
            {"field": d.field, "expected": d.expected, "actual": d.actual}
            for d in result.differences
        ],
        "problem": result.problem,
        **({} if explained is None else explanation_dict(explained)),
    }


def _explanation(suite: VersionResults, result: CaseResult) -> Explanation | None:
    return None if result.facts is None else Explanation.of(suite.ruleset, result.facts)


def results_dict(version: VersionResults) -> dict[str, Any]:
    return {
        "ruleset": version.product,
        "version": version.ruleset.version,
        "passed": len(version.results) - len(version.failed),
        "failed": [{"name": r.case.name, "why": why(r)} for r in version.failed],
        "problems": [as_dict(problem) for problem in version.problems],
        "coverage": version.coverage.percent,
        "missed": [
            {
                "goal": f"{goal.what}: {goal.which}",
                "file": version.coverage.places[goal].file,
                "line": version.coverage.places[goal].line,
            }
            for goal in version.coverage.missed
        ],
    }


def print_results(version: VersionResults) -> None:
    out = console()
    failed = version.failed
    for problem in version.problems:
        out.print(render(problem), markup=False)
    for result in failed:
        print_result(result)
    if failed:
        out.print('  --show "NAME" shows how a case comes out, stage by stage', markup=False)
    _print_missed(version)
    passed = len(version.results) - len(failed)
    covered = "" if version.unread else f", coverage {version.coverage.percent} %"
    out.print(f"{version.name}: {passed} passed, {len(failed)} failed{covered}")


def _print_missed(version: VersionResults) -> None:
    out = console()
    covered = version.coverage
    if version.unread and covered.missed:
        # What the unread cases would reach is no finding
        out.print(f"  {len(covered.missed)} goals are looked at once these errors are mended")
        return
    for goal in covered.missed:
        place = covered.places[goal]
        words = f"{place.file}:{place.line}: not reached: {goal.what} {goal.which}"
        print_lines(words)


def _is_right(version: VersionResults) -> bool:
    """Whether every case was read and passes, whatever is wrong with marks."""
    return not (version.failed or version.unread)


def _judge(versions: list[VersionResults], fail_under: int) -> None:
    if not any(version.results or version.problems for version in versions):
        raise CommandError("no test was found: write one in tests/ of the product", Exit.FINDINGS)
    low = [v for v in versions if not v.unread and v.coverage.percent < fail_under]
    if low:
        raise CommandError(
            f"coverage of {low[0].name} is {low[0].coverage.percent} %, less than the "
            f"{fail_under} % asked for",
            Exit.FINDINGS,
        )
    if not all(_is_right(version) and not _errors(version) for version in versions):
        raise typer.Exit(Exit.FINDINGS)


def _selected(version: VersionResults, selection: RulesSelection) -> bool:
    name = f"{shown_name(selection.root)}/{version.product}"
    return not selection.part or selection.has(name) or selection.part.startswith(name + "/")
