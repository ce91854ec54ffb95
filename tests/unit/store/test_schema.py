"""What each table holds of a person is declared with it."""

from __future__ import annotations

import pytest
from sqlalchemy import LargeBinary, Table, Text

from decision_service.store.columns import (
    ErasedBy,
    disclosed,
    metadata,
    person_of,
    postgres_metadata,
)
from decision_service.store.schema import personal_tables
from tests.kits.cases import cases

TABLES = [*metadata.tables.values(), *postgres_metadata.tables.values()]
OF_PERSONS = {"user_id", "decision_id", "customer_ref", "application_id", "unit"}
DISCLOSED = cases("disclosed")
KINDS = (Text, LargeBinary)
WORDS = cases("storage/words")


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_every_table_says_what_it_holds_of_a_person(table: Table) -> None:
    """Its rows are found by a person or a decision, or it has no column that names one."""
    held = person_of(table)
    if held is None:
        assert not OF_PERSONS & {column.name for column in table.c}
    else:
        assert held.found_by in table.c


def test_no_column_is_disclosed_by_oversight() -> None:
    """A column that is added is withheld, or named here."""
    found = {name: disclosed(metadata.tables[name]) for name in personal_tables()}
    assert {
        name: " ".join(one.name for one in columns) for name, columns in found.items()
    } == DISCLOSED


def test_no_column_holds_a_persons_words_by_oversight() -> None:
    """A text or a body that outlives an erasure is named as one with words, or as one without."""
    found = {
        name: {one.name for one in metadata.tables[name].c if isinstance(one.type, KINDS)}
        for name, held in personal_tables().items()
        if held.erased_by is not ErasedBy.ERASURE
    }
    assert found == {name: {*" ".join(named.values()).split()} for name, named in WORDS.items()}


def test_what_no_erasure_takes_says_why() -> None:
    """Whatever stays after every erasure has its reason."""
    left = [one for one in personal_tables().values() if one.erased_by is ErasedBy.NOTHING]
    assert all(one.kept for one in left)
