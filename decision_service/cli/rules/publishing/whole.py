"""A folder that may be published: everything checks and all tests pass."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import (
    RulesSelection,
    loaded,
    select_rules,
    unpublished,
)
from decision_service.language.diagnostics import Severity, render
from decision_service.pipeline.rules.publishing.manifest import (
    MANIFEST,
    NAME,
    Publication,
    manifest_text,
)
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.pipeline.trial.guarantees import guarantees_of
from decision_service.pipeline.trial.rule_tests import failures
from decision_service.proofs.solving.solver import SolverMissing
from decision_service.storage.rules_folder.whole_files import write_whole

_LONGEST = 200
_DIGEST = re.compile("[0-9a-f]{12,64}")
SHOWN = 16
"""How many digits of a digest are shown."""

RollbackOption = Annotated[
    str,
    typer.Option(
        metavar="PUBLICATION", help="go back to rules that decided before, from this publication"
    ),
]


ProveOption = Annotated[
    bool, typer.Option("--prove/--no-prove", help="prove the guarantees before")
]


def tested_folder(path: Path, *, prove: bool) -> tuple[RulesSelection, Rulebook]:
    """The whole folder around a path, and its rules; raises CommandError for unfit ones."""
    selection = select_rules(path)
    rulebook = loaded(selection).rulebook
    assert rulebook is not None  # noqa: S101 - loaded raises otherwise
    failed = failures(unpublished(selection.folder), rulebook)
    if failed:
        raise CommandError(
            "nothing is published, because tests fail or are not there: `decision-service rules "
            "test` shows which",
            Exit.FINDINGS,
            tuple(render(diagnostic) for diagnostic in failed),
        )
    if prove:
        _check_guarantees(rulebook)
    return selection, rulebook


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


def one_line(text: str, option: str) -> str:
    """A text of an option, trimmed; raises CommandError unless it is 1 to 200 printable ones."""
    if not 1 <= len(text.strip()) <= _LONGEST or not text.isprintable():
        message = f"{option} must be 1 to {_LONGEST} characters on one line"
        raise CommandError(message, Exit.USAGE)
    return text.strip()


def digest_of(text: str, option: str) -> str:
    """A digest of an option, or how it begins; raises CommandError."""
    if not _DIGEST.fullmatch(text):
        raise CommandError(
            f"{option} must be the digest that the service names, or its first 12 digits and more",
            Exit.USAGE,
        )
    return text


def rollback_of(text: str) -> str:
    """The publication that `--allow-rollback` names, if any; raises CommandError."""
    if text and not NAME.fullmatch(text):
        raise CommandError(
            "--allow-rollback must be the publication that the service names, such as "
            "3f9a11c04d2e57b0@2026-11-25T10:00:00Z",
            Exit.USAGE,
        )
    return text


def write_manifest(selection: RulesSelection, published: Publication) -> Path:
    """Write a folder's manifest, whole or not at all; raises CommandError."""
    file = selection.root / MANIFEST
    try:
        write_whole(file, manifest_text(published, selection.folder.contents))
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written ({error.strerror}): allow it, then publish again", Exit.USAGE
        ) from None
    return file
