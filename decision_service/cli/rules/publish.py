"""`rules publish`: the digest of every file, written only when everything checks and passes."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.display.output import console
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import (
    DEFAULT_PATH,
    PathArgument,
    RulesSelection,
    loaded,
    select_rules,
    unpublished,
)
from decision_service.language.diagnostics import Severity, render
from decision_service.pipeline.rules.manifest import MANIFEST, contents_digest, manifest_text
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.pipeline.trial.guarantees import guarantees_of
from decision_service.pipeline.trial.rule_tests import failures
from decision_service.proofs.solver import SolverMissing
from decision_service.storage.rules_folder.whole_files import write_whole

_LONGEST_NAME = 200
_DIGEST = re.compile("[0-9a-f]{12,64}")


def publish(
    by: Annotated[str, typer.Option("--by", help="who publishes, for the record")],
    path: PathArgument = DEFAULT_PATH,
    allow_rollback: Annotated[
        str,
        typer.Option(
            metavar="DIGEST", help="go back to rules that decided before, from those of DIGEST"
        ),
    ] = "",
    prove: Annotated[
        bool, typer.Option("--prove/--no-prove", help="prove the guarantees before")
    ] = True,
) -> None:
    """Check, test and prove the whole folder, then publish it.

    Publishing writes manifest.yaml: from then on only what it lists loads.
    """
    if not 1 <= len(by.strip()) <= _LONGEST_NAME or not by.isprintable():
        raise CommandError("--by must be a name of 1 to 200 characters on one line", Exit.USAGE)
    if allow_rollback and not _DIGEST.fullmatch(allow_rollback):
        raise CommandError(
            "--allow-rollback must be the digest that the service names, or its first 12 digits "
            "and more",
            Exit.USAGE,
        )
    selection = select_rules(path)
    rulebook = loaded(selection).rulebook
    assert rulebook is not None  # noqa: S101 - loaded raises otherwise
    _check_tests(selection, rulebook)
    if prove:
        _check_guarantees(rulebook)
    contents = selection.folder.contents
    file = selection.root / MANIFEST
    _write(file, manifest_text(contents, by.strip(), datetime.now(UTC), allow_rollback))
    digest = contents_digest(contents)[:16]
    words = f"{file}: {len(contents)} files published by {by.strip()}, digest {digest}"
    console().print(words, markup=False, soft_wrap=True)


def _check_tests(selection: RulesSelection, rulebook: Rulebook) -> None:
    folder = unpublished(selection.folder)
    failed = failures(folder, rulebook)
    if failed:
        raise CommandError(
            "nothing is published, because tests fail or are not there: `decision-service rules "
            "test` shows which",
            Exit.FINDINGS,
            tuple(render(diagnostic) for diagnostic in failed),
        )


def _check_guarantees(rulebook: Rulebook) -> None:
    """Refuse a guarantee that does not hold; without a solver say that none was asked."""
    asked = guarantees_of(rulebook, datetime.now(UTC), time.monotonic)
    try:
        broken = [d for d in asked if d.severity is Severity.ERROR]
    except SolverMissing as error:
        sys.stderr.write(f"The guarantees were not proved: {error}\n")
        return
    if broken:
        raise CommandError(
            "nothing is published, because guarantees do not hold or are not decided",
            Exit.FINDINGS,
            tuple(render(diagnostic) for diagnostic in broken),
        )


def _write(file: Path, text: str) -> None:
    try:
        write_whole(file, text)
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written ({error.strerror}): allow it, then publish again", Exit.USAGE
        ) from None
