"""`rules check` and `rules factors`: what is wrong, and what rules can name."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Any

import typer

from decision_service.author.folder import (
    DEFAULT_PATH,
    LoadedRules,
    PathArgument,
    RulesSelection,
    loaded,
    publication,
    select_rules,
    unpublished,
)
from decision_service.build import templates
from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    console,
    print_json,
    print_lines,
    print_table,
    table,
)
from decision_service.domain.factor import Better, FactorSpec, Mover
from decision_service.factors.laws import DEFINITIONS, LAWS, TOGETHER, Law
from decision_service.factors.registry import catalogue
from decision_service.rulebook.laws import laws_of
from decision_service.rulebook.load import LoadResult, blocked_names, load_rules
from decision_service.rulebook.plans import plan_warnings
from decision_service.rulebook.rule_tests import case_problems, without_cases
from decision_service.rules.language.diagnostics import (
    Diagnostic,
    Severity,
    count,
    plural,
    render_all,
)
from decision_service.runtime.config import load

_FACTOR_COLUMNS = ("factor", "type", "unit", "better", "meaning")
OF_LAWS = ("R530", "R531", "R532")
"""Findings that stop no loading."""

_DIRECTIONS = {Better.UP: "higher is better", Better.DOWN: "lower is better"}
_MOVERS = {Mover.APPLICANT: "moved by the applicant", Mover.WAITING: "moved by waiting"}
_BETTER = {Better.UP: "up", Better.DOWN: "down", Better.NONE: ""}


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
        raise CommandError(f"there is no factor family {family}: the families are {families}")
    if form is FactorsForm.JSON:
        print_json([_spec_dict(spec) for spec in specs])
    elif form is FactorsForm.MARKDOWN:
        sys.stdout.write(markdown())
    else:
        rows = table(*_FACTOR_COLUMNS)
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
        *law_findings(loading),
        *factor_findings(loading),
        *(plan_warnings(selection.folder, loading.rulebook) if loading.rulebook else ()),
    )
    version = loading.by_version.get(selection.part)
    own = () if version is None else version.diagnostics
    shown = [d for d in all_found if selection.has(d.file) or d in own]
    return sorted(shown, key=lambda d: d.order)


def law_findings(loading: LoadResult) -> tuple[Diagnostic, ...]:
    """What versions lack of the laws: warnings of those that decide nobody, as the next one may."""
    rulebook = loading.rulebook
    if rulebook is None:
        return loading.law_problems(())
    deciding = {one.digest for one in rulebook.deciding.values()}
    return loading.law_problems(rulebook.digests.keys() - deciding)


def factor_findings(loading: LoadResult) -> tuple[Diagnostic, ...]:
    """Factors that went: errors of versions newer than what decides, warnings of older ones."""
    older: set[str] = set()
    for product in loading.products.values():
        first = min(product.roles)
        older |= {one.digest for number, one in product.versions.items() if number < first}
    return loading.factor_problems(older)


def broken_guarantees(selection: RulesSelection) -> list[Diagnostic]:
    from decision_service.author.proofs.report import guarantees_of

    rulebook = LoadedRules(selection, loaded(selection)).rulebook
    return [*guarantees_of(rulebook, datetime.now(UTC), time.monotonic, chosen=selection.has)]


def as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    keys = ("code", "severity", "file", "line", "column", "message", "hint")
    return {key: getattr(diagnostic, key) for key in keys}


def _print_findings(found: list[Diagnostic], selection: RulesSelection) -> None:
    out = console()
    if found:
        print_lines(render_all(found))
    shipped = selection.folder.shipped
    own = [name for name in selection.folder.data if name not in shipped]
    origins = {"of the folder": own, "of the package": shipped}
    used = "; ".join(f"{', '.join(names)} {whose}" for whose, names in origins.items() if names)
    print_lines(f"_data: {used}")
    print_lines(*(f"_law: {line}" for line in laws_of(selection.folder).remarks()))
    files = selection.files
    refused = any(d.severity is Severity.ERROR and d.code not in OF_LAWS for d in found)
    keeps = " A service would load nothing of this and keep the rules it has." if refused else ""
    out.print(f"{count(found)} in {plural(files, 'file')}.{keeps}")


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


def markdown() -> str:
    """The catalogue of factors as a page; its words are in `templates/factors.md.j2`."""
    return (
        templates("decision_service.author")
        .get_template("factors.md.j2")
        .render(
            families=groupby(catalogue().values(), key=lambda spec: spec.family),
            facts=_facts,
            laws=groupby(LAWS, key=_law_family),
            definitions=DEFINITIONS,
            together=TOGETHER,
        )
    )


def _law_family(law: Law) -> str:
    return law.name.partition(":")[0]


def _facts(spec: FactorSpec) -> list[str]:
    facts = [spec.type.value, spec.unit, range_of(spec)]
    facts += [plural(spec.months, "month")] if spec.months else []
    facts += [f"needs {spec.needs_months} observed"] if spec.needs_months else []
    facts += [_DIRECTIONS[spec.better]] if spec.better in _DIRECTIONS else []
    facts += [_MOVERS[spec.action.by]] if spec.action.by in _MOVERS else []
    facts += ["for comparison with the vendor only"] if spec.parity else []
    facts += ["for knock-outs only"] if spec.knock_out_only else []
    return [fact for fact in facts if fact]


def range_of(spec: FactorSpec) -> str:
    """The factor's bounds or labels in words: `0 to 12`, `at least 0`, `EMPLOYED, GIG`."""
    if spec.labels:
        return ", ".join(spec.labels)
    if spec.lower is not None and spec.upper is not None:
        return f"{spec.lower} to {spec.upper}"
    if spec.lower is not None:
        return f"at least {spec.lower}"
    return f"at most {spec.upper}" if spec.upper is not None else "any"
