"""Every bound that the adapter keeps: rate, circuit breaker, and how often a request is
retried.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import SystemRandom

import msgspec

from decision_service.domain.accounts import PENDS_WITHIN
from decision_service.domain.ports import Clock
from decision_service.domain.vendor import Circuit
from decision_service.smile.errors import CircuitOpen, NoPermit

# A request that leaves late delays all permits behind it.
_IN_HAND = 0.25
"""Share of the time before a deadline that reservations leave free."""

_LONGEST_HEADER = 64
_random = SystemRandom()


class SmileLimits(msgspec.Struct, frozen=True):
    """Seconds, counts and bytes; the defaults are the service's.

    `renewal_share` is the share of `requests_per_second` that renewed link tokens may take.
    `window_seconds` is the length of the sliding second with a margin for stalls.
    `retries` is per request, `timeout_retries` after an attempt that ran out of its
    `attempt_seconds`; both draw on the shared budget of `retry_share` retries per first try
    with `retry_floor` in hand. `longest_pause` caps the pause of all requests after a 429.
    An account is being linked for at most `young`; a first sync that began within `first_sync` is
    waited for.
    """

    requests_per_second: int = 20
    renewal_share: float = 0.1
    window_seconds: float = 1.05
    attempt_seconds: float = 2.0
    retries: int = 2
    timeout_retries: int = 1
    retry_share: float = 0.1
    retry_floor: int = 10
    backoff_seconds: float = 0.2
    longest_backoff: float = 2.0
    pause_seconds: float = 1.0
    longest_pause: float = 60.0
    failures_to_open: int = 5
    window_to_open: int = 20
    share_to_open: float = 0.5
    probe_seconds: float = 5.0
    page_size: int = 150
    pages: int = 40
    items: int = 12_000
    requests_per_reading: int = 90
    body_bytes: int = 4 * 1024 * 1024
    young: timedelta = PENDS_WITHIN
    first_sync: timedelta = timedelta(hours=1)
    poll_seconds: float = 2.0
    longest_poll: float = 15.0
    refresh_seconds: float = 30.0

    @property
    def renewal_seconds(self) -> float:
        return self.window_seconds / (self.requests_per_second * self.renewal_share)


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
        self.left = 0


class RateLimiter:
    """Gives permits first come, first served, and holds all of them back after a 429.

    The times of the last N sends are kept, and the next waits until the oldest is `window` old. A
    request that has not left yet (its connection is being made) counts as now.
    """

    def __init__(
        self, clock: Clock, per_second: int, window: float = SmileLimits().window_seconds
    ) -> None:
        self._clock = clock
        self._per_second = per_second
        self._window = window
        self._permits: list[Permit] = []
        self._reservations: list[Reservation] = []
        self._resume_at = 0.0
        self._queue = asyncio.Lock()
        self._waiting = 0

    async def acquire(self, stop_at: float) -> Permit:
        """A permit for one request; raises NoPermit, at once where none can be free in time."""
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
        # A fetch that has ended or released its permits reserves nothing any more.
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
        return max(0.0, self._resume_at - self._clock.monotonic())

    async def _next(self, stop_at: float) -> Permit:
        async with self._queue:
            while (wait := self._wait()) > 0:
                if self._clock.monotonic() + wait > stop_at:
                    raise NoPermit(wait)
                await asyncio.sleep(wait)
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
        # A bucket of N with N a second would let 2 N through in one second: so the last N are kept.
        times = [oldest] * (self._per_second - len(times)) + times
        rounds, place = divmod(position - 1, self._per_second)
        return max(now, times[place] + self._window) + rounds * self._window


class CircuitBreaker:
    """Opens after 5 failures in a row or when half of the last 20 attempts failed.

    While open, one attempt per `probe_seconds` passes; the first that succeeds closes it.
    """

    def __init__(self, clock: Clock, limits: SmileLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._last: deque[bool] = deque(maxlen=limits.window_to_open)
        self._in_a_row = 0
        self._next_probe: float | None = None
        self._probes = False

    @property
    def state(self) -> Circuit:
        if self._next_probe is None:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self._probes else Circuit.OPEN

    def admit(self) -> None:
        """Let an attempt pass, as a probe where one is due; raises CircuitOpen otherwise."""
        if self._next_probe is None:
            return
        now = self._clock.monotonic()
        if now < self._next_probe:
            raise CircuitOpen(self._next_probe - now)
        self._next_probe = now + self._limits.probe_seconds
        self._probes = True

    def succeeded(self) -> None:
        self._in_a_row = 0
        if self._next_probe is not None:
            self._next_probe = None
            # The failures of before the outage say nothing of the vendor that is back.
            self._last.clear()
        self._last.append(True)

    def failed(self) -> bool:
        """An attempt failed; True when this opened the circuit."""
        self._in_a_row += 1
        self._probes = False
        self._last.append(False)
        # Of few attempts half is soon reached: the share counts once the window is full.
        full = len(self._last) == self._limits.window_to_open
        often = self._last.count(False) >= self._limits.share_to_open * len(self._last)
        too_many = self._in_a_row >= self._limits.failures_to_open or (full and often)
        if self._next_probe is not None or not too_many:
            return False
        self._next_probe = self._clock.monotonic() + self._limits.probe_seconds
        return True


class RetryBudget:
    """Retries may be a tenth of first tries, with ten in hand."""

    def __init__(self, limits: SmileLimits) -> None:
        # Keeps a vendor that is down from getting a multiple of the normal load.
        self._share = limits.retry_share
        # Lets five parallel reads of one decision retry.
        self._most = float(limits.retry_floor)
        self._left = self._most

    def first_try(self) -> None:
        self._left = min(self._most, self._left + self._share)

    def take(self) -> bool:
        # A share of 0.1 added ten times is a little less than one.
        if self._left < 1.0 - 1e-9:
            return False
        self._left -= 1.0
        return True


def backoff(retry: int, limits: SmileLimits) -> float:
    """Seconds before the retry with this number (from 0).

    They lie anywhere between 0 and a bound that doubles with each retry.
    """
    # Drawn at random, so that replicas do not retry in step.
    return _random.uniform(0, min(limits.longest_backoff, limits.backoff_seconds * 2.0**retry))


def pause(after: float | None, retry: int, limits: SmileLimits) -> float:
    """Seconds that all requests pause after a 429: as the vendor says, else 1, 2, 4 …"""
    asked = limits.pause_seconds * 2.0**retry if after is None else after
    return min(asked, limits.longest_pause)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds from a `Retry-After` of seconds or a future HTTP date; None for anything else."""
    if header is None or len(header) > _LONGEST_HEADER:
        return None
    text = header.strip()
    # `isdecimal` alone takes digits of other scripts.
    if text.isascii() and text.isdecimal():
        return float(text)
    moment = read_date(text)
    seconds = 0.0 if moment is None else (moment - now).total_seconds()
    return seconds if seconds > 0 else None


def read_date(header: str | None) -> datetime | None:
    if header is None or len(header) > _LONGEST_HEADER:
        return None
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # A date of HTTP is in GMT, also where it does not say so.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
