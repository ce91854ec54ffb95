"""What one reading may spend, and what it has spent."""

from __future__ import annotations

from decision_service.smile.errors import OutOfTime
from decision_service.smile.transport.body import too_large
from decision_service.smile.transport.limiter import Promise


class Allowance:
    """Requests and time of one reading.

    `calls` counts every request sent, retries included. `answered` is true once the vendor has
    answered anything at all or a request's retries are used up: from then on a reading that
    runs out of time is evidence, before it is nothing. `stop_at` may be put off while it runs.
    `promise` is what the request limit has set aside for it.
    """

    def __init__(self, stop_at: float, most: int, promise: Promise | None = None) -> None:
        self.stop_at = stop_at
        self.promise = promise or Promise()
        self.calls = 0
        self.answered = False
        self._most = most

    def check(self) -> None:
        """Raise a Fault when no further request may be sent."""
        if self.calls >= self._most:
            raise too_large(f"{self._most} requests")

    def spend(self, now: float) -> None:
        """One request is about to be sent; raises a Fault when there is no room or time for it."""
        self.check()
        if now >= self.stop_at:
            raise OutOfTime
        self.calls += 1
