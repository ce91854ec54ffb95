"""A folder that may be published: what it is compared with, its gates, and what signers are shown.

A copy of what was published last lies in `_published`, so that a change of anything has a before.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from decision_service.cli.display.output import progress_line
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.diff.loaded import LoadedRules
from decision_service.cli.rules.diff.output import state_lines
from decision_service.cli.rules.diff.states import compare_rules
from decision_service.cli.rules.folder import select_rules
from decision_service.cli.rules.publishing.evidence import evidence_lines
from decision_service.language.diagnostics import Diagnostic, Severity, render
from decision_service.pipeline.rules.acceptance import floor_problems
from decision_service.pipeline.rules.publication import published_as
from decision_service.pipeline.rules.publishing.manifest import (
    MANIFEST,
    NAME,
    Publication,
    manifest_problems,
    manifest_text,
)
from decision_service.pipeline.rules.safeguards import loosened, unaccepted
from decision_service.pipeline.trial.figures import counted
from decision_service.pipeline.trial.guarantees import guarantees_of
from decision_service.pipeline.trial.rule_tests import failures, run_rule_tests
from decision_service.proofs.solving.solver import SolverMissing
from decision_service.storage.rules_folder.whole_files import write_whole

PUBLISHED = "_published"
SHOWN = 16
"""How many digits of a digest are shown."""

_LONGEST = 200

RollbackOption = Annotated[
    str,
    typer.Option(
        metavar="PUBLICATION", help="go back to rules that decided before, from this publication"
    ),
]
ProveOption = Annotated[
    bool, typer.Option("--prove/--no-prove", help="prove the guarantees before")
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--accept", metavar="NAME", help="a test, guarantee, text, list or bound that is less now"
    ),
]


@dataclass(frozen=True, slots=True)
class Change:
    """A whole folder of rules that load, and what was published before, if anything was."""

    rules: LoadedRules
    before: LoadedRules | None

    @classmethod
    def read(cls, path: Path, accepted: Collection[str]) -> Change:
        """The folder around a path; raises CommandError."""
        root = select_rules(path).root
        rules = LoadedRules.read(root)
        return cls(rules, _before(root / PUBLISHED, accepted))

    @property
    def contents(self) -> Mapping[str, str]:
        """The text of each file that is published."""
        return self.rules.selection.folder.contents

    @property
    def root(self) -> Path:
        """The folder."""
        return self.rules.selection.root


def _before(copy: Path, accepted: Collection[str]) -> LoadedRules | None:
    if not copy.exists():
        return None
    try:
        rules = LoadedRules.read(copy)
        folder, manifest = rules.selection.folder, rules.selection.folder.manifest
        if manifest and not manifest_problems(manifest.path, manifest.text, folder.contents):
            return rules
    except CommandError:
        pass
    if PUBLISHED in accepted:
        return None
    raise CommandError(
        f"{copy} is not what was published last, or does not load any more: bring it back as it "
        f"was, or publish without a comparison by --accept {PUBLISHED}",
        Exit.FINDINGS,
    )


def gated(change: Change, accepted: Collection[str], *, prove: bool) -> dict[str, Any]:
    """What a publication says of its tests, proofs and acceptances; raises CommandError."""
    folder, rulebook = change.rules.selection.folder, change.rules.rulebook
    results = list(run_rule_tests(folder, rulebook))
    refuse(failures(results), "tests fail or are not there: see `decision-service rules test`")
    if change.before is not None:
        was = change.before.selection.folder, change.before.rulebook
        found = unaccepted(loosened(*was, folder, rulebook, datetime.now(UTC)), accepted)
        refuse(found, "these guards are weaker or gone: accept each, or its file, by --accept")
    tested, marks = counted(folder, rulebook, results, progress_line)
    below = floor_problems(f"{folder.root}/{MANIFEST}", tested, rulebook)
    refuse((*marks, *below), "the tests reach or notice too little, or have wrong marks")
    proved = _proved(change) if prove else 0
    return {"tested": tested, "proved": proved, "accepted": tuple(accepted)}


def _proved(change: Change) -> int:
    """How many guarantees hold; without a solver none was asked, which is said."""
    rulebook = change.rules.rulebook
    progress_line("proving the guarantees …")
    asked = guarantees_of(rulebook, datetime.now(UTC), time.monotonic)
    try:
        broken = [d for d in asked if d.severity is Severity.ERROR]
    except SolverMissing as error:
        sys.stderr.write(f"The guarantees were not proved: {error}\n")
        return 0
    refuse(broken, "guarantees do not hold or are not decided")
    return sum(len(one.guarantees) for one in rulebook.digests.values())


def refuse(found: Iterable[Diagnostic | str], why: str) -> None:
    """Raise CommandError where anything was found."""
    lines = tuple(one if isinstance(one, str) else render(one) for one in found)
    if lines:
        raise CommandError(f"nothing is published, because {why}", Exit.FINDINGS, lines)


def shown_lines(change: Change, published: Publication) -> Iterator[str]:
    """What a signer signs, in words; the same for both of them."""
    files = f"{len(change.contents)} files, digest {published.digest[:SHOWN]}"
    yield f"{files}, at {published.at} by {published.by}, ticket {published.ticket or '-'}"
    if published.allow_rollback:
        yield f"It goes back from the publication {published.allow_rollback}."
    if change.before is None:
        yield "Nothing was published here before, so that nothing is compared."
    else:
        last = published_as(change.before.selection.folder)
        comparison = compare_rules(change.before, change.rules)
        signed = "signed by two" if last and last.approved_by else "not signed by two"
        yield f"Compared with {last and last.name} by {last and last.by}, {signed}:"
        yield from state_lines(comparison) if comparison else ("Nothing differs.",)
    yield from (f"Accepted: {name}" for name in published.accepted)
    yield from change.rules.rulebook.policy.remarks
    for name, one in published.tested.items():
        yield f"Tests of {name}: coverage {one.coverage} %, figures {one.figures} %"
    yield f"Guarantees: {published.proved or 'none was'} proved"
    for name in published.evidence:
        content = (change.root / f"{name}.json").read_bytes()
        lines = evidence_lines(name, content, change.rules.rulebook)
        yield from (f"{name.capitalize()}: {line}" for line in lines)


def one_line(text: str, option: str) -> str:
    """A text of an option, trimmed; raises CommandError unless it is 1 to 200 printable ones."""
    if not 1 <= len(text.strip()) <= _LONGEST or not text.isprintable():
        message = f"{option} must be 1 to {_LONGEST} characters on one line"
        raise CommandError(message, Exit.USAGE)
    return text.strip()


def rollback_of(text: str) -> str:
    """The publication that `--allow-rollback` names, if any; raises CommandError."""
    if text and not NAME.fullmatch(text):
        raise CommandError(
            "--allow-rollback must be the publication that the service names, such as "
            "3f9a11c04d2e57b0@2026-11-25T10:00:00Z",
            Exit.USAGE,
        )
    return text


def write_manifest(change: Change, published: Publication, *, keep: bool) -> Path:
    """Write a folder's manifest, whole or not at all, and keep its copy; raises CommandError."""
    file, text = change.root / MANIFEST, manifest_text(published, change.contents)
    try:
        write_whole(file, text)
        if keep:
            shutil.rmtree(change.root / PUBLISHED, ignore_errors=True)
            for path, content in {**change.contents, MANIFEST: text}.items():
                copy = change.root / PUBLISHED / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                write_whole(copy, content)
    except OSError as error:
        raise CommandError(
            f"{error.filename or file} cannot be written ({error.strerror}): allow it, then "
            "publish again",
            Exit.USAGE,
        ) from None
    return file
