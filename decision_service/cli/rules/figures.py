"""`rules test --figures`: changed figures that no test notices, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from decision_service.cli.display.output import console
from decision_service.cli.errors import CommandError, Exit
from decision_service.language.diagnostics import count, render
from decision_service.pipeline.trial.rule_tests import VersionResults
from decision_service.ruleset.figures.model import Fate, Tried
from decision_service.ruleset.figures.report import FiguresReport


def print_cases(cases: Iterable[str]) -> None:
    """Cases as one block that may stand under `cases` as it is; of equal ones the first."""
    found: dict[str, str] = {}
    for case in cases:
        found.setdefault(case.partition("\n")[2], case)
    if found:
        block = "\n".join(("  # read these, then put them under `cases`", *found.values()))
        console().print(block, markup=False, soft_wrap=True)


def print_figures(name: str, report: FiguresReport) -> None:
    """The changes that no test notices, each with a case that would, and how many there are."""
    out = console()
    for one in report.unnoticed:
        out.print(_line(one), markup=False, soft_wrap=True)
    print_cases(one.witness.case for one in report.unnoticed if one.witness is not None)
    for problem in report.problems:
        out.print(render(problem), markup=False, soft_wrap=True)
    counts = ", ".join(f"{report.count(fate)} {_WORDS[fate]}" for fate in Fate)
    total = len(report.tried)
    out.print(f"{name}: {total} changes of figures: {counts}; figures {report.percent} %")


_WORDS = {
    Fate.NOTICED: "noticed",
    Fate.REFUSED: "refused by the check",
    Fate.NO_DIFFERENCE: "without a difference",
    Fate.MARKED: "marked",
    Fate.UNNOTICED: "not noticed",
}


def figures_dict(report: FiguresReport) -> dict[str, Any]:
    """The same for programs."""
    return {
        "percent": report.percent,
        "changes": len(report.tried),
        "marked": report.count(Fate.MARKED),
        "unnoticed": [_dict(one) for one in report.unnoticed],
        "problems": [f"{p.file}:{p.line}: {p.code}: {p.message}" for p in report.problems],
    }


def judge_figures(tried: Iterable[tuple[VersionResults, FiguresReport]], fail_under: int) -> None:
    """Raise CommandError where too many changes go unnoticed, or a mark is wrong."""
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


def _line(one: Tried) -> str:
    change, place, witness = one.change, one.change.place, one.witness
    return (
        f"{place.file}:{place.line}: no test notices {change.at} "
        f"from {change.before} to {change.after}"
        + (f": {witness.before} becomes {witness.after}" if witness else _NO_CASE)
    )


_NO_CASE = "; no made-up case does either: write one at the figure, or mark it"


def _dict(one: Tried) -> dict[str, Any]:
    change = one.change
    return {
        "file": change.place.file,
        "line": change.place.line,
        "at": change.at,
        "from": change.before,
        "to": change.after,
        "case": one.witness and one.witness.case,
    }
