"""`rules publish`: everything that can be asked of rules alone, then the digest of every file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from decision_service.cli.output import CommandError, Exit, print_lines, progress_line
from decision_service.decide.rule_tests import failures, run_rule_tests
from decision_service.rulebook.folder import write_whole
from decision_service.rulebook.manifest import MANIFEST, Publication, manifest_text
from decision_service.rulebook.rulebook import POLICY, Rulebook
from decision_service.rules.language.diagnostics import Diagnostic, Severity, render
from decision_service.workbench.commands.folder import (
    DEFAULT_PATH,
    LoadedRules,
    PathArgument,
    select_rules,
)
from decision_service.workbench.coverage import Measured, counted
from decision_service.workbench.proofs.report import guarantees_of
from decision_service.workbench.proofs.solver import SolverMissing

_LONGEST = 200

ProveOption = Annotated[
    bool, typer.Option("--prove/--no-prove", help="prove the guarantees before")
]


def publish(
    by: Annotated[str, typer.Option("--by", help="who wrote them, for the record")],
    path: PathArgument = DEFAULT_PATH,
    prove: ProveOption = True,
) -> None:
    """Everything is checked, tested and proved first.

    Publishing writes manifest.yaml: from then on only what it lists loads. A service that requires
    approval then waits for two persons, and the one who is named here is neither of them.
    """
    by = _one_line(by)
    rules = LoadedRules.read(select_rules(path).root)
    _gates(rules, prove=prove)
    contents = rules.selection.folder.contents
    file = rules.selection.root / MANIFEST
    now = datetime.now(UTC)
    try:
        write_whole(file, manifest_text(Publication(by, f"{now:%Y-%m-%dT%H:%M:%SZ}"), contents))
    except OSError as error:
        raise CommandError(
            f"{error.filename or file} cannot be written ({error.strerror}): allow it, then "
            "publish again"
        ) from None
    print_lines(*rules.rulebook.policy.remarks, f"{file}: {len(contents)} files published by {by}")


def _one_line(text: str) -> str:
    if not 1 <= len(text.strip()) <= _LONGEST or not text.isprintable():
        raise CommandError(f"--by must be 1 to {_LONGEST} characters on one line")
    return text.strip()


def _gates(rules: LoadedRules, *, prove: bool) -> None:
    folder = rules.selection.folder
    rulebook = rules.rulebook
    results = list(run_rule_tests(folder, rulebook))
    _refuse(failures(results), "tests fail or are not there: see `decision-service rules test`")
    tested, marks = counted(folder, rulebook, results, show=progress_line)
    below = _floor_problems(f"{folder.root}/{POLICY}", tested, rulebook)
    _refuse((*marks, *below), "the tests reach or notice too little, or have wrong marks")
    if prove:
        _prove(rulebook)


def _floor_problems(
    path: str, tested: Mapping[str, Measured], rulebook: Rulebook
) -> Iterator[Diagnostic]:
    """M016 for each version that may decide and whose tests are below the floor of the policy."""
    floors = msgspec.to_builtins(rulebook.policy.floors)
    for name in rulebook.deciding:
        found = msgspec.to_builtins(tested.get(name, Measured(0, 0)))
        for figure, floor in floors.items():
            if found[figure] < floor:
                below = f"{found[figure]} %, less than the {floor} % of {POLICY}"
                yield Diagnostic(
                    "M016",
                    Severity.ERROR,
                    path,
                    line=1,
                    column=1,
                    end=2,
                    message=f"{figure} of {name}: {below}",
                    hint="`decision-service rules test --figures` prints the cases that it lacks",
                )


def _prove(rulebook: Rulebook) -> None:
    """Refuse guarantees that do not hold; without a solver none was asked, which is said."""
    progress_line("proving the guarantees …")
    asked = guarantees_of(rulebook, datetime.now(UTC), time.monotonic)
    try:
        broken = [d for d in asked if d.severity is Severity.ERROR]
    except SolverMissing as error:
        sys.stderr.write(f"The guarantees were not proved: {error}\n")
        return
    _refuse(broken, "guarantees do not hold or are not decided")


def _refuse(found: Iterable[Diagnostic], why: str) -> None:
    lines = tuple(render(one) for one in found)
    if lines:
        raise CommandError(f"nothing is published, because {why}", Exit.FINDINGS, lines)
