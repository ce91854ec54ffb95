"""`rules propose` and `rules approve`: one caller signs a change, then another one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from msgspec.structs import replace

from decision_service.cli.display.output import console
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import (
    DEFAULT_PATH,
    PathArgument,
    RulesSelection,
    select_rules,
)
from decision_service.cli.rules.publishing.evidence import ImpactOption, ProofsOption, evidence_of
from decision_service.cli.rules.publishing.keys import KeyOption, NameOption, sign
from decision_service.cli.rules.publishing.whole import (
    SHOWN,
    ProveOption,
    RollbackOption,
    digest_of,
    one_line,
    rollback_of,
    tested_folder,
    write_manifest,
)
from decision_service.language.diagnostics import render
from decision_service.pipeline.rules.publishing.approval import Signing
from decision_service.pipeline.rules.publishing.manifest import (
    Approval,
    Publication,
    manifest_problems,
    publication,
    published_now,
)


def propose(
    by: NameOption,
    key: KeyOption,
    path: PathArgument = DEFAULT_PATH,
    ticket: Annotated[str, typer.Option(help="the reference of the change, for the record")] = "",
    impact: ImpactOption = None,
    proofs: ProofsOption = None,
    allow_rollback: RollbackOption = "",
    prove: ProveOption = True,
) -> None:
    """Check, test, prove and sign the folder for approval.

    Another caller approves it. The manifest that is written loads nowhere before, where approval is
    required. It names impact report and proofs by their SHA-256.
    """
    by = one_line(by, "--by")
    told = one_line(ticket, "--ticket") if ticket else ""
    back = rollback_of(allow_rollback)
    selection, rulebook = tested_folder(path, prove=prove)
    evidence = evidence_of(impact, proofs, rulebook)
    contents = selection.folder.contents
    drafted = published_now(contents, by, datetime.now(UTC), back, told, evidence)
    drafted = replace(drafted, proposed_by=Approval(by, b""))
    published = replace(drafted, proposed_by=sign(drafted, Signing.PROPOSED, by, key))
    file, digest = write_manifest(selection, published), published.digest[:SHOWN]
    out = console()
    words = f"{file}: {len(contents)} files proposed by {by}, digest {digest}. Another caller:"
    out.print(words, markup=False, soft_wrap=True)
    words = f"  decision-service rules approve {path} --digest {digest} --by NAME --key FILE"
    out.print(words, markup=False, soft_wrap=True)


def approve(
    by: NameOption,
    key: KeyOption,
    digest: Annotated[
        str, typer.Option(help="the digest that was looked at, or its first 12 digits and more")
    ],
    path: PathArgument = DEFAULT_PATH,
) -> None:
    """Sign what another caller proposed.

    The folder must be as it was proposed.
    """
    by, wanted = one_line(by, "--by"), digest_of(digest, "--digest")
    selection = select_rules(path)
    proposed = _proposed(selection)
    if not proposed.digest.startswith(wanted):
        raise CommandError(
            f"the digest of what is proposed is {proposed.digest[:SHOWN]}: look at it again",
            Exit.FINDINGS,
        )
    if proposed.proposed_by is None or proposed.proposed_by.name == by:
        raise CommandError(
            f"{by} proposed these rules and cannot approve them: another caller does", Exit.FINDINGS
        )
    again = sign(proposed, Signing.PROPOSED, proposed.proposed_by.name, key)
    if again.signature == proposed.proposed_by.signature:  # Ed25519: one key, one signature
        raise CommandError(
            f"{key} is the key of {proposed.proposed_by.name}, who proposed these rules: sign by "
            f"that of {by}",
            Exit.FINDINGS,
        )
    approval = sign(proposed, Signing.APPROVED, by, key)
    file = write_manifest(selection, replace(proposed, approved_by=approval))
    words = (
        f"{file}: proposed by {proposed.proposed_by.name} at {proposed.at}, signed as {by} by "
        f"{key}, digest {proposed.digest[:SHOWN]}"
    )
    if proposed.allow_rollback:
        words += f"; it goes back from the publication {proposed.allow_rollback}"
    words += f". Whether that key is theirs:\n  decision-service rules verify {path} --callers FILE"
    console().print(words, markup=False, soft_wrap=True)


def _proposed(selection: RulesSelection) -> Publication:
    """What the manifest proposes, if the folder is so; raises CommandError."""
    manifest, contents = selection.folder.manifest, selection.folder.contents
    problems = () if manifest is None else manifest_problems(manifest.path, manifest.text, contents)
    if problems:
        raise CommandError(
            "the folder is not as it was proposed: propose it again",
            Exit.FINDINGS,
            tuple(map(render, problems)),
        )
    found = None if manifest is None else publication(manifest.path, manifest.text)
    if found is None or found.proposed_by is None:
        raise CommandError(
            "nothing is proposed here: decision-service rules propose --by NAME --key FILE",
            Exit.FINDINGS,
        )
    return found
