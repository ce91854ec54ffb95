"""`murmur3-cbor-1`: the stable hash that deals applicants into 100,000 slots.

The name is recorded because the dealing must never change silently: another hash, seed or framing
would move people between arms without a word in any plan. It equals the fractional evaluation of
openfeature-flagd-core 2.0.0.
"""

from __future__ import annotations

from functools import lru_cache

import mmh3

ALGORITHM = "murmur3-cbor-1"
SLOTS = 100_000
"""Slots are 0 to 99,999; one slot is a thousandth of a percent."""

_PAIR = b"\x82"  # the CBOR head of an array of two
_LONGEST_TEXT = 65_535


def slot(salt: str, unit: str) -> int:
    """The slot of an applicant under a salt, 0 to 99,999.

    `(h * 100000) >> 32` of the unsigned `h = murmur3_x86_32(0x82 || cbor(salt) || cbor(unit))`.
    Seed 0. Raises ValueError for a text longer than 65,535 bytes of UTF-8.
    """
    h: int = mmh3.hash(_before_unit(salt) + _cbor_text(unit), 0, signed=False)
    return (h * SLOTS) >> 32


@lru_cache(256)
def _before_unit(salt: str) -> bytes:
    """What is hashed before the unit; there are as many as salts in the plans."""
    return _PAIR + _cbor_text(salt)


def is_in(slot: int, percent_thousandths: int) -> bool:
    """Whether a slot lies within a share given in thousandths of a percent, 0 to 100,000.

    Whole numbers throughout, so that 0 lets nobody in and 100,000 everybody.
    """
    return slot < percent_thousandths


def _cbor_text(text: str) -> bytes:
    """A CBOR text string (RFC 8949, major type 3) with its shortest head."""
    body = text.encode()
    n = len(body)
    if n < 24:
        return bytes((0x60 + n,)) + body
    if n < 256:
        return bytes((0x78, n)) + body
    if n <= _LONGEST_TEXT:
        return bytes((0x79, n >> 8, n & 0xFF)) + body
    raise ValueError(f"a text of {n} bytes cannot be dealt; {_LONGEST_TEXT} is the most")
