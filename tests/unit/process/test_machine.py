"""Ids are of the forms that other programs read."""

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from decision_service.machine import Ids, RandomBits

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


@given(st.binary(min_size=10, max_size=10))
def test_a_decision_id_has_all_bits_that_the_kernel_gave(drawn: bytes) -> None:
    """Its eighty random bits are those of one reading, in order."""
    made = Ids(lambda: drawn).decision_id(NOW)
    assert ULID.from_str(made[4:]).bytes[6:] == drawn


def test_no_bits_are_drawn_twice() -> None:
    """Not by threads that draw at the same time, nor by a forked child and its parent."""
    bits = RandomBits()
    with ThreadPoolExecutor(8) as threads:
        drawn = [*threads.map(lambda _: bits.eighty_bits(), range(5_000))]
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, b"".join(bits.eighty_bits() for _ in range(100)))
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(reading, 1_000)
    drawn += [told[at : at + 10] for at in range(0, len(told), 10)]
    drawn += [bits.eighty_bits() for _ in range(200)]
    assert {len(one) for one in drawn} == {10}
    assert len(set(drawn)) == len(drawn) == 5_300


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
