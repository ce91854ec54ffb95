"""Ids are of the forms that other programs read."""

import os
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from decision_service.machine import Ids, RandomText

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NOW = datetime(2026, 11, 25, tzinfo=UTC)
INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(INSTANTS)
def test_a_decision_id_is_a_ulid_of_its_millisecond(created: datetime) -> None:
    """A library for ULIDs reads the instant from it, cut to the millisecond."""
    read = ULID.from_str(Ids().decision_id(created).removeprefix("dec_"))
    whole = timedelta(microseconds=created.microsecond % 1000)
    assert read.milliseconds == (created - whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


@given(st.sampled_from(["01", "0123456789abcdef", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"]))
def test_every_character_of_a_random_text_is_as_likely_as_any_other(alphabet: str) -> None:
    """Of all bytes that the kernel can give, each character has its share; none is left out."""
    drawn = RandomText(alphabet, 256, kernel=lambda size: bytes(range(256)) * (size // 256)).draw()
    assert Counter(drawn) == dict.fromkeys(alphabet, 256 // len(alphabet))


def test_no_text_is_drawn_twice() -> None:
    """Not by threads that draw at the same time, nor by a forked child and its parent."""
    texts = RandomText("0123456789abcdef", 20)
    with ThreadPoolExecutor(8) as threads:
        drawn = [*threads.map(lambda _: texts.draw(), range(5_000))]
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, "".join(texts.draw() for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(reading, 2_000).decode()
    drawn += [told[at : at + 20] for at in range(0, len(told), 20)]
    drawn += [texts.draw() for _ in range(200)]
    assert {len(one) for one in drawn} == {20}
    assert len(set(drawn)) == len(drawn) == 5_300


def test_a_decision_id_varies_in_all_its_random_characters() -> None:
    """Of a thousand ids each place has had every character, which ULIDs have for random bits."""
    made = [Ids().decision_id(NOW)[14:] for _ in range(1_000)]
    assert {frozenset(place) for place in zip(*made, strict=True)} == {frozenset(CROCKFORD)}


def test_decision_ids_of_one_instant_differ() -> None:
    """Of a thousand no two are equal."""
    assert len({Ids().decision_id(NOW) for _ in range(1_000)}) == 1_000


def test_a_request_id_is_a_uuid_of_this_millisecond() -> None:
    """It is of version 7, no two are equal, and all its bits vary but the form's and the time's."""
    began = time.time_ns() // 1_000_000
    made = [uuid.UUID(Ids().request_id()) for _ in range(1_000)]
    ended = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in made} == {(7, uuid.RFC_4122)}
    assert all(began <= one.int >> 80 <= ended for one in made)
    assert len(set(made)) == len(made)
    ones, zeros = 0, 0
    for one in made:
        ones, zeros = ones | one.int, zeros | ~one.int
    bits = (1 << 80) - 1 & ~(15 << 76 | 3 << 62)
    assert (ones & bits, zeros & bits) == (bits, bits)
