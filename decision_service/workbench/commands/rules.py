"""`rules`: check, test, compare, publish and look things up; needs no server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import replace

from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    console,
    print_json,
    print_table,
    table,
    whole,
)
from decision_service.cli.views import counted
from decision_service.decide.rule_tests import (
    VersionResults,
    case_problems,
    run_rule_tests,
    why,
    without_cases,
)
from decision_service.domain.factor import Better
from decision_service.factors.registry import catalogue
from decision_service.rulebook.load import blocked_names, load_rules
from decision_service.rulebook.plans import plan_warnings
from decision_service.rules.language.diagnostics import (
    Diagnostic,
    Severity,
    count,
    render,
    render_all,
)
from decision_service.rules.tests import Goal
from decision_service.runtime.config import load
from decision_service.workbench.backtest.render import encoded, headline, honesty
from decision_service.workbench.backtest.report import ImpactReport
from decision_service.workbench.commands.diff import (
    ChangedVersion,
    ProveOption,
    RulesDiff,
    change_lines,
    compare_rules,
    comparison_dict,
    proved,
    ruleset_dict,
    sentences,
    state_lines,
    states_dict,
)
from decision_service.workbench.commands.folder import (
    DEFAULT_PATH,
    LoadedRules,
    PathArgument,
    RulesSelection,
    find_version,
    loaded,
    names_version,
    publication,
    rules_of,
    select_rules,
    shown_name,
    unpublished,
)
from decision_service.workbench.commands.tests import (
    figures_dict,
    judge_figures,
    junit,
    print_cases,
    print_figures,
    print_result,
    print_why,
)
from decision_service.workbench.constants import NamedVersion
from decision_service.workbench.coverage import cases_for_missed, try_figures
from decision_service.workbench.diff import RulesetDiff, compare
from decision_service.workbench.proofs.report import guarantees_of
from decision_service.workbench.proofs.solver import SolverMissing

_BETTER = {Better.UP: "up", Better.DOWN: "down", Better.NONE: ""}
_NOT_MADE = "  no made-up case reaches it: write one, or ask whether anybody can"
_SIDE = "a version's file or product@1; or a rules folder, a part of one, or a git revision"


class TestsForm(StrEnum):
    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


class FactorsForm(StrEnum):
    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def check(
    path: PathArgument = DEFAULT_PATH,
    strict: Annotated[bool, typer.Option("--strict", help="warnings are errors")] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="prove the guarantees (extra `workbench`)")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Exit code 1 when anything is wrong."""
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
    """Exit code 1 when one fails or there is none."""
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


def factors(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="for example income")] = "",
    form: Annotated[
        FactorsForm, typer.Option("--format", help="markdown: a page of all factors")
    ] = FactorsForm.TABLE,
) -> None:
    """Each with type, unit and meaning."""
    specs = [spec for spec in catalogue().values() if not family or spec.family == family]
    if not specs:
        families = ", ".join(sorted({spec.family for spec in catalogue().values()}))
        raise CommandError(
            f"there is no factor family {family}: the families are {families}", Exit.USAGE
        )
    if form is FactorsForm.JSON:
        print_json([_spec_dict(spec) for spec in specs])
    elif form is FactorsForm.MARKDOWN:
        from decision_service.workbench.catalogue import markdown

        sys.stdout.write(markdown())
    else:
        rows = table("factor", "type", "unit", "better", "meaning")
        for spec in specs:
            rows.add_row(spec.name, spec.type.value, spec.unit, _BETTER[spec.better], spec.sentence)
        print_table(rows)
        console().print(f"{len(specs)} factors")


def problems_of(selection: RulesSelection) -> list[Diagnostic]:
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
    rulebook = loaded(selection).rulebook
    assert rulebook is not None  # noqa: S101 - loaded raises otherwise
    try:
        return [*guarantees_of(rulebook, datetime.now(UTC), time.monotonic, selection.has)]
    except SolverMissing as error:
        raise CommandError(str(error), Exit.USAGE) from None


def as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    keys = ("code", "severity", "file", "line", "column", "message", "hint")
    return {key: getattr(diagnostic, key) for key in keys}


def results_dict(version: VersionResults, ready: Mapping[Goal, str]) -> dict[str, Any]:
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
                "case": ready.get(goal),
            }
            for goal in version.coverage.missed
        ],
    }


