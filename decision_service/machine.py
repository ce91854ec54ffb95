"""The machine's clocks and ids: the one place of the service that asks for either."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

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
        left, right = os.urandom(5), os.urandom(5)
        return f"dec_{_text(millis, _TIME)}{_text(_int(left), _HALF)}{_text(_int(right), _HALF)}"

    def request_id(self) -> str:
        """A random UUID (version 4, variant 1)."""
        digits = os.urandom(16).hex()
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )


_TIME = (40, 30, 20, 10, 0)
_HALF = (30, 20, 10, 0)


def _int(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _text(number: int, shifts: tuple[int, ...]) -> str:
    """A number in Crockford's base 32, ten bits at a time."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in shifts])
