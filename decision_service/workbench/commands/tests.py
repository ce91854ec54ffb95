"""`rules test`: results as JUnit XML, why a case comes out as it does, changes that no test
notices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import typer

from decision_service.cli.output import CommandError, Exit, console, print_json
from decision_service.decide.rule_tests import VersionResults, why
from decision_service.rules.language.diagnostics import Diagnostic, Severity, count, render
from decision_service.rules.tests import CaseResult
from decision_service.workbench.commands.explain import (
    Explanation,
    explanation_dict,
    explanation_tree,
)
from decision_service.workbench.mutants import Fate
from decision_service.workbench.mutation import FiguresReport

_Found = tuple[VersionResults, CaseResult]
_WORDS = {
    Fate.NOTICED: "noticed",
    Fate.REFUSED: "refused by the check",
    Fate.NO_DIFFERENCE: "without a difference",
    Fate.MARKED: "marked",
    Fate.UNNOTICED: "not noticed",
}


def print_cases(cases: Iterable[str]) -> None:
    """Cases as one block to put under `cases` as it is; of equal ones the first."""
    found: dict[str, str] = {}
    for case in cases:
        found.setdefault(case.partition("\n")[2], case)
    if found:
        block = "\n".join(("  # read these, then put them under `cases`", *found.values()))
        console().print(block, markup=False, soft_wrap=True)


def print_figures(name: str, report: FiguresReport) -> None:
    out = console()
    for one in report.unnoticed:
        change, place = one.change, one.change.place
        words = f"{change.at} from {change.before} to {change.after}"
        out.print(
            f"{place.file}:{place.line}: no test notices {words}", markup=False, soft_wrap=True
        )
    print_cases(one.witness.case for one in report.unnoticed if one.witness is not None)
    for problem in report.problems:
        out.print(render(problem), markup=False, soft_wrap=True)
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
                "case": one.witness and one.witness.case,
            }
            for one in report.unnoticed
        ],
        "problems": [f"{p.file}:{p.line}: {p.code}: {p.message}" for p in report.problems],
    }


def judge_figures(tried: Iterable[tuple[VersionResults, FiguresReport]], fail_under: int) -> None:
    for version, report in tried:
        if report.percent < fail_under:
            raise CommandError(
                f"of the changes of figures of {version.name} {report.percent} % are noticed, "
                f"less than the {fail_under} % asked for",
                Exit.FINDINGS,
            )
        if report.problems:
            raise CommandError(
                f"{count(report.problems)} in the marks of {version.name}: mend them",
                Exit.FINDINGS,
            )


def junit(versions: Iterable[VersionResults]) -> str:
    root = Element("testsuites")
    for version in versions:
        suite = SubElement(
            root,
            "testsuite",
            name=version.name,
            tests=str(len(version.results) + len(_errors(version))),
            failures=str(len(version.failed)),
            errors=str(len(_errors(version))),
        )
        for problem in _errors(version):
            _add_error(suite, version.product, problem)
        for result in version.results:
            case = SubElement(
                suite,
                "testcase",
                name=result.case.name,
                classname=version.product,
                file=result.case.place.file,
                line=str(result.case.place.line),
            )
            if not result.passed:
                SubElement(case, "failure", message=why(result))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _errors(version: VersionResults) -> list[Diagnostic]:
    return [p for p in version.problems if p.severity is Severity.ERROR]


def _add_error(suite: Element, product: str, problem: Diagnostic) -> None:
    name, line = f"{problem.code} on line {problem.line}", str(problem.line)
    case = SubElement(suite, "testcase", name=name, classname=product, file=problem.file, line=line)
    SubElement(case, "error", message=problem.message).text = render(problem)


def print_why(suites: Sequence[VersionResults], name: str, form: str) -> None:
    """Show every case of this name, else with it as a part; typer.Exit where one fails."""
    every: list[_Found] = [(suite, result) for suite in suites for result in suite.results]
    wanted = name.casefold()
    found = [one for one in every if one[1].case.name.casefold() == wanted]
    found = found or [one for one in every if wanted in one[1].case.name.casefold()]
    if not found:
        names = [result.case.name for _, result in every]
        close = get_close_matches(name, names, 1, 0.3)
        hint = f"did you mean `{close[0]}`?" if close else "write a part of its name"
        raise CommandError(f"no case is called `{name}`: {hint}", Exit.USAGE)
    if form == "json":
        print_json([_case_dict(*one) for one in found])
    else:
        for suite, result in found:
            _print(suite, result)
    if not all(result.passed for _, result in found):
        raise typer.Exit(Exit.FINDINGS)


def print_result(result: CaseResult) -> None:
    out, place = console(), result.case.place
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
    place, explained = result.case.place, _explanation(suite, result)
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
