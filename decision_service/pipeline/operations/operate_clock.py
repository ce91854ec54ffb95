"""Showing what the clock is judged by, and resetting that after a clock that was ahead.

A reset is misused where the clock is wrong when it is made: then ages would be judged by a wrong
clock without anybody noticing. The vendor's clock is therefore asked first, every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from decision_service.alarms import Alarm, raised
from decision_service.domain.errors import ClockResetRefused
from decision_service.pipeline.operations.clock_guard import (
    TOLERANCE,
    ClockGuard,
    is_behind,
    newest_counted,
)
from decision_service.pipeline.operations.clock_ports import ClockLog, ClockReset, VendorClock
from decision_service.pipeline.ports import Clock

log = structlog.get_logger("decision_service.clock")


class ClockStatus(msgspec.Struct, frozen=True):
    """The clock of this process: its instant, the newest decision that counts, the resets.

    `drift` is how far it was ahead of the vendor's clock at the last answer, None if not known.
    """

    now: datetime
    newest: datetime | None
    drift: timedelta | None
    resets: Sequence[ClockReset]

    @property
    def doubted(self) -> bool:
        """Whether decisions refer as stale because the clock is behind the newest decision."""
        return is_behind(self.now, self.newest)


class OperateClock:
    """Shows and resets the clock guard; a reset reaches every process on the store."""

    def __init__(
        self, guard: ClockGuard, store: ClockLog, vendor: VendorClock, clock: Clock
    ) -> None:
        self._guard = guard
        self._store = store
        self._vendor = vendor
        self._clock = clock

    async def show(self) -> ClockStatus:
        """The clock as it stands; the vendor is not asked. Raises StoreUnavailable."""
        now = self._clock.now()
        await self._guard.doubts(now)
        resets = await self._store.clock_resets()
        known = (await newest_counted(self._store, resets), self._guard.newest)
        newest = max((one for one in known if one is not None), default=None)
        return ClockStatus(now, newest, self._vendor.last_drift(), resets)

    async def reset(self, who: str, why: str, stop_at: float) -> ClockStatus:
        """Have decisions of a clock that was ahead no longer count; the clock after that.

        Raises ClockResetRefused where nothing makes the clock doubtful, where it differs from the
        vendor's by more than 5 s or the vendor's tells no time, and where another reset came first;
        UpstreamUnavailable, UpstreamBudgetExhausted, StoreUnavailable.
        """
        _require_agreement(await self._vendor.clock_drift(stop_at))
        status = await self.show()
        if status.newest is None or not status.doubted:
            raise ClockResetRefused(
                "the clock is not behind the newest decision that counts: there is nothing to reset"
            )
        first = await self._store.first_decision(after=status.now + TOLERANCE)
        reset = ClockReset(
            1 + max((one.position for one in status.resets), default=0),
            status.now,
            who,
            why,
            min(first or status.newest, status.newest),
            status.newest,
        )
        if not await self._store.reset_clock(reset):
            raise ClockResetRefused("another reset came first: look at the clock again")
        log.warning(
            "clock guard reset",
            alarm=raised(Alarm.CLOCK_RESET),
            who=who,
            first=reset.first.isoformat(),
            last=reset.last.isoformat(),
        )
        return await self.show()


def _require_agreement(drift: timedelta | None) -> None:
    if drift is None:
        raise ClockResetRefused(
            "the vendor's answer holds no time to compare this clock with: reset the guard when it "
            "does"
        )
    if abs(drift) > TOLERANCE:
        side = "ahead of" if drift > timedelta() else "behind"
        raise ClockResetRefused(
            f"this machine's clock is {abs(drift).total_seconds():.0f} s {side} the vendor's: "
            "correct the clock, and reset the guard only if decisions still refer then"
        )
