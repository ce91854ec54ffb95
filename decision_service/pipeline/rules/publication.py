"""Older published rules may replace newer ones only where the manifest allows the rollback."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.language.diagnostics import Diagnostic, Severity
from decision_service.pipeline.ports import DecisionLog, StoredText
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.pipeline.rules.publishing.manifest import Publication, publication

KIND = "manifest"


def manifest_record(folder: RuleFolder) -> Sequence[StoredText]:
    """The manifest as a stored text under its publication's digest; empty without a manifest."""
    published = published_as(folder)
    if published is None or folder.manifest is None:
        return ()
    return (StoredText(_key(published), KIND, folder.manifest.text.encode()),)


async def downgrades(
    log: DecisionLog, folder: RuleFolder, last: RuleFolder | None
) -> tuple[Diagnostic, ...]:
    """Why a folder would replace the `last` good one with older rules; empty where it does not.

    That is so where it was published earlier, decided before, or is not published any more. A store
    that has never seen published rules takes every folder.
    """
    deciding = None if last is None else published_as(last)
    if deciding is None or last is None or last.manifest is None:
        return ()
    published, path = published_as(folder), last.manifest.path
    if published is None:
        return (_problem("M005", path, f"there is no manifest, and {_named(deciding)}", deciding),)
    if published.at < deciding.at:
        message = f"these rules were published at {published.at}, and {_named(deciding)}"
        return (_problem("M006", path, message, deciding),)
    if published.digest == deciding.digest or published.allow_rollback == deciding.name:
        return ()
    if await log.text(_key(published)) is not None:
        message = f"these rules decided here before, and {_named(deciding)}"
        return (_problem("M007", path, message, deciding),)
    return ()


def _named(deciding: Publication) -> str:
    return f"those of {deciding.by}, published at {deciding.at}, decide now"


def _problem(code: str, path: str, message: str, deciding: Publication) -> Diagnostic:
    command = "decision-service rules publish --by NAME"
    hint = (
        f"publish them as new ones: {command}; where they decided before: "
        f"{command} --allow-rollback {deciding.name}"
    )
    return Diagnostic(code, Severity.ERROR, path, 1, 1, 2, message, hint)


def published_as(folder: RuleFolder) -> Publication | None:
    """The publication that a folder's manifest names; None without a manifest."""
    manifest = folder.manifest
    return None if manifest is None else publication(manifest.path, manifest.text)


def _key(published: Publication) -> str:
    return f"{KIND}-{published.digest}"
