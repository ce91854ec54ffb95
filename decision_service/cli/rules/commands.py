"""`rules`: check, test and look things up; needs no server."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import typer

from decision_service.cli.display.output import (
    Format,
    FormatOption,
    console,
    print_json,
    print_table,
    table,
)
from decision_service.cli.display.text import counted
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.numbers import whole
from decision_service.cli.rules.explain import explain
from decision_service.cli.rules.figures import (
    figures_dict,
    judge_figures,
    print_cases,
    print_figures,
)
from decision_service.cli.rules.folder import (
    DEFAULT_PATH,
    PathArgument,
    RulesSelection,
    loaded,
    publication,
    select_rules,
    shown_name,
    unpublished,
)
from decision_service.cli.rules.hash_list import hash_list
from decision_service.cli.rules.new import new
from decision_service.cli.rules.publishing import keys
from decision_service.cli.rules.publishing.publish import publish, sign
from decision_service.cli.rules.publishing.verify import verify
from decision_service.cli.rules.schema import schema
from decision_service.cli.rules.status import status
from decision_service.cli.rules.why import print_result, print_why
from decision_service.config import load
from decision_service.domain.factor import Better
from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import Diagnostic, Severity, count, render, render_all
from decision_service.pipeline.rules.checks.blocked import blocked_names
from decision_service.pipeline.rules.checks.plan_risks import plan_warnings
from decision_service.pipeline.rules.loading import load_rules
from decision_service.pipeline.trial.figures import cases_for_missed, try_figures
from decision_service.pipeline.trial.guarantees import guarantees_of
from decision_service.pipeline.trial.rule_tests import (
    VersionResults,
    case_problems,
    run_rule_tests,
    why,
)
from decision_service.pipeline.trial.untested import without_cases
from decision_service.proofs.solving.solver import SolverMissing
from decision_service.ruleset.testing.cases import Goal

commands = typer.Typer(
    help="Check, test, explain, compare and publish rule files.", no_args_is_help=True
)


class TestsForm(StrEnum):
    """How the results of tests are printed."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


class FactorsForm(StrEnum):
    """How factors are printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


@commands.command()
def check(
    path: PathArgument = DEFAULT_PATH,
    strict: Annotated[bool, typer.Option("--strict", help="warnings are errors")] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="prove the guarantees (extra `workbench`)")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check rule files completely.

    Exit code 1 when anything is wrong.
    """
    selection = select_rules(path)
    found = problems_of(selection)
    if prove and not any(d.severity is Severity.ERROR for d in found):
        found = sorted([*found, *broken_guarantees(selection)], key=lambda d: d.order)
    if form is Format.JSON:
        print_json([as_dict(diagnostic) for diagnostic in found])
    else:
        _print_findings(found, selection)
    errors = [d for d in found if strict or d.severity is Severity.ERROR]
    if errors:
        raise typer.Exit(Exit.FINDINGS)


@commands.command("test")
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
    why_of: Annotated[
        str, typer.Option("--why", metavar="NAME", help="show how this case comes out, and why")
    ] = "",
    form: Annotated[
        TestsForm, typer.Option("--format", help="junit: for a CI that shows tests")
    ] = TestsForm.TABLE,
) -> None:
    """Run the products' own tests.

    Exit code 1 when one fails or there is none.
    """
    selection = select_rules(path)
    rulebook = loaded(selection).rulebook
    assert rulebook is not None  # noqa: S101 - loaded raises otherwise
    versions = [v for v in run_rule_tests(selection.folder, rulebook) if _selected(v, selection)]
    if why_of:
        print_why(versions, why_of, form)
        return
    wanted = versions if figures or fail_under_figures else []
    tried = [(v, try_figures(selection.folder, v)) for v in wanted if _is_right(v)]
    ready = partial(cases_for_missed, selection.folder)
    if form is TestsForm.JSON:
        reports = {id(version): figures_dict(report) for version, report in tried}
        print_json([results_dict(v, ready(v)) | {"figures": reports.get(id(v))} for v in versions])
    elif form is TestsForm.JUNIT:
        from decision_service.cli.rules.junit import junit

        sys.stdout.write(junit(versions))
    else:
        for version in versions:
            print_results(version, ready(version))
        for version, report in tried:
            print_figures(version.name, report)
        for version in wanted:
            if not _is_right(version):
                console().print(f"{version.name}: figures are tried once all tests pass")
    _judge(versions, fail_under)
    judge_figures(tried, fail_under_figures)


