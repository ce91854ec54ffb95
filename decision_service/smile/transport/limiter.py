"""At most N requests in any sliding second, over everything this process asks of the vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from decision_service.pipeline.ports import Clock
from decision_service.smile.errors import NoTurn

Sleep = Callable[[float], Awaitable[None]]

_IN_HAND = 0.25
"""Of the time before a deadline that promised turns leave free, since requests that leave late make
all turns behind them later.
"""


class Turn:
    """Leave to send one request; it counts from the moment the request has left."""

    __slots__ = ("_clock", "sent_at")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sent_at: float | None = None

    def sent(self) -> None:
        """The request is on the wire (or never will be); a second call changes nothing."""
        if self.sent_at is None:
            self.sent_at = self._clock.monotonic()


class Promise:
    """Turns that a reading which has begun is still to ask for; `left` of them."""

    __slots__ = ("left",)

    def __init__(self, count: int = 0) -> None:
        self.left = count

    def claim(self) -> None:
        """One of them is being asked for; more than were promised may be."""
        self.left = max(0, self.left - 1)

    def end(self) -> None:
        """The reading needs no more."""
        self.left = 0


class Limiter:
    """Gives turns first come, first served, and holds all of them back after a 429.

    A bucket with a burst of N and N per second would let 2 N through in one second; therefore the
    times of the last N sends are kept, and the next waits until the oldest is `window` old. A turn
    that has not left yet (its connection is being made) counts as now.
    """

    def __init__(
        self, clock: Clock, per_second: int, window: float = 1.05, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._per_second = per_second
        self._window = window
        self._sleep = sleep
        self._turns: list[Turn] = []
        self._promises: list[Promise] = []
        self._resume_at = 0.0
        self._queue = asyncio.Lock()
        self._waiting = 0

    async def turn(self, stop_at: float) -> Turn:
        """Wait for leave to send one request.

        Raises NoTurn, at once where that can be foreseen, when none is free before `stop_at`.
        """
        self._foresee(1, stop_at)
        self._waiting += 1
        try:
            async with asyncio.timeout(max(0.0, stop_at - self._clock.monotonic())):
                return await self._next(stop_at)
        except TimeoutError:
            raise NoTurn(self._window) from None
        finally:
            self._waiting -= 1

    def promise(self, count: int, stop_at: float) -> Promise:
        """Set this many turns aside for a reading that begins.

        Raises NoTurn unless they are to be expected before `stop_at`, behind those promised before
        and with time in hand: otherwise many readings would begin that can only end without data.
        """
        self._promises = [promise for promise in self._promises if promise.left]
        ahead = sum(promise.left for promise in self._promises)
        now = self._clock.monotonic()
        self._foresee(ahead + count, now + (stop_at - now) * (1 - _IN_HAND))
        made = Promise(count)
        self._promises.append(made)
        return made

    def pause(self, seconds: float) -> None:
        """Hold every turn back for some seconds from now; a longer pause stays as it is."""
        self._resume_at = max(self._resume_at, self._clock.monotonic() + seconds)

    @property
    def paused_for(self) -> float:
        """Seconds until turns are given again."""
        return max(0.0, self._resume_at - self._clock.monotonic())

    async def _next(self, stop_at: float) -> Turn:
        async with self._queue:
            while (wait := self._wait()) > 0:
                if self._clock.monotonic() + wait > stop_at:
                    raise NoTurn(wait)
                await self._sleep(wait)
            turn = Turn(self._clock)
            self._turns.append(turn)
            return turn

    def _wait(self) -> float:
        free_at = max(self._free_from(1), self._resume_at)
        return free_at - self._clock.monotonic()

    def _foresee(self, count: int, stop_at: float) -> None:
        now = self._clock.monotonic()
        expected = max(self._free_from(self._waiting + count), self._resume_at, now)
        if expected > stop_at:
            raise NoTurn(expected - now)

    def _free_from(self, position: int) -> float:
        """When the turn at this position in the queue (from 1) is expected; now or later."""
        now = self._clock.monotonic()
        oldest = now - self._window
        self._turns = [t for t in self._turns if t.sent_at is None or t.sent_at > oldest]
        times = sorted(now if t.sent_at is None else t.sent_at for t in self._turns)
        times = [oldest] * (self._per_second - len(times)) + times
        rounds, place = divmod(position - 1, self._per_second)
        return max(now, times[place] + self._window) + rounds * self._window
