"""What the clock guard needs of the store and of the vendor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec


class ClockReset(msgspec.Struct, frozen=True):
    """A reset of the guard: decisions recorded from `first` to `last` no longer count.

    `at` is the instant of the reset by a clock that agreed with the vendor's; it counts in their
    place. Resets are numbered from 1 by `position`.
    """

    position: int
    at: datetime
    who: str
    why: str
    first: datetime
    last: datetime

    def covers(self, created: datetime) -> bool:
        """Whether a decision of this instant no longer counts."""
        return self.first <= created <= self.last


class ClockLog(Protocol):
    """The store as the guard sees it; every method raises StoreUnavailable."""

    async def newest_decision(self, before: datetime | None = None) -> datetime | None:
        """When the newest decision was recorded, of all or of those before an instant."""

    async def first_decision(self, after: datetime) -> datetime | None:
        """When the first decision after an instant was recorded."""

    async def clock_resets(self) -> Sequence[ClockReset]:
        """Every reset, newest first."""

    async def reset_clock(self, reset: ClockReset) -> bool:
        """Journal a reset, durable on return; False where another one has its position.

        Readings that are newer than the reset serve no decision any more.
        """


class VendorClock(Protocol):
    """The vendor's clock."""

    def last_drift(self) -> timedelta | None:
        """How far this machine's clock was ahead at the vendor's last answer; None if not known."""

    async def clock_drift(self, stop_at: float) -> timedelta | None:
        """How far this machine's clock is ahead of the vendor's; None where it tells no time.

        Raises UpstreamUnavailable and UpstreamBudgetExhausted.
        """
