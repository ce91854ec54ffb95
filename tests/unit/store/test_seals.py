"""The text that is sealed: no two different rows have one, nor one row in two places."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from decision_service.store import releases, rollouts
from decision_service.store.columns import metadata
from decision_service.store.seals import JournalKey, canonical, sealed_tables

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["", "null", "0", "1", '"', '","b":"', "{}", "[]", "\\", "\x00", "é", "e\u0301", "YQ=="]
)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.none() | WORDS | NUMBERS
ROWS = st.dictionaries(st.sampled_from(["a", "b", "c"]) | WORDS, VALUES, max_size=4)
PLACES = st.tuples(st.sampled_from(["releases", "rollout_journal"]) | WORDS, ROWS, WORDS)


@given(PLACES, PLACES)
def test_different_rows_have_different_texts(
    one: tuple[str, dict[str, object], str], other: tuple[str, dict[str, object], str]
) -> None:
    """Whatever the table, the columns, their values, and the seal before."""
    assume(one != other)
    assert canonical(*one) != canonical(*other)


@given(PLACES, st.sampled_from(["a", "b", "c"]), VALUES)
def test_a_changed_value_changes_the_text(
    place: tuple[str, dict[str, object], str], name: str, value: object
) -> None:
    """Also from null to an empty text, from a number to its digits, or to no column at all."""
    table, row, before = place
    text = canonical(table, row, before)
    assert (canonical(table, {**row, name: value}, before) == text) == (
        name in row and row[name] == value and type(row[name]) is type(value)
    )


@given(PLACES)
def test_the_text_says_all_of_the_row_in_any_order(
    place: tuple[str, dict[str, object], str],
) -> None:
    """It can be read back whole, so nothing of the row is left out, and no order is in it."""
    table, row, before = place
    text = canonical(table, row, before)
    assert json.loads(text) == {"table": table, "row": row, "before": before}
    turned = dict(reversed([*row.items()]))
    assert canonical(table, turned, before) == text


@pytest.mark.parametrize("value", [b"abc", 1.0, True, datetime(2026, 1, 2, tzinfo=UTC), ["a"]])
def test_another_kind_of_value_has_no_text(value: object) -> None:
    """A body in base64, a number with a fraction, or an instant would be as some text is."""
    with pytest.raises(ValueError, match="the column a holds a "):
        canonical("releases", {"a": value}, "")


def test_every_table_with_a_seal_is_locked_and_sealed() -> None:
    """Those with the column, in one order, whatever was imported first."""
    assert sealed_tables() == [releases.releases, rollouts.rollout_journal]
    assert {table.name for table in metadata.tables.values() if "seal" in table.c} == {
        table.name for table in sealed_tables()
    }


def test_a_journal_key_says_its_id_alone() -> None:
    """No repr shows a key, a key is not the secret of the file, and its seal begins with its id."""
    key = JournalKey.of(bytes(32))
    assert repr(key) == f"JournalKey({key.id.hex()})"
    assert key.key != bytes(32)
    assert key.seal(b"a") == JournalKey.of(bytes(32)).seal(b"a")
    assert key.seal(b"a").startswith(f"{key.id.hex()}:")
    assert len({key.seal(b"a"), key.seal(b"b"), JournalKey.of(bytes(33)).seal(b"a")}) == 3
    with pytest.raises(ValueError, match="a key has 31 bytes: 32 are needed"):
        JournalKey.of(bytes(31))
