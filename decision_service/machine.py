"""The machine's clocks and ids: the one place of the service that asks for either."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import lru_cache

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _CROCKFORD for b in _CROCKFORD]
"""The two characters of each number of ten bits."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class Ids:
    """Decision ids are ULIDs, made request ids are UUIDs; both are made by hand, since it is quick.

    The packages for them take five times as long, and a warm decision has no time to give away.
    """

    def decision_id(self, created: datetime) -> str:
        """`dec_` and a ULID of this instant: its milliseconds, then 80 random bits."""
        since = created - _EPOCH
        millis = (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
        drawn, p = os.urandom(10), _PAIRS
        left, right = int.from_bytes(drawn[:5], "big"), int.from_bytes(drawn[5:], "big")
        return (
            f"dec_{_second(millis >> 10)}{p[millis & 1023]}"
            f"{p[left >> 30]}{p[left >> 20 & 1023]}{p[left >> 10 & 1023]}{p[left & 1023]}"
            f"{p[right >> 30]}{p[right >> 20 & 1023]}{p[right >> 10 & 1023]}{p[right & 1023]}"
        )

    def request_id(self) -> str:
        """A UUID of version 7, variant 1: this millisecond, then 74 random bits.

        Ids in the order of time lie side by side in the store's index, where random ones each touch
        a page of their own.
        """
        millis = time.time_ns() // 1_000_000
        digits = os.urandom(10).hex()
        variant = "89ab"[int(digits[3], 16) & 3]
        return (
            f"{millis >> 16:08x}-{millis & 0xFFFF:04x}-7{digits[:3]}-"
            f"{variant}{digits[4:7]}-{digits[7:19]}"
        )


@lru_cache(2)
def _second(number: int) -> str:
    """The upper forty bits of an instant in Crockford's base 32, which last for a second."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in (30, 20, 10, 0)])
