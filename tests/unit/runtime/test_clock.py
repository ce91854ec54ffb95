"""Ids are of the forms that other programs read, and none is made twice."""

import os
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from decision_service.runtime.clock import Ids

NOW = datetime(2026, 11, 25, tzinfo=UTC)
INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(INSTANTS)
def test_a_decision_id_is_a_ulid_of_its_millisecond(created: datetime) -> None:
    """Its instant is the decision's, cut to the millisecond."""
    read = ULID.from_str(Ids().decision_id(created).removeprefix("dec_"))
    whole = timedelta(microseconds=created.microsecond % 1000)
    assert read.milliseconds == (created - whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


def test_a_decision_id_tells_nothing_of_the_next() -> None:
    """Of a thousand ids of one instant all 80 random bits vary; none is counted on from another."""
    ids = Ids()
    made = [ULID.from_str(ids.decision_id(NOW)[4:]) for _ in range(1_000)]
    behind = [int.from_bytes(one.bytes[6:]) for one in made]
    ones, zeros = varied(behind)
    assert (ones, zeros & (1 << 80) - 1) == ((1 << 80) - 1, (1 << 80) - 1)
    assert min(abs(a - b) for a, b in pairwise(behind)) > 1 << 32


def test_a_request_id_is_a_uuid_of_this_millisecond() -> None:
    """It is of version 7, later ones are greater, and all bits vary of the random part."""
    began = time.time_ns() // 1_000_000
    made = [uuid.UUID(Ids().request_id()) for _ in range(1_000)]
    ended = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in made} == {(7, uuid.RFC_4122)}
    assert all(began <= one.int >> 80 <= ended for one in made)
    assert made == sorted({*made})
    ones, zeros = varied([one.int for one in made])
    assert (ones & (1 << 32) - 1, zeros & (1 << 32) - 1) == ((1 << 32) - 1, (1 << 32) - 1)


def varied(numbers: list[int]) -> tuple[int, int]:
    """The bits that are one in some number, and those that are zero in some."""
    ones, zeros = 0, 0
    for number in numbers:
        ones, zeros = ones | number, zeros | ~number
    return ones, zeros


@pytest.mark.parametrize("new", [Ids().request_id, partial(Ids().decision_id, NOW)])
def test_no_id_is_made_twice(new: Callable[[], str]) -> None:
    """Not by threads that ask at the same time, nor by a forked child and its parent."""
    with ThreadPoolExecutor(8) as threads:
        made = [*threads.map(lambda _: new(), range(1_000))]
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, " ".join(new() for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    made += [*os.read(reading, 8_000).decode().split(), *(new() for _ in range(200))]
    os.close(reading)
    os.close(writing)
    assert len(set(made)) == len(made) == 1_300
