"""`rules verify`: who signed what is published, and whether that counts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import DEFAULT_PATH, PathArgument, select_rules
from decision_service.cli.rules.publishing.whole import SHOWN
from decision_service.config import load
from decision_service.language.diagnostics import Diagnostic, render
from decision_service.pipeline.rules.acceptance import unapproved
from decision_service.pipeline.rules.checks.blocked import blocked_names
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.pipeline.rules.loading import load_rules
from decision_service.pipeline.rules.publishing.approval import Signers
from decision_service.pipeline.rules.publishing.manifest import (
    Publication,
    publication,
)


def verify(
    callers: Annotated[
        Path, typer.Option("--callers", metavar="FILE", help="the callers file, with their keys")
    ],
    path: PathArgument = DEFAULT_PATH,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check who signed what is published, as a service does.

    Exit code 1 where it would not load these rules.
    """
    folder = select_rules(path).folder
    manifest = folder.manifest
    published = None if manifest is None else publication(manifest.path, manifest.text)
    found = _problems(folder, _signers(callers))
    if form is Format.JSON:
        print_json(_dict(published) | {"problems": [render(one) for one in found]})
    elif published is not None:
        console().print(_summary(published), markup=False, soft_wrap=True)
    if found:
        lines = () if form is Format.JSON else tuple(map(render, found))
        message = "a service that requires approval would not load these rules"
        raise CommandError(message, Exit.FINDINGS, lines)


def _problems(folder: RuleFolder, signers: Signers) -> tuple[Diagnostic, ...]:
    now = datetime.now(UTC)
    loading = load_rules(folder, now, blocked_names(load()))
    unsigned = unapproved(folder, loading.rulebook, None, signers, now.date())
    return (*loading.errors, *unsigned)


def _signers(file: Path) -> Signers:
    from decision_service.edge.rpc.authenticator import read_callers_file

    reading = read_callers_file(file)
    if reading.callers is None:
        lines = tuple(map(render, reading.diagnostics))
        raise CommandError(f"{file} has mistakes", Exit.USAGE, lines)
    return reading.callers.signers


def _dict(published: Publication | None) -> dict[str, Any]:
    if published is None:
        return {}
    proposed, approved = published.proposed_by, published.approved_by
    return {
        "digest": published.digest,
        "at": published.at,
        "proposed_by": None if proposed is None else proposed.name,
        "approved_by": None if approved is None else approved.name,
        "allow_rollback": published.allow_rollback or None,
        "ticket": published.ticket or None,
        "evidence": dict(published.evidence),
        "tested": msgspec.to_builtins(published.tested),
        "accepted": list(published.accepted),
    }


def _summary(published: Publication) -> str:
    parts = _dict(published)
    evidence = ", ".join(f"{name} {one[:SHOWN]}" for name, one in published.evidence.items())
    return (
        f"digest {published.digest[:SHOWN]}, published at {published.at}\n"
        f"signed by {parts['proposed_by'] or '-'}, then by {parts['approved_by'] or '-'}\n"
        f"ticket {published.ticket or '-'}, evidence {evidence or '-'}"
        f"{published.allow_rollback and f', goes back from {published.allow_rollback}'}"
    )
