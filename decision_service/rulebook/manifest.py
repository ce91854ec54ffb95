"""The manifest: a digest of every file, and who wrote them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from types import MappingProxyType

import msgspec

from decision_service.rules.language.diagnostics import Diagnostic, Report, Severity
from decision_service.rules.language.fields import Fields, as_scalar
from decision_service.rules.language.yaml import MapEntry, read

MANIFEST = "manifest.yaml"
CLAIMS = "claims.json"
_HEAD = "# What was published last. `decision-service rules publish` writes it, and only that.\n"
_REMEDY = "wait until the folder is copied whole, or publish it: decision-service rules publish"

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Publication(msgspec.Struct, frozen=True):
    """A manifest's header: who wrote the folder, and when (`2026-11-25T10:00:00Z`)."""

    by: str
    at: str


def manifest_text(published: Publication, contents: Mapping[str, str]) -> str:
    # JSON's quoted texts are YAML's, whatever is in a name or a path.
    by = json.dumps(published.by, ensure_ascii=False)
    files = [f"  {json.dumps(path)}: {digest(contents[path])}\n" for path in sorted(contents)]
    return f"{_HEAD}by: {by}\nat: {published.at}\nfiles:\n{''.join(files)}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def contents_digest(contents: Mapping[str, str]) -> str:
    """Of the names and digests of all files, so that equal ones are equal folders."""
    lines = [f"{json.dumps(path)}: {digest(contents[path])}\n" for path in sorted(contents)]
    return digest("".join(lines))


def publication(path: str, text: str) -> Publication | None:
    """The header of a manifest's text; None where it cannot be read."""
    report = Report()
    fields = _fields(path, text, report)
    if fields is None or report.diagnostics():
        return None
    return Publication(by=_text(fields, "by"), at=_text(fields, "at"))


def _text(fields: Fields, key: str) -> str:
    scalar = fields.scalar(key) if fields.has(key) else None
    return "" if scalar is None else scalar.text


def _fields(path: str, text: str, report: Report) -> Fields | None:
    node = read(path, text, report)
    fields = node and Fields.of(node, "a manifest", report, required=("by", "at", "files"))
    if not fields or not fields.has("at"):
        return fields or None
    at = fields.scalar("at")
    if at is not None and not _is_instant(at.text):
        message = "`at` is no instant such as 2026-11-25T10:00:00Z"
        report.error("M004", fields.place("at"), message, _REMEDY)
    return fields


def _is_instant(text: str) -> bool:
    try:
        # The form alone would take the 30th of February, and `fromisoformat` other forms.
        return bool(_INSTANT.fullmatch(text)) and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def manifest_problems(
    path: str,
    text: str,
    contents: Mapping[str, str],
    kept: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> tuple[Diagnostic, ...]:
    """The differences of a folder from its manifest; empty where there are none.

    `path` is the manifest's as messages show it. `kept` has by name further texts of a file that
    versions keep, of which each is as good as the folder's. A file that was published and is
    missing or differs is located in the manifest, one that was not published at its own first line.
    """
    report = Report()
    fields = _fields(path, text, report)
    files = fields.map("files") if fields else None
    entries = files.entries if files is not None else ()
    for entry in entries:
        _check(entry, contents, kept.get(entry.key, ()), report=report)
    extra = () if files is None else sorted(contents.keys() - {entry.key for entry in entries})
    root = PurePosixPath(path).parent
    message = "the file was not published"
    unpublished = (
        Diagnostic(
            "M003",
            Severity.ERROR,
            str(root / name),
            line=1,
            column=1,
            end=2,
            message=message,
            hint=_REMEDY,
        )
        for name in extra
    )
    return (*report.diagnostics(), *unpublished)


def _check(
    entry: MapEntry, contents: Mapping[str, str], kept: Collection[str], report: Report
) -> None:
    published = as_scalar(entry.value, f"`{entry.key}`", report)
    texts = [*kept]
    # A version may keep a file that the package brought before: either text is as it was published.
    if entry.key in contents:
        texts.append(contents[entry.key])
    if not texts:
        message = f"`{entry.key}` was published and is not there"
        report.error("M001", entry.key_place, message, _REMEDY)
    elif published is not None and published.text not in map(digest, texts):
        report.error("M002", entry.key_place, f"`{entry.key}` is not as it was published", _REMEDY)
