"""The manifest: a digest of every file, signatures of it, and who approved it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from msgspec.structs import replace

from decision_service.rules.language.diagnostics import Diagnostic, Report, Severity
from decision_service.rules.language.fields import Fields, as_scalar, as_text
from decision_service.rules.language.yaml import MapEntry, read

MANIFEST = "manifest.yaml"
_HEAD = "# What was published last. `decision-service rules publish` writes it, and only that.\n"
_REMEDY = "wait until the folder is copied whole, or publish it: decision-service rules publish"

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NAME = re.compile(f"[0-9a-f]{{16}}@{_INSTANT.pattern}")
"""The name of a publication."""

EVIDENCE = ("impact", "proofs")
"""What may show that a change is safe: the impact report and the proofs, each by its digest."""

_CONTEXT = "decision-service: a publication of rules, 2"
_SIGN = "decision-service rules sign --by NAME --key FILE"

KEY_PREFIX = "ed25519:"
_PUBLIC_BYTES = 32


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
    head = {
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
        for key, value in head.items()
        if value
    ]
    for key in Signing:
        approval: Approval | None = getattr(published, key)
        if approval is not None:
            signature = base64.b64encode(approval.signature).decode()
            name = json.dumps(approval.name)
            lines.append(f"{key}: {{name: {name}, signature: {signature}}}\n")
    files = [f"  {json.dumps(path)}: {digest(contents[path])}\n" for path in sorted(contents)]
    return f"{_HEAD}{''.join(lines)}files:\n{''.join(files)}"


def published_now(contents: Mapping[str, str], by: str, at: datetime, **more: Any) -> Publication:
    return Publication(by, f"{at:%Y-%m-%dT%H:%M:%SZ}", contents_digest(contents), **more)


def digest(text: str) -> str:
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
    """A signature; one that is none at all counts as one by no caller."""
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
    if entry.key in contents:
        texts.append(contents[entry.key])
    if not texts:
        message = f"`{entry.key}` was published and is not there"
        report.error("M001", entry.key_place, message, _REMEDY)
    elif published is not None and published.text not in map(digest, texts):
        report.error("M002", entry.key_place, f"`{entry.key}` is not as it was published", _REMEDY)


class Signing(StrEnum):
    PROPOSED = "proposed_by"
    APPROVED = "approved_by"


class SigningKey(msgspec.Struct, frozen=True):
    """A public key of 32 bytes; from the day `withdrawn` on its signatures no longer count."""

    public: bytes
    withdrawn: date | None = None


class Signer(msgspec.Struct, frozen=True):
    signs: frozenset[Signing]
    keys: tuple[SigningKey, ...] = ()


Signers = Mapping[str, Signer]
"""Every caller who may sign, by name."""


def statement(published: Publication, signing: Signing) -> bytes:
    """What is signed, as one line of JSON; `published` names its proposer."""
    proposed = published.proposed_by
    said = msgspec.to_builtins(replace(published, proposed_by=None, approved_by=None))
    fields = {
        **said,
        "context": _CONTEXT,
        "signed_as": signing.value,
        "proposed_by": "" if proposed is None else proposed.name,
    }
    return json.dumps(fields, sort_keys=True).encode()


def evidence_problems(
    path: str, published: Publication, found: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """M013 for each named file whose SHA-256 in `found` is not as it was signed."""
    for name, signed in published.evidence.items():
        if found.get(name) != signed:
            is_there = "is another one" if name in found else "is not there"
            message = (
                f"the manifest names {name}.json with the SHA-256 {signed[:16]}, which {is_there}"
            )
            hint = f"put the file back that was signed, or begin again: {_SIGN}"
            yield _problem("M013", path, 1, message=message, hint=hint)


def approval_problems(
    path: str, published: Publication | None, signers: Signers, today: date | None
) -> tuple[Diagnostic, ...]:
    """Why a publication is not approved by two persons; empty where it is.

    `path` is the manifest's as messages show it. `today` decides which keys are withdrawn; None for
    a publication that was accepted before, whose keys may have been withdrawn since.
    """
    both: dict[Signing, Approval | None] = {one: getattr(published, one, None) for one in Signing}
    signed = {signing: one for signing, one in both.items() if one is not None}
    if published is None or not signed:
        message = "the rules are not published with two persons' signatures"
        return (
            _problem("M008", path, 1, message=message, hint=f"{_SIGN}, by one and then by another"),
        )
    first = signed.get(Signing.PROPOSED)
    second = signed.get(Signing.APPROVED)
    found = []
    if first is None:
        message = "no caller signed these rules first"
        found.append(_problem("M008", path, 1, message=message, hint=_SIGN))
    elif second is None:
        message = f"no second caller signed the rules that `{first.name}` signed"
        found.append(
            _problem("M008", path, 1, message=message, hint=f"another caller does: {_SIGN}")
        )
    elif first.name == second.name:
        message = f"`{second.name}` signed these rules twice"
        found.append(
            _problem(
                "M010", path, second.line, message=message, hint="let another caller sign them"
            )
        )
    for signing, approval in signed.items():
        problem = _judged(published, signing, approval, signers=signers, today=today)
        if problem is not None:
            found.append(_problem(problem[0], path, approval.line, *problem[1:]))
    return tuple(found)


def _judged(
    published: Publication,
    signing: Signing,
    approval: Approval,
    signers: Signers,
    today: date | None,
) -> tuple[str, str, str] | None:
    """Code, message and hint of a signature that does not count; None where it does."""
    signer = signers.get(approval.name)
    name = approval.name
    role = {Signing.PROPOSED: "rules", Signing.APPROVED: "rules_approve"}[signing]
    if signer is None or signing not in signer.signs:
        hint = f"give that caller the role and a key in the callers file, or let one of {role} sign"
        return "M009", f"`{signing}` is `{name}`, who is no caller of the role `{role}`", hint
    key = _key_of(statement(published, signing), approval.signature, signer.keys)
    if key is None:
        message = f"the signature of `{name}` is of other rules, or by a key that is not theirs"
        return "M011", message, f"sign again what is there now: {_SIGN}"
    if today is not None and key.withdrawn is not None and key.withdrawn <= today:
        message = f"`{name}` signed by a key that was withdrawn on {key.withdrawn}"
        return "M012", message, "sign by a key that counts"
    return None


def _key_of(signed: bytes, signature: bytes, keys: Sequence[SigningKey]) -> SigningKey | None:
    """The key that signed; of two equal ones the one that counts longer."""
    lasting = sorted(keys, key=lambda one: one.withdrawn or date.max, reverse=True)
    return next((one for one in lasting if _verifies(one.public, signature, signed)), None)


def _verifies(public: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _problem(code: str, path: str, line: int, message: str, hint: str) -> Diagnostic:
    return Diagnostic(
        code, Severity.ERROR, path, line=line, column=1, end=2, message=message, hint=hint
    )


def new_key() -> bytes:
    """A fresh private key in PEM (PKCS #8, not encrypted)."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_line(pem: bytes) -> str:
    """The public key of a private one, as the callers file has it; raises ValueError."""
    raw = _private(pem).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return KEY_PREFIX + base64.b64encode(raw).decode()


def key_from(line: str) -> bytes | None:
    """The 32 bytes of a public key as the callers file has it; None for another text."""
    raw = _bytes(line.removeprefix(KEY_PREFIX)) if line.startswith(KEY_PREFIX) else b""
    return raw if len(raw) == _PUBLIC_BYTES else None


def signed(published: Publication, signing: Signing, name: str, pem: bytes) -> Approval:
    """A caller's signature under a publication; raises ValueError where `pem` is no such key."""
    return Approval(name, _private(pem).sign(statement(published, signing)))


def _private(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("the key is encrypted or of another kind") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the key is no Ed25519 key")  # noqa: TRY004 - one error for callers
    return key