@commands.command()
def factors(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="for example income")] = "",
    form: Annotated[
        FactorsForm, typer.Option("--format", help="markdown: a page of all factors")
    ] = FactorsForm.TABLE,
) -> None:
    """List the factors that rules can use.

    Each with type, unit and meaning.
    """
    specs = [spec for spec in catalogue().values() if not family or spec.family == family]
    if not specs:
        families = ", ".join(sorted({spec.family for spec in catalogue().values()}))
        raise CommandError(
            f"there is no factor family {family}: the families are {families}", Exit.USAGE
        )
    if form is FactorsForm.JSON:
        print_json([_spec_dict(spec) for spec in specs])
    elif form is FactorsForm.MARKDOWN:
        from decision_service.factors.catalogue_docs import markdown

        sys.stdout.write(markdown())
    else:
        rows = table("factor", "type", "unit", "better", "meaning")
        for spec in specs:
            rows.add_row(spec.name, spec.type.value, spec.unit, _BETTER[spec.better], spec.sentence)
        print_table(rows)
        console().print(f"{len(specs)} factors")


commands.command()(new)
commands.command()(explain)
commands.command()(publish)
commands.command()(sign)
commands.command()(verify)
commands.add_typer(keys.commands, name="keys")
commands.command("hash-list")(hash_list)
commands.command()(schema)
commands.command()(status)


_BETTER = {Better.UP: "up", Better.DOWN: "down", Better.NONE: ""}


def problems_of(selection: RulesSelection) -> list[Diagnostic]:
    """Everything that is wrong with the selected part, in the order of the files."""
    loading = load_rules(unpublished(selection.folder), datetime.now(UTC), blocked_names(load()))
    all_found = (
        *loading.diagnostics,
        *without_cases(selection.folder),
        *case_problems(selection.folder, loading),
        *publication(selection.folder),
        *(plan_warnings(selection.folder, loading.rulebook) if loading.rulebook else ()),
    )
    version = loading.by_version.get(selection.part)
    own = () if version is None else version.diagnostics
    shown = [d for d in all_found if selection.has(d.file) or d in own]
    return sorted(shown, key=lambda d: d.order)


def broken_guarantees(selection: RulesSelection) -> list[Diagnostic]:
    """What is wrong with the guarantees of the selected part; raises CommandError."""
    rulebook = loaded(selection).rulebook
    assert rulebook is not None  # noqa: S101 - loaded raises otherwise
    try:
        return [*guarantees_of(rulebook, datetime.now(UTC), time.monotonic, selection.has)]
    except SolverMissing as error:
        raise CommandError(str(error), Exit.USAGE) from None


def as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic for programs."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    }


def results_dict(version: VersionResults, ready: Mapping[Goal, str]) -> dict[str, Any]:
    """The results of a version for programs; `ready` are cases for what is not reached."""
    return {
        "ruleset": version.product,
        "version": version.ruleset.version,
        "passed": len(version.results) - len(version.failed),
        "failed": [{"name": r.case.name, "why": why(r)} for r in version.failed],
        "problems": [as_dict(problem) for problem in version.problems],
        "coverage": version.coverage.percent,
        "missed": [_missed_dict(goal, version, ready) for goal in version.coverage.missed],
    }


def _missed_dict(goal: Goal, version: VersionResults, ready: Mapping[Goal, str]) -> dict[str, Any]:
    place = version.coverage.places[goal]
    return {
        "goal": f"{goal.what}: {goal.which}",
        "file": place.file,
        "line": place.line,
        "case": ready.get(goal),
    }


