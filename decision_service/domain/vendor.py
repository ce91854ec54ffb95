"""A vendor of income data as the service watches it, and where it sends its events."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Protocol

import msgspec


class Circuit(StrEnum):
    """CLOSED: requests pass. OPEN: none but a probe every few seconds. HALF_OPEN: one is out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class VendorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a vendor since the start, as operators watch it.

    `waited_seconds` sums what requests waited for the request limit, `paused_seconds` is how long
    they still rest because the vendor asked for it. `providers_read` is when the list of providers
    was last read. While `keys_refused` no decision can be made.
    """

    circuit: Circuit = Circuit.CLOSED
    requests: int = 0
    retries: int = 0
    tls_failures: int = 0
    cross_tenant: int = 0
    credential_refusals: int = 0
    waited_seconds: float = 0.0
    paused_seconds: float = 0.0
    providers_read: datetime | None = None
    keys_refused: bool = False


def digest_of(secret: str) -> str:
    """What is kept of a secret that signs events: its SHA-256 in hex."""
    return sha256(secret.encode()).hexdigest()


class Webhook(msgspec.Struct, frozen=True):
    """One address to which the vendor sends events.

    With `all_types` it is sent every event, else those of `event_types`. `secret_digest` is that
    of its secret (`digest_of`), empty where the vendor does not say.
    """

    id: str
    name: str
    url: str
    event_types: tuple[str, ...]
    active: bool
    secret_digest: str = ""
    all_types: bool = False

    def is_signed_by(self, secret: str) -> bool:
        """Whether its events are signed by this secret; True where the vendor does not say."""
        return self.secret_digest in ("", digest_of(secret))

    def sends(self, event_type: str) -> bool:
        return self.active and (self.all_types or event_type in self.event_types)


class Webhooks(Protocol):
    """Where the vendor sends events; `stop_at` is the end on Clock.monotonic.

    Every method raises UpstreamUnavailable and UpstreamBudgetExhausted.
    """

    async def list(self, stop_at: float) -> tuple[Webhook, ...]:
        """Those of this key pair."""

    async def register(
        self, name: str, url: str, event_types: tuple[str, ...], secret: str, stop_at: float
    ) -> Webhook:
        """Have the vendor send these events to an https address, signed by the secret."""

    async def remove(self, webhook_id: str, stop_at: float) -> bool:
        """Have the vendor send nothing more to one; False where it knows none of this id."""
