"""What shows that a change is safe: an impact report and proofs, named by their SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.impact.document import decoded
from decision_service.language.diagnostics import Diagnostic, Severity
from decision_service.pipeline.rules.publishing.manifest import Publication
from decision_service.pipeline.rules.rulebook import Rulebook

ImpactOption = Annotated[
    Path | None, typer.Option("--impact", metavar="FILE", help="impact.json of `backtest --out`")
]
ProofsOption = Annotated[
    Path | None, typer.Option("--proofs", metavar="FILE", help="what `rules prove` printed")
]
_SHOWN = 16


def evidence_of(impact: Path | None, proofs: Path | None, rulebook: Rulebook) -> Mapping[str, str]:
    """The SHA-256 of each file that is given; raises CommandError.

    An impact report must be of a version of these rules.
    """
    content = {name: _content(name, file) for name, file in _given(impact, proofs)}
    if impact is not None:
        _require_report_of(impact, content["impact"], rulebook)
    return {name: _sha256(one) for name, one in content.items()}


def evidence_problems(
    manifest: str, published: Publication | None, impact: Path | None, proofs: Path | None
) -> Iterator[Diagnostic]:
    """The files that are not what was signed; raises CommandError. `manifest` is its path."""
    if published is None:
        return
    for name, file in _given(impact, proofs):
        found, named = _sha256(_content(name, file)), published.evidence.get(name, "")
        if named != found:
            told = named[:_SHOWN] or "nothing"
            message = f"{file} has the SHA-256 {found[:_SHOWN]}, and `{name}` names {told}"
            hint = "show the file that was signed, or propose again with this one"
            yield Diagnostic("M013", Severity.ERROR, manifest, 1, 1, 2, message, hint)


def _require_report_of(file: Path, content: bytes, rulebook: Rulebook) -> None:
    try:
        about = decoded(content).subject
    except msgspec.DecodeError:
        raise CommandError(
            f"--impact: {file} is no impact.json of `decision-service backtest --out FOLDER`",
            Exit.USAGE,
        ) from None
    if about.other_digest not in rulebook.digests:
        raise CommandError(
            f"--impact: {file} tells of {about.other} with the digest "
            f"{about.other_digest[:_SHOWN]}, which no version here has: judge what is proposed "
            "by `decision-service backtest`",
            Exit.FINDINGS,
        )


def _given(impact: Path | None, proofs: Path | None) -> Iterator[tuple[str, Path]]:
    for name, file in (("impact", impact), ("proofs", proofs)):
        if file is not None:
            yield name, file


def _content(name: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(
            f"--{name}: {file} cannot be read ({error.strerror})", Exit.USAGE
        ) from None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
