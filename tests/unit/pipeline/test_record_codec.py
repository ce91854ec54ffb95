"""The stored form of the facts, as this program and earlier ones write it."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from msgspec.structs import replace

from decision_service.decide.codec import (
    StoredFacts,
    decode_facts,
    encode_facts,
    factors_from_wire,
    factors_to_wire,
    inputs_to_wire,
    observations_to_wire,
    pack_factors,
)
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Assignment, EnrolmentReason
from decision_service.domain.factor import FactorValue, Observed, value_sent
from decision_service.domain.values import AsOf, Cause, Missing, Money, Month
from decision_service.factors.compute import compute
from tests.fakes.world import NOW, PRODUCT, rulebook, steady_earner

RULES = rulebook().products[PRODUCT].champion
COMPUTED = compute(steady_earner(), RULES.needs, AsOf.at(NOW, RULES.zone))
FACTORS = replace(COMPUTED, employer=None)  # which is not stored


def facts(packed: bytes | None) -> bytes:
    """Stored facts with these factor values."""
    assignment = Assignment("loan", True, EnrolmentReason.IN_STAGE, "d" * 64, "all", 100_000)
    return encode_facts(
        StoredFacts(
            instant=NOW,
            zone="Asia/Manila",
            assignment=assignment,
            inputs={},
            packed_factors=packed,
        )
    )


def test_packed_factor_values_read_back_as_they_were() -> None:
    """To the last digit of evidence, in a fifth of the space."""
    packed = pack_factors(FACTORS)
    read = decode_facts(facts(packed))
    assert read.factors is not None
    assert factors_from_wire(read.factors) == FACTORS
    assert 3 * len(packed) < len(msgspec.msgpack.encode(factors_to_wire(FACTORS)))


def test_a_month_that_is_not_posted_reads_back_with_its_date() -> None:
    """A missing cause keeps its month and due date in the stored form."""
    missing = Missing(
        Cause.NOT_YET_POSTED,
        kind=Kind.INCOMES,
        source="acc-1",
        month=Month.parse("2026-10").index,
        due=date(2026, 11, 11),
    )
    name = next(iter(FACTORS.values))
    given = replace(FACTORS, values={name: FactorValue(name, None, (missing,))})
    read = decode_facts(facts(pack_factors(given)))
    assert read.factors is not None
    assert factors_from_wire(read.factors) == given


def test_decisions_of_earlier_programs_read_back() -> None:
    """They hold their factor values as a part of the facts."""
    former = msgspec.msgpack.decode(facts(None)) | {"factors": factors_to_wire(FACTORS)}
    read = decode_facts(msgspec.msgpack.encode(former))
    assert read.factors == factors_to_wire(FACTORS)


def test_a_decision_without_data_has_no_factor_values() -> None:
    """Nothing was computed, and nothing is stored of it."""
    assert decode_facts(facts(None)).factors is None


@pytest.mark.parametrize("packed", [b"", b"none", pack_factors(FACTORS)[:-9]])
def test_what_cannot_be_unpacked_is_told_as_any_broken_record(packed: bytes) -> None:
    """By the same error as bytes that are no facts at all."""
    with pytest.raises(msgspec.DecodeError):
        decode_facts(facts(packed))


def test_what_was_observed_outside_reads_back_with_its_day() -> None:
    """Its value where an earlier program looks for it, its day and consent beside it."""
    sent = {
        "bureau_debt": Observed(Money("PHP", 300_000), date(2026, 11, 2), "C-1"),
        "checked_on": Observed(date(2026, 11, 1), date(2026, 11, 2)),
        "customer_type": "new",
    }
    stored = msgspec.msgpack.decode(facts(None))
    assert "observations" not in stored
    stored |= {"inputs": inputs_to_wire(sent), "observations": observations_to_wire(sent)}
    assert stored["inputs"]["bureau_debt"] == ["m", "PHP", "300000"]
    assert decode_facts(msgspec.msgpack.encode(stored)).sent == sent
    del stored["observations"]
    before = decode_facts(msgspec.msgpack.encode(stored)).sent
    assert before == {name: value_sent(one) for name, one in sent.items()}