def print_results(version: VersionResults, ready: Mapping[Goal, str]) -> None:
    """The results of a version for people: failures first, then what no test reaches.

    `ready` are cases for what is not reached, as they stand in a file.
    """
    out, failed = console(), version.failed
    for problem in version.problems:
        out.print(render(problem), markup=False)
    for result in failed:
        print_result(result)
    if failed:
        out.print('  --why "NAME" shows how a case comes out, stage by stage', markup=False)
    _print_missed(version, ready)
    passed = len(version.results) - len(failed)
    out.print(
        f"{version.name}: {passed} passed, {len(failed)} failed, "
        f"coverage {version.coverage.percent} %"
    )


def _print_missed(version: VersionResults, ready: Mapping[Goal, str]) -> None:
    """What no case reaches, and cases that do, or once why there are none."""
    out, covered = console(), version.coverage
    complete = bool(version.results) and _is_right(version)
    for goal in covered.missed:
        place = covered.places[goal]
        words = f"{place.file}:{place.line}: not reached: {goal.what} {goal.which}"
        out.print(words, markup=False, soft_wrap=True)
        if complete and goal not in ready:
            out.print(_NOT_MADE, markup=False, soft_wrap=True)
    print_cases(ready[goal] for goal in covered.missed if complete and goal in ready)
    if covered.missed and not complete:
        when = "all tests pass" if version.results else "there is one case to begin with"
        out.print(f"  cases that reach these are printed once {when}", markup=False)


def _is_right(version: VersionResults) -> bool:
    """Whether all cases could be read, and pass."""
    return not (version.failed or any(p.severity is Severity.ERROR for p in version.problems))


_NOT_MADE = "  no made-up case reaches it: write one, or ask whether anybody can"


def _judge(versions: list[VersionResults], fail_under: int) -> None:
    if not any(version.results or version.problems for version in versions):
        raise CommandError("no test was found: write one in tests/ of the product", Exit.FINDINGS)
    low = [v for v in versions if v.coverage.percent < fail_under]
    if low:
        raise CommandError(
            f"coverage of {low[0].name} is {low[0].coverage.percent} %, less than the "
            f"{fail_under} % asked for",
            Exit.FINDINGS,
        )
    if not all(map(_is_right, versions)):
        raise typer.Exit(Exit.FINDINGS)


def _print_findings(found: list[Diagnostic], selection: RulesSelection) -> None:
    out = console()
    if found:
        out.print(render_all(found), markup=False, soft_wrap=True)
    shipped = selection.folder.shipped
    own = [name for name in selection.folder.data if name not in shipped]
    origins = {"of the folder": own, "of the package": shipped}
    used = "; ".join(f"{', '.join(names)} {whose}" for whose, names in origins.items() if names)
    out.print(f"_data: {used}", markup=False, soft_wrap=True)
    files = selection.files
    refused = any(d.severity is Severity.ERROR for d in found)
    keeps = " A service would load nothing of this and keep the rules it has." if refused else ""
    out.print(f"{count(found)} in {counted(files, 'file')}.{keeps}")


def _spec_dict(spec: Any) -> dict[str, Any]:
    return {
        "name": spec.name,
        "type": spec.type.value,
        "unit": spec.unit,
        "meaning": spec.sentence,
        "formula": spec.formula,
        "kinds": sorted(spec.kinds),
        "months": spec.months,
        "needs_months": spec.needs_months,
        "lower": spec.lower,
        "upper": spec.upper,
        "labels": list(spec.labels),
        "causes": sorted(spec.causes),
        "better": spec.better.value,
        "derived_from": list(spec.derived_from),
        "knock_out_only": spec.knock_out_only,
        "moved_by": spec.action.by.value,
        "step": None if spec.action.step is None else str(spec.action.step),
        "parity": spec.parity,
    }


def _selected(version: VersionResults, selection: RulesSelection) -> bool:
    name = f"{shown_name(selection.root)}/{version.product}"
    return not selection.part or selection.has(name) or selection.part.startswith(name + "/")
