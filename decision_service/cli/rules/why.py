"""`rules test --why NAME`: how one case comes out, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import typer

from decision_service.cli.display.output import console, print_json
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.explain import Explanation, explanation_dict, explanation_tree
from decision_service.pipeline.trial.rule_tests import VersionResults
from decision_service.ruleset.testing.cases import CaseResult

_Found = tuple[VersionResults, CaseResult]


def print_why(suites: Sequence[VersionResults], name: str, form: str) -> None:
    """Show every case whose name is this one, or else has it as a part, with its trace.

    Raises CommandError where there is none, and typer.Exit where one of them fails.
    """
    every: list[_Found] = [(suite, result) for suite in suites for result in suite.results]
    found = _named(every, name)
    if not found:
        names = [result.case.name for _, result in every]
        close = get_close_matches(name, names, 1, 0.3)
        hint = f"did you mean `{close[0]}`?" if close else "write a part of its name"
        raise CommandError(f"no case is called `{name}`: {hint}", Exit.USAGE)
    if form == "json":
        print_json([_dict(*one) for one in found])
    else:
        for suite, result in found:
            _print(suite, result)
    if not all(result.passed for _, result in found):
        raise typer.Exit(Exit.FINDINGS)


def print_result(result: CaseResult) -> None:
    """A failed case: its line, and expected beside actual."""
    out, place = console(), result.case.place
    out.print(f"{place.file}:{place.line}: FAILED {result.case.name}", markup=False)
    for difference in result.differences:
        out.print(f"  {difference.field}", markup=False)
        out.print(f"    expected {difference.expected}", markup=False)
        out.print(f"    actual   {difference.actual}", markup=False)
    if result.problem:
        out.print(f"  {result.problem}", markup=False)


def _named(every: Sequence[_Found], name: str) -> list[_Found]:
    wanted = name.casefold()
    exact = [one for one in every if one[1].case.name.casefold() == wanted]
    return exact or [one for one in every if wanted in one[1].case.name.casefold()]


def _print(suite: VersionResults, result: CaseResult) -> None:
    if result.passed:
        place = result.case.place
        console().print(f"{place.file}:{place.line}: passed {result.case.name}", markup=False)
    else:
        print_result(result)
    if (explained := _explanation(suite, result)) is not None:
        console().print(explanation_tree(explained))


def _dict(suite: VersionResults, result: CaseResult) -> dict[str, object]:
    place = result.case.place
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
        **_explained(suite, result),
    }


def _explained(suite: VersionResults, result: CaseResult) -> dict[str, object]:
    explained = _explanation(suite, result)
    return {} if explained is None else explanation_dict(explained)


def _explanation(suite: VersionResults, result: CaseResult) -> Explanation | None:
    """How a version came to a case's verdict; None where it came to none."""
    return None if result.facts is None else Explanation.of(suite.ruleset, result.facts)
