"""The machine's clocks and ids: the one place of the service that asks for either."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
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


class RandomBits:
    """Random bits of the kernel, fetched for many ids at a time.

    No bits are given away twice: each draw is taken out in one step, whatever thread asks, and a
    forked child begins with none of its parent's.
    """

    def __init__(self) -> None:
        self._draws: deque[bytes] = deque()
        os.register_at_fork(after_in_child=self._draws.clear)

    def eighty_bits(self) -> bytes:
        """Ten bytes."""
        try:
            return self._draws.pop()
        except IndexError:
            fetched = os.urandom(10 * _AT_A_TIME)
            self._draws.extend(fetched[at : at + 10] for at in range(0, len(fetched), 10))
            return os.urandom(10)


_AT_A_TIME = 128
_BITS = RandomBits()


class Ids:
    """Decision ids are ULIDs, made request ids are UUIDs; both are made by hand, since it is quick.

    The packages for them take five times as long, and a warm decision has no time to give away.
    `bits` gives ten random bytes.
    """

    def __init__(self, bits: Callable[[], bytes] = _BITS.eighty_bits) -> None:
        self._bits = bits

    def decision_id(self, created: datetime) -> str:
        """`dec_` and a ULID of this instant: its milliseconds, then 80 random bits."""
        since = created - _EPOCH
        millis = (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
        drawn, p = self._bits(), _PAIRS
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
        digits = self._bits().hex()
        variant = "89ab"[int(digits[3], 16) & 3]
        return (
            f"{millis >> 16:08x}-{millis & 0xFFFF:04x}-7{digits[:3]}-"
            f"{variant}{digits[4:7]}-{digits[7:19]}"
        )


@lru_cache(2)
def _second(number: int) -> str:
    """The upper forty bits of an instant in Crockford's base 32, which last for a second."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in (30, 20, 10, 0)])
