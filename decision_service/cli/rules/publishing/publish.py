"""`rules publish` and `rules sign`: the digest of every file, by one person or signed by two."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from decision_service.cli.display.output import console
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import DEFAULT_PATH, PathArgument, select_rules
from decision_service.cli.rules.publishing import keys
from decision_service.cli.rules.publishing.evidence import ImpactOption, ProofsOption, laid
from decision_service.cli.rules.publishing.keys import KeyOption, NameOption
from decision_service.cli.rules.publishing.whole import (
    PUBLISHED,
    SHOWN,
    AcceptOption,
    Change,
    ProveOption,
    RollbackOption,
    gated,
    one_line,
    refuse,
    rollback_of,
    shown_lines,
    write_manifest,
)
from decision_service.pipeline.rules.acceptance import floor_problems
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.pipeline.rules.publication import published_as
from decision_service.pipeline.rules.publishing.approval import Signing, evidence_problems
from decision_service.pipeline.rules.publishing.manifest import (
    MANIFEST,
    Approval,
    Publication,
    manifest_problems,
    published_now,
)

_DIGEST = re.compile("[0-9a-f]{12,64}")


def publish(
    by: Annotated[str, typer.Option("--by", help="who publishes, for the record")],
    path: PathArgument = DEFAULT_PATH,
    accept: AcceptOption = None,
    allow_rollback: RollbackOption = "",
    prove: ProveOption = True,
) -> None:
    """Check, test and prove the whole folder, then publish it.

    Nothing is signed. Publishing writes manifest.yaml: from then on only what it lists loads. A
    service that requires approval loads it only where two callers signed it.
    """
    by, back = one_line(by, "--by"), rollback_of(allow_rollback)
    change = Change.read(path, accept or ())
    gates = gated(change, accept or (), prove=prove)
    now = datetime.now(UTC)
    published = published_now(change.contents, by, now, allow_rollback=back, **gates)
    # What two signed stays what the next signers compare with, whatever one person publishes.
    last = change.before and published_as(change.before.selection.folder)
    file = write_manifest(change, published, keep=not (last and last.approved_by))
    words = f"{file}: {len(change.contents)} files published by {by}, publication {published.name}"
    _print(*change.rules.rulebook.policy.remarks, words)


def sign(
    by: NameOption,
    key: KeyOption,
    path: PathArgument = DEFAULT_PATH,
    digest: Annotated[
        str, typer.Option(help="of what was shown: another caller signs what one has signed")
    ] = "",
    ticket: Annotated[str, typer.Option(help="the reference of the change, for the record")] = "",
    impact: ImpactOption = None,
    proofs: ProofsOption = None,
    accept: AcceptOption = None,
    allow_rollback: RollbackOption = "",
    prove: ProveOption = True,
) -> None:
    """Show what changes, and sign it as one of two callers.

    The first signature is given once everything checks, passes and is proved. Where approval is
    required, nothing loads before the second one.
    """
    by, back = one_line(by, "--by"), rollback_of(allow_rollback)
    reference = one_line(ticket, "--ticket") if ticket else ""
    waiting = _waiting(select_rules(path).folder)
    if digest or (waiting is not None and waiting.by != by):
        if reference or impact or proofs or accept or back:
            raise CommandError(
                "--ticket, --impact, --proofs, --accept and --allow-rollback are the first "
                "signature's: sign by --digest alone, or begin again without manifest.yaml",
                Exit.USAGE,
            )
        _second(path, waiting, by, key, digest)
        return
    change = Change.read(path, accept or ())
    drafted = published_now(
        change.contents,
        by,
        datetime.now(UTC),
        allow_rollback=back,
        ticket=reference,
        proposed_by=Approval(by, b""),
    )
    keys.sign(drafted, Signing.PROPOSED, by, key)  # a wrong key is refused before minutes pass
    given = {name: file for name, file in (("impact", impact), ("proofs", proofs)) if file}
    evidence = {name: laid(change.rules, name, file) for name, file in given.items()}
    gates = gated(change, accept or (), prove=prove)
    published = replace(drafted, evidence=evidence, **gates)
    lines, shown = _shown(change, published)
    published = replace(published, shown=shown)
    signature = keys.sign(published, Signing.PROPOSED, by, key)
    file = write_manifest(change, replace(published, proposed_by=signature), keep=False)
    words = f"{file} is signed by {by}, digest {shown[:SHOWN]}. Another caller:"
    command = f"decision-service rules sign {path} --by NAME --key FILE --digest {shown[:SHOWN]}"
    _print(*lines, words, f"  {command}")


def _second(path: Path, waiting: Publication | None, by: str, key: Path, digest: str) -> None:
    if waiting is None or waiting.proposed_by is None:
        raise CommandError(
            "nothing waits for a second signature: the folder is not as a first caller signed it",
            Exit.FINDINGS,
        )
    change, first = Change.read(path, waiting.accepted), waiting.proposed_by
    folder, manifest = change.rules.selection.folder, str(change.root / MANIFEST)
    below = floor_problems(manifest, waiting.tested, change.rules.rulebook)
    found = (*evidence_problems(manifest, waiting, folder.evidence), *below)
    refuse(found, "evidence or figures are not what they should be")
    lines, shown = _shown(change, waiting)
    if shown != waiting.shown:
        raise CommandError(
            f"what is shown here is not what {first.name} was shown: {PUBLISHED} or the program is "
            "another one, so begin again with a first signature",
            Exit.FINDINGS,
        )
    if not digest:
        _print(*lines)
        raise CommandError(
            f"{first.name} signed this first: look at it, then sign by --digest {shown[:SHOWN]}",
            Exit.FINDINGS,
        )
    if not _DIGEST.fullmatch(digest) or not shown.startswith(digest):
        raise CommandError(
            f"--digest must be that of what is shown, {shown[:SHOWN]} or the first 12 digits of "
            "it: look at it by the same command without --digest",
            Exit.FINDINGS,
        )
    if first.name == by:
        raise CommandError(f"{by} signed first: another caller signs now", Exit.FINDINGS)
    again = keys.sign(waiting, Signing.PROPOSED, first.name, key)
    if again.signature == first.signature:  # Ed25519: one key, one signature
        raise CommandError(
            f"{key} is the key of {first.name}, who signed first: sign by that of {by}",
            Exit.FINDINGS,
        )
    signed = replace(waiting, approved_by=keys.sign(waiting, Signing.APPROVED, by, key))
    file = write_manifest(change, signed, keep=True)
    words = f"{file} is signed by {first.name}, and as {by} by {key}. Whether that key is theirs:"
    _print(*lines, words, f"  decision-service rules verify {path} --callers FILE")


def _waiting(folder: RuleFolder) -> Publication | None:
    """What one caller signed and no second one, where the folder is so."""
    published, manifest = published_as(folder), folder.manifest
    if published is None or manifest is None or published.proposed_by is None:
        return None
    changed = manifest_problems(manifest.path, manifest.text, folder.contents)
    return None if changed or published.approved_by else published


def _shown(change: Change, published: Publication) -> tuple[list[str], str]:
    """What is shown of a publication, and its digest."""
    lines = [*shown_lines(change, published)]
    return lines, sha256("\n".join(lines).encode()).hexdigest()


def _print(*lines: str) -> None:
    for line in lines:
        console().print(line, markup=False, soft_wrap=True)
