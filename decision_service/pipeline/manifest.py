"""What was published: a digest of every file, so that a folder copied by half never decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath

from decision_service.language.diagnostics import Diagnostic, Report, Severity
from decision_service.language.fields import Fields
from decision_service.language.nodes import Entry
from decision_service.language.readers import as_scalar
from decision_service.language.yaml import read

MANIFEST = "manifest.yaml"
_HEAD = "# What was published last. `decision-service rules publish` writes it; nobody else does.\n"
_REMEDY = "wait until the folder is copied whole, or publish it: decision-service rules publish"


def manifest_text(contents: Mapping[str, str], by: str, at: datetime) -> str:
    """The manifest of a folder's files, given by their path within it."""
    lines = [f"  {json.dumps(path)}: {digest(contents[path])}\n" for path in sorted(contents)]
    who = json.dumps(by, ensure_ascii=False)
    return f"{_HEAD}by: {who}\nat: {at:%Y-%m-%dT%H:%M:%SZ}\nfiles:\n{''.join(lines)}"


def digest(text: str) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def manifest_problems(path: str, text: str, contents: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """Everything in which a folder is not what its manifest says; empty where it is.

    `path` is the manifest's as messages show it. A file that was published and is missing or
    differs is located in the manifest, one that was not published at its own first line.
    """
    report = Report()
    node = read(path, text, report)
    keys = ("by", "at", "files")
    fields = node and Fields.of(node, "a manifest", report, required=keys)
    files = fields.map("files") if fields else None
    entries = files.entries if files is not None else ()
    for entry in entries:
        _check(entry, contents, report)
    extra = () if files is None else tuple(_extra(path, {e.key for e in entries}, contents))
    return (*report.diagnostics(), *extra)


def _check(entry: Entry, contents: Mapping[str, str], report: Report) -> None:
    published = as_scalar(entry.value, f"`{entry.key}`", report)
    found = contents.get(entry.key)
    if found is None:
        message = f"`{entry.key}` was published and is not there"
        report.error("M001", entry.key_place, message, _REMEDY)
    elif published is not None and digest(found) != published.text:
        message = f"`{entry.key}` is not as it was published"
        report.error("M002", entry.key_place, message, _REMEDY)


def _extra(path: str, published: set[str], contents: Mapping[str, str]) -> Iterator[Diagnostic]:
    root = PurePosixPath(path).parent
    for name in sorted(set(contents) - published):
        message = "the file was not published"
        yield Diagnostic("M003", Severity.ERROR, str(root / name), 1, 1, 2, message, _REMEDY)
