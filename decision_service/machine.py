"""The machine's clocks and ids: the one place of the service that asks for either."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HEX = "0123456789abcdef"
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


class RandomText:
    """Texts of random characters, made of the kernel's bits for many at a time.

    `alphabet` has a power of two of characters, 256 at most, so that each is as likely as any
    other. No bits are given away twice: each text is taken out in one step, whatever thread asks,
    and a forked child begins with none of its parent's.
    """

    def __init__(
        self, alphabet: str, length: int, kernel: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._letters = (alphabet * (256 // len(alphabet))).encode("ascii")
        self._length = length
        self._kernel = kernel
        self._texts: deque[str] = deque()
        os.register_at_fork(after_in_child=self._texts.clear)

    def draw(self) -> str:
        """`length` characters."""
        try:
            return self._texts.pop()
        except IndexError:
            first, *others = self._drawn()
            self._texts.extend(others)
            return first

    def _drawn(self) -> list[str]:
        """Each character is made of one byte, of which as many bits count as tell them apart."""
        length = self._length
        drawn = self._kernel(_AT_A_TIME * length).translate(self._letters).decode("ascii")
        return [drawn[at : at + length] for at in range(0, len(drawn), length)]


_AT_A_TIME = 128
_SIXTEEN = RandomText(_CROCKFORD, 16)
_DIGITS = RandomText(_HEX, 19)
_VARIANT = dict(zip(_HEX, "89ab" * 4, strict=True))


class Ids:
    """Decision ids are ULIDs, made request ids are UUIDs; both are made by hand, since it is quick.

    The packages for them take five times as long, and a warm decision has no time to give away.
    """

    def decision_id(self, created: datetime) -> str:
        """`dec_` and a ULID of this instant: its milliseconds, then 80 random bits."""
        since = created - _EPOCH
        millis = (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
        return f"dec_{_second(millis >> 10)}{_PAIRS[millis & 1023]}{_SIXTEEN.draw()}"

    def request_id(self) -> str:
        """A UUID of version 7, variant 1: this millisecond, then 74 random bits.

        Ids in the order of time lie side by side in the store's index, where random ones each touch
        a page of their own.
        """
        begun = _millisecond(time.time_ns() // 1_000_000)
        digits = _DIGITS.draw()
        return f"{begun}{digits[:3]}-{_VARIANT[digits[3]]}{digits[4:7]}-{digits[7:]}"


@lru_cache(2)
def _second(number: int) -> str:
    """The upper forty bits of an instant in Crockford's base 32, which last for a second."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in (30, 20, 10, 0)])


@lru_cache(2)
def _millisecond(number: int) -> str:
    """What UUIDs of one millisecond begin with."""
    return f"{number >> 16:08x}-{number & 0xFFFF:04x}-7"
