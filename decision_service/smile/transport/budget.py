"""The requests and the time that one fetch may spend."""

from __future__ import annotations

from decision_service.smile.errors import OutOfTime
from decision_service.smile.transport.body import too_large
from decision_service.smile.transport.limiter import Reservation


class RequestBudget:
    """Requests and time of one fetch.

    `calls` counts every request sent, retries included. `answered` is true once the vendor has
    answered any request, or a request has used up its retries: from then on a fetch that runs out
    of time is evidence, before that it is none. `stop_at` may move while the fetch runs.
    `reservation` holds the permits that the rate limiter has set aside for the fetch.
    """

    def __init__(self, stop_at: float, most: int, reservation: Reservation | None = None) -> None:
        self.stop_at = stop_at
        self.reservation = reservation or Reservation()
        self.calls = 0
        self.answered = False
        self._most = most

    def check(self) -> None:
        """Raise an UpstreamFault when no further request may be sent."""
        if self.calls >= self._most:
            raise too_large(f"{self._most} requests")

    def spend(self, now: float) -> None:
        """Count a request before it is sent; raises an UpstreamFault where none is left."""
        self.check()
        if now >= self.stop_at:
            raise OutOfTime
        self.calls += 1
