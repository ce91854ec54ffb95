"""Own facts of somebody whom the service has never met."""

from __future__ import annotations

from decision_service.decide.application import IdentityKey
from decision_service.decide.history import OwnRecords
from decision_service.domain.person import History, Match, OwnFacts, Reuse

NEWCOMER = OwnFacts(History("PHP"), Reuse(1, 1, 1, keyed=True), Match())
"""Nothing on record, and nobody else under the account, the user or the name."""

UNKNOWN = OwnRecords(NEWCOMER, ())
"""The same as it is read, without places to take."""

SECRETS = (IdentityKey.of(b"the key of tests, at least 32 bytes"),)
"""The keys of hashes."""
