"""At most N requests in any sliding second, over all requests of this process to the vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from decision_service.pipeline.ports import Clock
from decision_service.smile.errors import NoPermit

Sleep = Callable[[float], Awaitable[None]]

_IN_HAND = 0.25
"""Share of the time before a deadline that reservations leave free: a request that leaves late
delays all permits behind it.
"""


class Permit:
    """Permission to send one request; it counts from the moment the request has left."""

    __slots__ = ("_clock", "sent_at")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sent_at: float | None = None

    def sent(self) -> None:
        """The request is on the wire (or never will be); a second call changes nothing."""
        if self.sent_at is None:
            self.sent_at = self._clock.monotonic()


class Reservation:
    """Permits that a fetch in progress is still to acquire; `left` of them."""

    __slots__ = ("left",)

    def __init__(self, count: int = 0) -> None:
        self.left = count

    def take(self) -> None:
        """Use one of the permits; a fetch may acquire more than it reserved."""
        self.left = max(0, self.left - 1)

    def release(self) -> None:
        """Give back what is left."""
        self.left = 0


class RateLimiter:
    """Gives permits first come, first served, and holds all of them back after a 429.

    A bucket with a burst of N and N per second would let 2 N through in one second; therefore the
    times of the last N sends are kept, and the next waits until the oldest is `window` old. A
    request that has not left yet (its connection is being made) counts as now.
    """

    def __init__(
        self, clock: Clock, per_second: int, window: float = 1.05, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._per_second = per_second
        self._window = window
        self._sleep = sleep
        self._permits: list[Permit] = []
        self._reservations: list[Reservation] = []
        self._resume_at = 0.0
        self._queue = asyncio.Lock()
        self._waiting = 0

    async def acquire(self, stop_at: float) -> Permit:
        """Wait for permission to send one request.

        Raises NoPermit when none is free before `stop_at`, at once where that can be computed.
        """
        self._check_expected(1, stop_at)
        self._waiting += 1
        try:
            async with asyncio.timeout(max(0.0, stop_at - self._clock.monotonic())):
                return await self._next(stop_at)
        except TimeoutError:
            raise NoPermit(self._window) from None
        finally:
            self._waiting -= 1

    def reserve(self, count: int, stop_at: float) -> Reservation:
        """Set this many permits aside for a fetch that begins.

        Raises NoPermit unless the permits are expected before `stop_at`, behind earlier ones and
        with time in hand: otherwise many fetches would begin that can only end without data.
        """
        self._reservations = [reservation for reservation in self._reservations if reservation.left]
        ahead = sum(reservation.left for reservation in self._reservations)
        now = self._clock.monotonic()
        self._check_expected(ahead + count, now + (stop_at - now) * (1 - _IN_HAND))
        made = Reservation(count)
        self._reservations.append(made)
        return made

    def pause(self, seconds: float) -> None:
        """Hold every permit back for some seconds from now; a longer pause stays as it is."""
        self._resume_at = max(self._resume_at, self._clock.monotonic() + seconds)

    @property
    def paused_for(self) -> float:
        """Seconds until permits are given again."""
        return max(0.0, self._resume_at - self._clock.monotonic())

    async def _next(self, stop_at: float) -> Permit:
        async with self._queue:
            while (wait := self._wait()) > 0:
                if self._clock.monotonic() + wait > stop_at:
                    raise NoPermit(wait)
                await self._sleep(wait)
            permit = Permit(self._clock)
            self._permits.append(permit)
            return permit

    def _wait(self) -> float:
        free_at = max(self._free_from(1), self._resume_at)
        return free_at - self._clock.monotonic()

    def _check_expected(self, count: int, stop_at: float) -> None:
        now = self._clock.monotonic()
        expected = max(self._free_from(self._waiting + count), self._resume_at, now)
        if expected > stop_at:
            raise NoPermit(expected - now)

    def _free_from(self, position: int) -> float:
        """When the permit at this position in the queue (from 1) is expected; now or later."""
        now = self._clock.monotonic()
        oldest = now - self._window
        self._permits = [t for t in self._permits if t.sent_at is None or t.sent_at > oldest]
        times = sorted(now if t.sent_at is None else t.sent_at for t in self._permits)
        times = [oldest] * (self._per_second - len(times)) + times
        rounds, place = divmod(position - 1, self._per_second)
        return max(now, times[place] + self._window) + rounds * self._window
