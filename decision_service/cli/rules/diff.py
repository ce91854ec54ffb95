"""`rules diff`: what changed between two versions, in plain words."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated, Any

import typer
from msgspec.structs import asdict

from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import DEFAULT_PATH
from decision_service.cli.rules.version import NamedVersion, RulesOption, find_version
from decision_service.factors.registry import catalogue
from decision_service.pipeline.trial.claims import proof_lines
from decision_service.proofs.solver import SolverMissing
from decision_service.ruleset.diff.versions import RulesetDiff, compare
from decision_service.ruleset.program.model import CompiledRuleset

ProveOption = Annotated[
    bool, typer.Option("--prove", help="prove what the change does to everybody (extra `prove`)")
]


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="a version's file, or product@1")],
    after: Annotated[str, typer.Argument(metavar="B", help="the other one")],
    rules: RulesOption = DEFAULT_PATH,
    prove: ProveOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say in plain words what changed from A to B."""
    old, new = find_version(before, rules), find_version(after, rules)
    comparison = compare(old.files, new.files, catalogue())
    proofs = proved(old.ruleset, new.ruleset) if prove else []
    if form is Format.JSON:
        print_json(_as_dict(old, new, comparison) | ({"proofs": proofs} if prove else {}))
        return
    _print(old, new, comparison)
    for line in proofs:
        console().print(line, markup=False, soft_wrap=True)


def proved(old: CompiledRuleset, new: CompiledRuleset) -> list[str]:
    """What is proved of a change, a line a claim; raises CommandError."""
    try:
        return [*proof_lines(old, new, datetime.now(UTC), time.monotonic)]
    except SolverMissing as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _print(old: NamedVersion, new: NamedVersion, comparison: RulesetDiff) -> None:
    out = console()
    out.print(_headline(old, new, comparison), markup=False)
    for group, changes in groupby(comparison.changes, key=lambda change: change.group):
        out.print(group, style="bold", markup=False)
        for change in changes:
            line = f"  {change.subject} {change.words}"
            out.print(line, markup=False, soft_wrap=True)


def _headline(old: NamedVersion, new: NamedVersion, comparison: RulesetDiff) -> str:
    pair = f"{old.name} → {new.name}"
    if comparison.identical:
        return f"{pair}: identical behaviour (digest {old.ruleset.digest[:12]})"
    if comparison.alike:
        return f"{pair}: identical behaviour under another name"
    count = len(comparison.changes)
    return f"{pair}: {count} change{'' if count == 1 else 's'}"


def _as_dict(old: NamedVersion, new: NamedVersion, comparison: RulesetDiff) -> dict[str, Any]:
    return {
        "before": _ref(old),
        "after": _ref(new),
        "identical": comparison.identical,
        "alike": comparison.alike,
        "changes": [asdict(change) for change in comparison.changes],
    }


def _ref(version: NamedVersion) -> dict[str, Any]:
    ruleset = version.ruleset
    return {
        "ruleset": ruleset.ruleset,
        "version": ruleset.version,
        "digest": ruleset.digest,
        "file": version.files.path,
    }
