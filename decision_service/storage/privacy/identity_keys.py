"""The file of secret keys by which accounts and persons are hashed."""

from __future__ import annotations

from decision_service.pipeline.history.keys import IdentityKey
from decision_service.storage.privacy.key_files import KeyFile

IDENTITY_KEYS = KeyFile(
    "identity key",
    IdentityKey.of,
    needed="hashes under",
    way=", or run `decision-service identity-keys forget {key}`, after which second uses that it "
    "found are not found again",
)
