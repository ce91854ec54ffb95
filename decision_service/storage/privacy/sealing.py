"""Encryption of personal data, so that destroying a user's key destroys the data."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from decision_service.storage.errors import unavailable

KEY_BYTES = 32
_NONCE_BYTES = 12


def new_key() -> bytes:
    """A random key."""
    return AESGCM.generate_key(8 * KEY_BYTES)


def sealed(key: bytes, body: bytes, about: str) -> bytes:
    """A body encrypted with AES-256-GCM, its nonce before it; bound to what it is about."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, body, about.encode())


def opened(key: bytes, body: bytes, about: str) -> bytes:
    """The body that was sealed; raises StoreUnavailable where it or the key is damaged."""
    nonce, sealed_body = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, sealed_body, about.encode())
    except (InvalidTag, ValueError):
        raise unavailable("a stored snapshot is damaged: restore the store's backup") from None
