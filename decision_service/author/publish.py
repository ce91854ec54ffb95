"""`rules publish`: everything that can be asked of rules alone, then the digest of every file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec.structs import replace

from decision_service.author.backtest.render import decoded, headline
from decision_service.author.backtest.report import ImpactReport
from decision_service.author.coverage import counted
from decision_service.author.folder import (
    DEFAULT_PATH,
    LoadedRules,
    PathArgument,
    select_rules,
)
from decision_service.author.proofs.report import guarantees_of
from decision_service.author.proofs.solver import SolverMissing
from decision_service.cli.output import CommandError, Exit, print_lines, progress_line
from decision_service.rulebook.claims import Claims, Measured, claims_text, files_digest
from decision_service.rulebook.folder import write_whole
from decision_service.rulebook.manifest import CLAIMS, MANIFEST, Publication, manifest_text
from decision_service.rulebook.rule_tests import failures, run_rule_tests
from decision_service.rulebook.rulebook import POLICY, Rulebook
from decision_service.rules.language.diagnostics import Diagnostic, Severity, render

_LONGEST = 200

ProveOption = Annotated[
    bool, typer.Option("--prove/--no-prove", help="prove the guarantees before")
]


BaseOption = Annotated[
    Path | None,
    typer.Option("--base", metavar="FOLDER", help="the rules that decide now, which claims name"),
]
ImpactOption = Annotated[
    Path | None, typer.Option("--impact", metavar="FILE", help="impact.json of `backtest --out`")
]


def publish(
    by: Annotated[str, typer.Option("--by", help="who wrote them, for the record")],
    path: PathArgument = DEFAULT_PATH,
    base: BaseOption = None,
    impact: ImpactOption = None,
    prove: ProveOption = True,
) -> None:
    """Everything is checked, tested and proved first.

    Publishing writes manifest.yaml: from then on only what it lists loads. What was measured and
    proved goes into claims.json. A service that requires approval then waits for two persons, and
    the one who is named here is neither of them.
    """
    by = _one_line(by)
    rules = LoadedRules.read(select_rules(path).root)
    claims = replace(
        _gates(rules, prove=prove),
        base="" if base is None else files_digest(select_rules(base).folder),
        impact=() if impact is None else tuple(_impact(impact, rules.rulebook)),
    )
    contents = rules.selection.folder.contents
    file = rules.selection.root / MANIFEST
    now = datetime.now(UTC)
    try:
        write_whole(rules.selection.root / CLAIMS, claims_text(claims))
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


def _impact(file: Path, rulebook: Rulebook) -> list[str]:
    """The first sentences of an impact report of these rules; raises CommandError for another."""
    try:
        report = decoded(file.read_bytes(), ImpactReport)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(
            f"{file} is not as `decision-service backtest --out FOLDER` wrote it ({error})",
            Exit.FINDINGS,
        ) from None
    if report.subject.other_digest not in rulebook.digests:
        raise CommandError(
            f"{file} is of rules with the digest {report.subject.other_digest[:16]}, which no "
            "version here has: make it anew of what is to be published",
            Exit.FINDINGS,
        )
    return headline(report)


def _gates(rules: LoadedRules, *, prove: bool) -> Claims:
    """What was measured and proved; raises CommandError where that is too little."""
    folder = rules.selection.folder
    rulebook = rules.rulebook
    results = list(run_rule_tests(folder, rulebook))
    _refuse(failures(results), "tests fail or are not there: see `decision-service rules test`")
    tested, marks = counted(folder, rulebook, results, show=progress_line)
    below = _floor_problems(f"{folder.root}/{POLICY}", tested, rulebook)
    _refuse((*marks, *below), "the tests reach or notice too little, or have wrong marks")
    proved = _prove(rulebook) if prove else 0
    guarantees = sum(len(one.guarantees) for one in rulebook.digests.values())
    return Claims(
        made_for=files_digest(folder), tested=tested, guarantees=guarantees, proved=proved
    )


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


def _prove(rulebook: Rulebook) -> int:
    """How many guarantees hold, which all must; without a solver none was asked, which is said."""
    progress_line("proving the guarantees …")
    asked = guarantees_of(rulebook, datetime.now(UTC), time.monotonic)
    try:
        broken = [d for d in asked if d.severity is Severity.ERROR]
    except SolverMissing as error:
        sys.stderr.write(f"The guarantees were not proved: {error}\n")
        return 0
    _refuse(broken, "guarantees do not hold or are not decided")
    return sum(len(one.guarantees) for one in rulebook.digests.values())


def _refuse(found: Iterable[Diagnostic], why: str) -> None:
    lines = tuple(render(one) for one in found)
    if lines:
        raise CommandError(f"nothing is published, because {why}", Exit.FINDINGS, lines)
