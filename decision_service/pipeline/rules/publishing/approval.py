"""Two persons for a change of the rules: who signed a publication first, and who after.

Each signs one statement with an Ed25519 key: the digest of the files, all else that the manifest
says of them, and the proposer. A change of any of it ends both signatures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec.structs import replace

from decision_service.language.diagnostics import Diagnostic, Severity
from decision_service.pipeline.rules.publishing.manifest import Approval, Publication

_CONTEXT = "decision-service: a publication of rules, 2"
_SIGN = "decision-service rules sign --by NAME --key FILE"


class Signing(StrEnum):
    """What a signature says, as the manifest names it."""

    PROPOSED = "proposed_by"
    APPROVED = "approved_by"


class SigningKey(msgspec.Struct, frozen=True):
    """A public key of 32 bytes; from the day `withdrawn` on its signatures no longer count."""

    public: bytes
    withdrawn: date | None = None


class Signer(msgspec.Struct, frozen=True):
    """A caller who may sign, what for, and the keys that show it."""

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
    """M013 for each file that the manifest names and that is not as it was signed.

    `found` are the SHA-256 of the files that lie with it.
    """
    for name, signed in published.evidence.items():
        if found.get(name) != signed:
            is_there = "is another one" if name in found else "is not there"
            message = (
                f"the manifest names {name}.json with the SHA-256 {signed[:16]}, which {is_there}"
            )
            hint = f"put the file back that was signed, or begin again: {_SIGN}"
            yield _problem("M013", path, 1, message, hint)


def approval_problems(
    path: str, published: Publication | None, signers: Signers, today: date | None
) -> tuple[Diagnostic, ...]:
    """Why a publication is not approved by two persons; empty where it is.

    `path` is the manifest's as messages show it. `today` decides which keys are withdrawn; None for
    a publication that was accepted before, whose keys may have been withdrawn since.
    """
    signed = {} if published is None else _signed(published)
    if published is None or not signed:
        message = "the rules are not published with two persons' signatures"
        return (_problem("M008", path, 1, message, f"{_SIGN}, by one and then by another"),)
    found = [*_missing(path, signed), *_shared(path, signed)]
    for signing, approval in signed.items():
        problem = _judged(published, signing, approval, signers, today)
        if problem is not None:
            found.append(_problem(problem[0], path, approval.line, *problem[1:]))
    return tuple(found)


def _signed(published: Publication) -> dict[Signing, Approval]:
    both = {
        Signing.PROPOSED: published.proposed_by,
        Signing.APPROVED: published.approved_by,
    }
    return {signing: one for signing, one in both.items() if one is not None}


def _missing(path: str, signed: Mapping[Signing, Approval]) -> Iterator[Diagnostic]:
    if Signing.PROPOSED not in signed:
        yield _problem("M008", path, 1, "no caller signed these rules first", _SIGN)
    elif Signing.APPROVED not in signed:
        name = signed[Signing.PROPOSED].name
        message = f"no second caller signed the rules that `{name}` signed"
        yield _problem("M008", path, 1, message, f"another caller does: {_SIGN}")


def _shared(path: str, signed: Mapping[Signing, Approval]) -> Iterator[Diagnostic]:
    if len(signed) > len({one.name for one in signed.values()}):
        approval = signed[Signing.APPROVED]
        message = f"`{approval.name}` signed these rules twice"
        yield _problem("M010", path, approval.line, message, "let another caller sign them")


def _judged(
    published: Publication,
    signing: Signing,
    approval: Approval,
    signers: Signers,
    today: date | None,
) -> tuple[str, str, str] | None:
    """Code, message and hint of a signature that does not count; None where it does."""
    signer, name = signers.get(approval.name), approval.name
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
    return Diagnostic(code, Severity.ERROR, path, line, 1, 2, message, hint)
