"""Ids are of the forms that other programs read."""

import uuid
from datetime import UTC, datetime, timedelta

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


def _vary(numbers: list[int], bits: int) -> None:
    """No two are equal, and each of these bits is seen as 0 and as 1."""
    ones, zeros = 0, 0
    for number in numbers:
        ones, zeros = ones | number, zeros | ~number
    assert len(set(numbers)) == len(numbers)
    assert (ones & bits, zeros & bits) == (bits, bits)


def test_decision_ids_of_one_instant_have_eighty_random_bits() -> None:
    """Of a thousand no two are equal."""
    made = [ULID.from_str(Ids().decision_id(NOW)[4:]).bytes for _ in range(1_000)]
    _vary([int.from_bytes(one, "big") for one in made], (1 << 80) - 1)


def test_a_request_id_is_a_random_uuid() -> None:
    """It is of version 4, and all bits vary but those that say so."""
    made = [uuid.UUID(Ids().request_id()) for _ in range(1_000)]
    assert {(one.version, one.variant) for one in made} == {(4, uuid.RFC_4122)}
    _vary([one.int for one in made], (1 << 128) - 1 & ~(15 << 76 | 3 << 62))
