"""How often and how soon a failed request is sent again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom

from decision_service.smile.limits import SmileLimits

Jitter = Callable[[float], float]

_LONGEST_HEADER = 64
_random = SystemRandom()


def full_jitter(longest: float) -> float:
    """Seconds anywhere between 0 and `longest`, so that replicas do not retry in step."""
    return _random.uniform(0.0, longest)


class RetryBudget:
    """Retries may be a tenth of first tries, with ten in hand.

    The ten in hand let five parallel reads of one decision retry; the share of a tenth keeps a
    vendor that is down from getting a multiple of the normal load.
    """

    def __init__(self, limits: SmileLimits) -> None:
        self._share = limits.retry_share
        self._most = float(limits.retry_floor)
        self._left = self._most

    def first_try(self) -> None:
        """A request is sent for the first time."""
        self._left = min(self._most, self._left + self._share)

    def take(self) -> bool:
        """Spend one retry; False when none is left."""
        # A share of 0.1 added ten times is a little less than one.
        if self._left < 1.0 - 1e-9:
            return False
        self._left -= 1.0
        return True


def backoff(retry: int, limits: SmileLimits, jitter: Jitter) -> float:
    """Seconds before the retry with this number (from 0): full jitter under a doubling cap."""
    return jitter(min(limits.longest_backoff, limits.backoff_seconds * 2.0**retry))


def pause(after: float | None, retry: int, limits: SmileLimits) -> float:
    """Seconds that all requests pause after a 429: as the vendor says, else 1, 2, 4 …"""
    asked = limits.pause_seconds * 2.0**retry if after is None else after
    return min(asked, limits.longest_pause)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds from a `Retry-After` of seconds or a future HTTP date; None for anything else."""
    if header is None or len(header) > _LONGEST_HEADER:
        return None
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    return _until(text, now)


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return seconds if seconds > 0 else None
