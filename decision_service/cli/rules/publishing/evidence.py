"""What shows that a change is safe: an impact report and proofs, laid with the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.diff.loaded import LoadedRules
from decision_service.impact.document import decoded
from decision_service.impact.render.wording import headline
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.storage.rules_folder.whole_files import write_whole

ImpactOption = Annotated[
    Path | None, typer.Option("--impact", metavar="FILE", help="impact.json of `backtest --out`")
]
ProofsOption = Annotated[
    Path | None,
    typer.Option("--proofs", metavar="FILE", help="what `rules prove --format json` printed"),
]


def laid(rules: LoadedRules, name: str, file: Path) -> str:
    """Lay a file of evidence with the manifest; its SHA-256; raises CommandError."""
    try:
        content = file.read_bytes()
        evidence_lines(name, content, rules.rulebook)
        write_whole(rules.selection.root / f"{name}.json", content.decode())
    except OSError as error:
        why = f"{error.filename or file} cannot be read or written ({error.strerror})"
        raise CommandError(f"--{name}: {why}", Exit.USAGE) from None
    return hashlib.sha256(content).hexdigest()


def evidence_lines(name: str, content: bytes, rulebook: Rulebook) -> list[str]:
    """What a file of evidence says in short; raises CommandError where it is not of these rules."""
    made = "backtest --out FOLDER" if name == "impact" else "rules prove OLD NEW --format json"
    try:
        digest, lines = (_impact if name == "impact" else _proofs)(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(
            f"{name}.json is not as `decision-service {made}` wrote it ({error})", Exit.FINDINGS
        ) from None
    if digest not in rulebook.digests:
        raise CommandError(
            f"{name}.json is of rules with the digest {digest[:16]}, which no version here has: "
            f"make it anew of what is to be signed by `decision-service {made}`",
            Exit.FINDINGS,
        )
    return lines


def _impact(content: bytes) -> tuple[str, list[str]]:
    report = decoded(content)
    return report.subject.other_digest, [*headline(report)]


class _Proof(msgspec.Struct):
    claim: str
    result: str
    digests: Mapping[str, str]


def _proofs(content: bytes) -> tuple[str, list[str]]:
    proof = msgspec.json.decode(content, type=_Proof)
    return proof.digests.get("new", ""), [f"{proof.result}: {proof.claim}"]
