"""The machine's clocks and ids: the one place of the service that asks for either."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime

from ulid import ULID


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class Ids:
    """Decision ids are ULIDs, made request ids are UUIDs."""

    def decision_id(self, created: datetime) -> str:
        """`dec_` and a ULID of this instant."""
        return f"dec_{ULID.from_datetime(created)}"

    def request_id(self) -> str:
        """A random UUID."""
        return str(uuid.uuid4())