def print_results(version: VersionResults, ready: Mapping[Goal, str]) -> None:
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
    return not (version.failed or any(p.severity is Severity.ERROR for p in version.problems))


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


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help=_SIDE)],
    after: Annotated[str, typer.Argument(metavar="B", help="the other one")],
    rules: Annotated[
        Path, typer.Option("--rules", help="the rules folder of product@version and revisions")
    ] = DEFAULT_PATH,
    prove_changes: ProveOption = False,
    cases: Annotated[
        Path | None,
        typer.Option("--cases", help="also what it does to people of this `decisions export`"),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Two versions, or all versions, rollout plans and lists of two folders or revisions."""
    version, other = names_version(before), names_version(after)
    if version is not other:
        one, two = (before, after) if version else (after, before)
        raise CommandError(
            f"{one} is a version and {two} is none: name two versions, or two folders or git "
            "revisions",
            Exit.USAGE,
        )
    if not version:
        _states(before, after, rules, form, prove=prove_changes, cases=cases)
        return
    if cases is not None:
        raise CommandError(
            "--cases is about two states: name two folders or git revisions, or take `backtest`",
            Exit.USAGE,
        )
    _versions(before, after, rules, form, prove=prove_changes)


# Two versions


def _versions(before: str, after: str, rules: Path, form: Format, *, prove: bool) -> None:
    old, new = find_version(before, rules), find_version(after, rules)
    comparison = compare(old.files, new.files, catalogue())
    proofs = sentences(proved(old.ruleset, new.ruleset)) if prove else []
    if form is Format.JSON:
        named = (("before", old), ("after", new))
        sides = {k: ruleset_dict(v.ruleset) | {"file": v.files.path} for k, v in named}
        print_json(sides | comparison_dict(comparison) | ({"proofs": proofs} if prove else {}))
        return
    _print([_headline(old, new, comparison), *change_lines(comparison.changes), *proofs])


def _headline(old: NamedVersion, new: NamedVersion, comparison: RulesetDiff) -> str:
    pair = f"{old.name} → {new.name}"
    if comparison.identical:
        return f"{pair}: identical behaviour (digest {old.ruleset.digest[:12]})"
    if comparison.alike:
        return f"{pair}: identical behaviour under another name"
    return f"{pair}: {counted(len(comparison.changes), 'change')}"


# Two states


def _states(
    before: str, after: str, rules: Path, form: Format, *, prove: bool, cases: Path | None
) -> None:
    with ExitStack() as opened:
        old, new = (
            LoadedRules.read(opened.enter_context(rules_of(word, rules)))
            for word in (before, after)
        )
        comparison = compare_rules(old, new)
        impact = {} if cases is None else dict(_impact(comparison, old, new, cases))
    pairs = [(one.name, one.before, one.after) for one, _ in comparison.versions]
    proofs = [
        f"{name}: {line}"
        for name, was, now in pairs
        if prove and was is not None
        for line in sentences(proved(was, now))
    ]
    if form is Format.JSON:
        found = states_dict(comparison) | ({"proofs": proofs} if prove else {})
        if cases is not None:
            found["impact"] = {name: msgspec.json.decode(encoded(r)) for name, r in impact.items()}
        print_json({"before": before, "after": after} | found)
        return
    same = "" if comparison else ": no version, plan, list or guard differs"
    _print([f"{before} → {after}{same}", *state_lines(comparison), *proofs])
    for name, report in impact.items():
        _print([f"What {name} would have decided", *headline(report), *honesty(report)])


def _impact(
    found: RulesDiff, old: LoadedRules, new: LoadedRules, cases: Path
) -> Iterator[tuple[str, ImpactReport]]:
    try:
        cases.open("rb").close()  # also where no version changed
    except OSError as error:
        raise CommandError(f"{cases} cannot be read ({error.strerror})", Exit.USAGE) from None
    for one, _ in found.versions:
        if one.champion is not None and one.champion.digest != one.after.digest:
            yield one.name, _judged(one, old, new, cases)


def _judged(one: ChangedVersion, old: LoadedRules, new: LoadedRules, cases: Path) -> ImpactReport:
    from decision_service.workbench.backtest.replica import KeyRange
    from decision_service.workbench.backtest.rules import BacktestOrder
    from decision_service.workbench.commands.backtest_run import (
        Applicants,
        answered,
        compared_rules,
    )

    window = KeyRange(datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    name = one.after.ruleset
    compared = compared_rules(old.path, name, new.file(one.after), {}, ())
    at_hand = {text.digest: text.body for text in new.loading.texts}
    compared = replace(compared, texts={**at_hand, **compared.texts})
    order = BacktestOrder(name, compared.base, compared.other, compared.product.input_names)
    return answered(compared, order, Applicants(window, cases=cases))


def _print(lines: list[str]) -> None:
    for line in lines:
        console().print(line, markup=False, soft_wrap=True)
