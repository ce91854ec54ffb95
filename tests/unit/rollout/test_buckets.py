"""The hash: fixed points, an independent reading of the algorithm, and the laws of shares."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.rollout.assign import SLOTS, is_in, slot
from tests.fakes.examples import examples
from tests.kits.cases import cases

VECTORS = cases("rollout/vectors")
MASK = 0xFFFFFFFF
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def _rotated(x: int, r: int) -> int:
    return ((x << r) | (x >> (32 - r))) & MASK


def _scrambled(word: int) -> int:
    return _rotated((word * 0xCC9E2D51) & MASK, 15) * 0x1B873593 & MASK


def _murmur3(data: bytes) -> int:
    """MurmurHash3_x86_32 with seed 0, from Appleby's reference, in plain Python."""
    h = 0
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        h = _rotated(h ^ _scrambled(int.from_bytes(data[i : i + 4], "little")), 13)
        h = (h * 5 + 0xE6546B64) & MASK
    h ^= _scrambled(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = (h ^ (h >> 16)) * 0x85EBCA6B & MASK
    h = (h ^ (h >> 13)) * 0xC2B2AE35 & MASK
    return h ^ (h >> 16)


def _cbor(text: str) -> bytes:
    body = text.encode()
    size = len(body)
    if size < 24:
        head = bytes([0x60 | size])
    elif size < 0x100:
        head = b"\x78" + size.to_bytes(1, "big")
    else:
        head = b"\x79" + size.to_bytes(2, "big")
    return head + body


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['salt']}/{v['unit']}")
def test_published_vectors(vector):
    """Every published salt and unit has its published hash and slot."""
    assert _murmur3(b"\x82" + _cbor(vector["salt"]) + _cbor(vector["unit"])) == vector["hash"]
    assert slot(vector["salt"], vector["unit"]) == vector["slot"]


@settings(deadline=None, max_examples=examples(300))
@given(texts, texts)
def test_agrees_with_an_independent_reading(salt, unit):
    """The slot is what a plain reading of murmur3 over the framed texts gives."""
    assert slot(salt, unit) == _murmur3(b"\x82" + _cbor(salt) + _cbor(unit)) * SLOTS >> 32


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 65_535])
def test_every_length_of_head(size):
    """Texts at each border of the framing get the head that belongs to their length."""
    unit = "x" * size
    assert slot("s", unit) == _murmur3(b"\x82" + _cbor("s") + _cbor(unit)) * SLOTS >> 32


def test_a_text_too_long_to_frame_is_refused():
    """A text of more than 65,535 bytes is an error, not a slot by another framing."""
    with pytest.raises(ValueError, match="65536 bytes"):
        slot("s", "x" * 65_536)


@settings(deadline=None, max_examples=examples(200))
@given(texts, texts)
def test_nobody_at_nought_everybody_at_a_hundred(salt, unit):
    """A share of 0 % holds nobody and one of 100 % everybody, exactly."""
    dealt = slot(salt, unit)
    assert not is_in(dealt, 0)
    assert is_in(dealt, 100_000)


@settings(deadline=None, max_examples=examples(200))
@given(st.integers(0, 99_999), st.integers(0, 100_000), st.integers(0, 100_000))
def test_raising_a_share_removes_nobody(dealt, one, other):
    """Who is within a share is within every larger one, so lowering lets out the last in first."""
    lower, higher = sorted((one, other))
    assert is_in(dealt, higher) or not is_in(dealt, lower)


USERS = [f"user-{i}" for i in range(100_000)]
SALTS = ("personal-loan-ph", "v2")
RARE = 5
"""Standard deviations that one draw in two million passes."""


@cache
def _dealt(salt: str) -> list[int]:
    """The slots of 100,000 users, lowest first."""
    return sorted(slot(salt, user) for user in USERS)


def _within(salt: str, share: int) -> int:
    """How many of them a share in thousandths of a percent lets in."""
    return bisect_left(_dealt(salt), share)


@settings(deadline=None, max_examples=examples(300))
@given(st.sampled_from(SALTS), st.integers(0, 100_000))
def test_the_share_is_kept_over_many(salt, share):
    """Of 100,000 users every share lets in as many as it says, within half a point."""
    assert abs(_within(salt, share) - share) < 500
    assert (_within(salt, 0), _within(salt, 100_000)) == (0, len(USERS))


@settings(deadline=None, max_examples=5)
@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=2, unique=True))
def test_two_salts_deal_independently(numbers):
    """Two rollouts of 5 % with different salts overlap in about a quarter of a percent."""
    one, other = (f"rollout-{number}" for number in numbers)
    both = sum(
        is_in(slot(one, user), 5_000) and is_in(slot(other, user), 5_000) for user in USERS[:20_000]
    )
    assert abs(both - 50) < RARE * 50**0.5
