"""The manifest: a digest of every file, so that a partly copied folder never decides.

When it was published orders publications, so that an older one does not come back by mistake.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import msgspec

from decision_service.language.diagnostics import Diagnostic, Report, Severity
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry
from decision_service.language.yaml.parser import read
from decision_service.language.yaml.readers import as_scalar, as_text

MANIFEST = "manifest.yaml"
_HEAD = "# What was published last. `decision-service rules publish` writes it; nobody else does.\n"
_REMEDY = "wait until the folder is copied whole, or publish it: decision-service rules publish"


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NAME = re.compile(f"[0-9a-f]{{16}}@{_INSTANT.pattern}")
"""The name of a publication."""

EVIDENCE = ("impact", "proofs")
"""What may show that a change is safe: the impact report and the proofs, each by its digest."""


class Approval(msgspec.Struct, frozen=True):
    """A caller's signature under a publication, in 64 bytes, and its line in the manifest."""

    name: str
    signature: bytes
    line: int = 1


class Measured(msgspec.Struct, frozen=True):
    """What the tests of a version reach and notice, in percent; a floor of 0 counts nothing."""

    coverage: int
    figures: int


class Publication(msgspec.Struct, frozen=True):
    """A manifest's header: who published, when (`2026-11-25T10:00:00Z`), and what.

    `digest` is that of the files' names and digests, so equal ones are equal folders. With
    `allow_rollback` it may replace the publication of that name though its rules decided before.
    `ticket` is the lender's reference of the change, `evidence` the SHA-256 of its impact report
    and proofs. `tested` has each version that may decide, `accepted` what was named of what the
    change loosens. `shown` is the SHA-256 of what the signers saw of it.
    """

    by: str
    at: str
    digest: str
    allow_rollback: str = ""
    ticket: str = ""
    evidence: Mapping[str, str] = msgspec.field(default_factory=dict)
    tested: Mapping[str, Measured] = msgspec.field(default_factory=dict)
    proved: int = 0
    accepted: tuple[str, ...] = ()
    shown: str = ""
    proposed_by: Approval | None = None
    approved_by: Approval | None = None

    @property
    def name(self) -> str:
        """Its digest and instant: the same rules published again are another publication."""
        return f"{self.digest[:16]}@{self.at}"


def manifest_text(published: Publication, contents: Mapping[str, str]) -> str:
    """The manifest of a folder's files, given by their path within it."""
    told = {
        "by": published.by,
        "at": published.at,
        "allow_rollback": published.allow_rollback,
        "ticket": published.ticket,
        **published.evidence,
        "proved": published.proved,
        "shown": published.shown,
        "tested": {name: msgspec.to_builtins(one) for name, one in published.tested.items()},
        "accepted": published.accepted,
    }
    quoted = {"at", "shown", *EVIDENCE}
    lines = [
        f"{key}: {value if key in quoted else json.dumps(value, ensure_ascii=False)}\n"
        for key, value in told.items()
        if value
    ]
    lines += _signatures(published)
    files = [f"  {json.dumps(path)}: {digest(contents[path])}\n" for path in sorted(contents)]
    return f"{_HEAD}{''.join(lines)}files:\n{''.join(files)}"


def _signatures(published: Publication) -> Iterator[str]:
    for key in ("proposed_by", "approved_by"):
        approval: Approval | None = getattr(published, key)
        if approval is not None:
            signature = base64.b64encode(approval.signature).decode()
            yield f"{key}: {{name: {json.dumps(approval.name)}, signature: {signature}}}\n"


def published_now(contents: Mapping[str, str], by: str, at: datetime, **more: Any) -> Publication:
    """The publication of a folder's files at an instant, with `more` of its fields."""
    return Publication(by, f"{at:%Y-%m-%dT%H:%M:%SZ}", contents_digest(contents), **more)


def digest(text: str) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def publication(path: str, text: str) -> Publication | None:
    """The header of a manifest's text; None where it cannot be read."""
    report = Report()
    fields = _fields(path, text, report)
    files = None if fields is None else fields.map("files")
    if fields is None or files is None or report.diagnostics():
        return None
    texts = {entry.key: as_scalar(entry.value, "a digest", report) for entry in files.entries}
    accepted = fields.items("accepted") if fields.has("accepted") else ()
    counted = fields.map("tested") if fields.has("tested") else None
    tested = {one.key: _tested(one, report) for one in (counted.entries if counted else ())}
    return Publication(
        by=_text(fields, "by"),
        at=_text(fields, "at"),
        digest=_digest_of({key: one.text for key, one in texts.items() if one is not None}),
        allow_rollback=_text(fields, "allow_rollback"),
        ticket=_text(fields, "ticket"),
        evidence={key: _text(fields, key) for key in EVIDENCE if fields.has(key)},
        tested=tested,
        proved=fields.integer("proved", 0) or 0,
        accepted=tuple(as_text(one, "`accepted`", report) or "" for one in accepted),
        shown=_text(fields, "shown"),
        proposed_by=_approval(fields, "proposed_by"),
        approved_by=_approval(fields, "approved_by"),
    )


def _tested(entry: MapEntry, report: Report) -> Measured:
    """Figures of a version; what cannot be read counts as none."""
    keys = Measured.__struct_fields__
    inner = Fields.of(entry.value, f"`{entry.key}`", report, required=keys)
    return Measured(*((inner and inner.integer(key, 0, 100)) or 0 for key in keys))


def _approval(fields: Fields, key: str) -> Approval | None:
    """A signature; one that is none at all counts as one by nobody."""
    node = fields.get(key)
    if node is None:
        return None
    inner = Fields.of(node, f"`{key}`", fields.report, required=("name", "signature"))
    if inner is None:
        return None
    return Approval(_text(inner, "name"), _bytes(_text(inner, "signature")), node.place.line)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def contents_digest(contents: Mapping[str, str]) -> str:
    """The digest that a folder's publication has, from its files' texts."""
    return _digest_of({path: digest(text) for path, text in contents.items()})


def _digest_of(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{json.dumps(path)}: {digests[path]}\n" for path in sorted(digests))
    return digest(lines)


def _text(fields: Fields, key: str) -> str:
    scalar = fields.scalar(key) if fields.has(key) else None
    return "" if scalar is None else scalar.text


def _fields(path: str, text: str, report: Report) -> Fields | None:
    node = read(path, text, report)
    keys = ("by", "at", "files")
    more = {*Publication.__struct_fields__, *EVIDENCE} - {*keys, "digest", "evidence"}
    fields = node and Fields.of(node, "a manifest", report, required=keys, optional=more)
    if not fields or not fields.has("at"):
        return fields or None
    at = fields.scalar("at")
    if at is not None and not _is_instant(at.text):
        message = "`at` is no instant such as 2026-11-25T10:00:00Z"
        report.error("M004", fields.place("at"), message, _REMEDY)
    return fields


def _is_instant(text: str) -> bool:
    try:
        return bool(_INSTANT.fullmatch(text)) and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def manifest_problems(path: str, text: str, contents: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """The differences of a folder from its manifest; empty where there are none.

    `path` is the manifest's as messages show it. A file that was published and is missing or
    differs is located in the manifest, one that was not published at its own first line.
    """
    report = Report()
    fields = _fields(path, text, report)
    files = fields.map("files") if fields else None
    entries = files.entries if files is not None else ()
    for entry in entries:
        _check(entry, contents, report)
    extra = () if files is None else tuple(_extra(path, {e.key for e in entries}, contents))
    return (*report.diagnostics(), *extra)


def _check(entry: MapEntry, contents: Mapping[str, str], report: Report) -> None:
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
