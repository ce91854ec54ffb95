"""Ids are of the forms that other programs read."""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from decision_service.machine import Ids

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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "urandom", lambda size: drawn[:size])
        made = Ids().decision_id(NOW)
    assert ULID.from_str(made[4:]).bytes[6:] == drawn


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
