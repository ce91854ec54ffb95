"""Ids are of the forms that other programs read."""

import os
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


@given(st.binary(min_size=5, max_size=5), st.binary(min_size=5, max_size=5))
def test_a_decision_id_has_all_bits_that_the_kernel_gave(left: bytes, right: bytes) -> None:
    """Its eighty random bits are those of two readings, in order."""
    given_bytes = iter((left, right))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "urandom", lambda _: next(given_bytes))
        made = Ids().decision_id(NOW)
    assert ULID.from_str(made[4:]).bytes[6:] == left + right


def test_decision_ids_of_one_instant_differ() -> None:
    """Of a thousand no two are equal."""
    assert len({Ids().decision_id(NOW) for _ in range(1_000)}) == 1_000


def test_a_request_id_is_a_random_uuid() -> None:
    """It is of version 4, no two are equal, and all bits vary but those that say so."""
    made = [uuid.UUID(Ids().request_id()) for _ in range(1_000)]
    assert {(one.version, one.variant) for one in made} == {(4, uuid.RFC_4122)}
    assert len(set(made)) == len(made)
    ones, zeros = 0, 0
    for one in made:
        ones, zeros = ones | one.int, zeros | ~one.int
    bits = (1 << 128) - 1 & ~(15 << 76 | 3 << 62)
    assert (ones & bits, zeros & bits) == (bits, bits)
