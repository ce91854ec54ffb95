"""Whether the wall clock is plausible: not far behind the newest recorded decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol, Self

import msgspec
import structlog

from decision_service.domain.errors import ClockResetRefused
from decision_service.domain.ports import Clock
from decision_service.runtime.telemetry import Alarm, raised

TOLERANCE = timedelta(seconds=5)
"""How far a time service may set the clock back before ages are doubted."""

log = structlog.get_logger("decision_service.clock")


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


class ClockGuard:
    """The newest instant of a decision that counts and that this process knows of.

    None where there is none. Without a `store` nothing is reset; `position` is the newest reset
    that this guard has followed.
    """

    def __init__(
        self, store: ClockLog | None = None, newest: datetime | None = None, position: int = 0
    ) -> None:
        self.newest = newest
        self._store = store
        self._position = position
        self._doubted = False

    @classmethod
    async def open(cls, store: ClockLog) -> Self:
        """A guard of what the store holds; raises StoreUnavailable."""
        resets = await store.clock_resets()
        return cls(store, await newest_counted(store, resets), resets[0].position if resets else 0)

    def note(self, created: datetime) -> None:
        if self.newest is None or created > self.newest:
            self.newest = created

    async def doubts(self, now: datetime) -> bool:
        """More than 5 s before the newest record, once resets are followed; logged as it begins."""
        if is_behind(now, self.newest):
            await self._follow()
        doubted = is_behind(now, self.newest)
        if doubted and not self._doubted and self.newest is not None:
            log.error(
                "clock went back",
                alarm=raised(Alarm.CLOCK),
                now=now.isoformat(),
                newest_decision=self.newest.isoformat(),
                behind_seconds=round((self.newest - now).total_seconds()),
                says="the clock is behind now, or was ahead when that decision was recorded: "
                "`decisions clock` tells which, and what to do",
            )
        self._doubted = doubted
        return doubted

    async def _follow(self) -> None:
        resets = () if self._store is None else await self._store.clock_resets()
        fresh = [reset for reset in resets if reset.position > self._position]
        if not fresh:
            return
        self._position = fresh[0].position
        if self.newest is not None and any(reset.covers(self.newest) for reset in fresh):
            self.newest = fresh[0].at


def is_behind(now: datetime, newest: datetime | None) -> bool:
    return newest is not None and newest - now > TOLERANCE


async def newest_counted(store: ClockLog, resets: Sequence[ClockReset]) -> datetime | None:
    """Decisions recorded within what a reset covers count until the next start alone."""
    newest = await store.newest_decision()
    while newest is not None:
        covering = [reset.first for reset in resets if reset.covers(newest)]
        if not covering:
            break
        newest = await store.newest_decision(before=min(covering))
    counted = [newest] if newest is not None else []
    return max((*counted, *(reset.at for reset in resets[:1])), default=None)


class ClockStatus(msgspec.Struct, frozen=True):
    """`drift` is how far it was ahead of the vendor's at the last answer, None if not known."""

    now: datetime
    newest: datetime | None
    drift: timedelta | None
    resets: Sequence[ClockReset]

    @property
    def doubted(self) -> bool:
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
