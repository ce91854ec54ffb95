"""What a person is told of a decision, and how values are written for people."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.casework.disclosure import Disclosure, StoredReading, plain
from decision_service.casework.subject_access import MOST_RECORDS, reading_record
from decision_service.decide.codec import snapshot_body
from decision_service.domain.decision import Outcome
from decision_service.domain.person import NO_OWN_FACTS, OwnFacts, Reuse
from decision_service.domain.ports import PagePosition
from decision_service.domain.snapshot import EstimatedIncome, KnownCount, Read, Snapshot
from decision_service.domain.values import Money
from tests.fakes.any_decision import values

NAMES = ("income.latest", "history.exposure", "reuse.users_of_account")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (NO_OWN_FACTS, {"income.latest", "history.exposure", "derived.owed", "inputs.purpose"}),
        (
            OwnFacts(reuse=Reuse(1, keyed=True)),
            {"income.latest", "history.exposure", "derived.owed", "inputs.purpose"},
        ),
        (OwnFacts(reuse=Reuse(2, keyed=True)), {"income.latest", "inputs.purpose"}),
    ],
)
def test_who_shares_an_account_is_told_no_figure_of_both(own: OwnFacts, told: set[str]) -> None:
    """Neither who else there is, nor own records of both, nor what may rest on them."""
    disclosed = Disclosure.of(NAMES, own)
    asked = (*NAMES, "derived.owed", "inputs.purpose")
    assert {one for one in asked if disclosed.includes(one)} == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Money("PHP", 123_450), "PHP 1234.50"),
        (Money("JPY", 500), "JPY 500"),
        (Decimal("1E+2"), "100"),
        (NOON, "2026-11-24T12:00:00Z"),
        (date(2026, 11, 24), "2026-11-24"),
        (Outcome.REFER, "REFER"),
        (True, True),
        ((1, None), [1, None]),
        (
            EstimatedIncome("i", "a", 12 * 2026 + 10, "PHP", 100),
            {"id": "i", "source": "a", "month": "2026-11", "currency": "PHP", "amount": "PHP 1.00"},
        ),
        (
            KnownCount("a", "eincomes", 3),  # type: ignore[arg-type]  # as an enum it reads alike
            {"source": "a", "kind": "eincomes", "count": 3},
        ),
    ],
)
def test_values_are_written_for_people(value: object, told: object) -> None:
    """Amounts in major units, months and instants in ISO 8601, nothing where there is nothing."""
    assert plain(value) == told


@given(st.dictionaries(st.text(max_size=4), st.lists(values, max_size=4), max_size=4))
def test_whatever_is_stored_can_be_written_as_json(value: dict[str, list[object]]) -> None:
    """Every value of a factor or an input has a plain form."""
    json.dumps(plain(value))


@given(st.integers(0, 2 * MOST_RECORDS + 1))
def test_the_parts_of_a_reading_are_the_reading(count: int) -> None:
    """No record is lost or told twice, and no part is larger than the bound."""
    records = tuple(EstimatedIncome(f"{n}", "a", 24_000, "PHP", n) for n in range(count))
    body = snapshot_body(Snapshot("user-1", eincomes=Read(records)))
    stored = StoredReading(PagePosition(NOON, body.id), body.body)
    found, part, more = list[str](), 0, True
    while more:
        record, more = reading_record(stored, part)
        ids = [one["id"] for one in record.content.get("eincomes", ())]  # type: ignore[attr-defined]  # a list
        assert len(ids) <= MOST_RECORDS
        found, part = found + ids, part + 1
    assert found == [one.id for one in records]


def test_a_reading_without_its_key_says_so() -> None:
    """What was erased and is not yet deleted is named, and nothing of it is told."""
    record, more = reading_record(StoredReading(PagePosition(NOON, "snap_1"), None), 0)
    assert (more, "erased" in record.content) == (False, True)
