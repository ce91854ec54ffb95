"""Counting of requests, and the rate limit."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass

REQUESTS_PER_SECOND = 20
"""What the vendor allows."""

_KEPT = 200_000
_ID = re.compile(r"^(/[^/]+)/[^/]+")


@dataclass(frozen=True, slots=True)
class MeteredRequest:
    """One request as it arrived: when (in the meter's seconds), what, and the answer's status."""

    at: float
    method: str
    path: str
    query: str
    status: int


class Meter:
    """Counts every request, refused ones too; the newest 200,000 are kept one by one."""

    def __init__(self) -> None:
        self.total = 0
        self.calls: deque[MeteredRequest] = deque(maxlen=_KEPT)

    def note(self, call: MeteredRequest) -> None:
        """Count a request once its answer is known."""
        self.total += 1
        self.calls.append(call)

    @property
    def times(self) -> list[float]:
        """When the requests arrived, in seconds of an arbitrary clock, in order."""
        return sorted(call.at for call in self.calls)

    def peak(self, seconds: float = 1.0) -> int:
        """Return the most requests that arrived within any stretch shorter than `seconds`."""
        most, window = 0, deque[float]()
        for at in self.times:
            window.append(at)
            while at - window[0] >= seconds:
                window.popleft()
            most = max(most, len(window))
        return most

    def by_path(self) -> Counter[str]:
        """Return how many requests each endpoint had, ids written `{id}`."""
        return Counter(_ID.sub(r"\1/{id}", call.path) for call in self.calls)

    def reset(self) -> None:
        """Begin to count anew."""
        self.total = 0
        self.calls.clear()


class SlidingLimit:
    """Allows so many requests in any second; those refused do not count against the next."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._allowed: deque[float] = deque()

    def allows(self, now: float) -> bool:
        """Whether a request at this moment may pass; counts it when it may."""
        while self._allowed and now - self._allowed[0] >= 1.0:
            self._allowed.popleft()
        if len(self._allowed) >= self.per_second:
            return False
        self._allowed.append(now)
        return True
