"""Ed25519 keys as files and lines, and signatures by them."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from decision_service.pipeline.rules.publishing.approval import Signing, statement
from decision_service.pipeline.rules.publishing.manifest import Approval, Publication

KEY_PREFIX = "ed25519:"
_PUBLIC_BYTES = 32


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
    if not line.startswith(KEY_PREFIX):
        return None
    try:
        raw = base64.b64decode(line.removeprefix(KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
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
