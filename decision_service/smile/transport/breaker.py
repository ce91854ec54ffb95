"""A circuit breaker: a vendor that keeps failing gets one probe at a time and nothing else."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from decision_service.pipeline.ports import Clock
from decision_service.smile.errors import CircuitOpen
from decision_service.smile.limits import SmileLimits


class BreakerState(StrEnum):
    """CLOSED: requests pass. OPEN: none but a probe every few seconds."""

    CLOSED = "closed"
    OPEN = "open"


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

    @property
    def state(self) -> BreakerState:
        """Whether requests pass now."""
        return BreakerState.CLOSED if self._next_probe is None else BreakerState.OPEN

    def admit(self) -> None:
        """Let an attempt pass, as a probe where one is due; raises CircuitOpen otherwise."""
        if self._next_probe is None:
            return
        now = self._clock.monotonic()
        if now < self._next_probe:
            raise CircuitOpen(self._next_probe - now)
        self._next_probe = now + self._limits.probe_seconds

    def succeeded(self) -> None:
        """The vendor answered an attempt."""
        self._in_a_row = 0
        if self._next_probe is not None:
            self._next_probe = None
            self._last.clear()
        self._last.append(True)

    def failed(self) -> bool:
        """An attempt failed; True when this opened the circuit."""
        self._in_a_row += 1
        self._last.append(False)
        if self._next_probe is not None or not self._too_many():
            return False
        self._next_probe = self._clock.monotonic() + self._limits.probe_seconds
        return True

    def _too_many(self) -> bool:
        if self._in_a_row >= self._limits.failures_to_open:
            return True
        full = len(self._last) == self._limits.window_to_open
        return full and self._last.count(False) >= self._limits.share_to_open * len(self._last)
