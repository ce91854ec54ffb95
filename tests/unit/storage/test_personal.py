"""The list of what each table holds of a person is whole."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from decision_service.store.schema import NOT_PERSONAL, PERSONAL, ErasedBy
from decision_service.store.tables import metadata, postgres_metadata

TABLES = {**metadata.tables, **postgres_metadata.tables}
OF_PERSONS = {"user_id", "decision_id", "customer_ref", "application_id", "unit"}


def test_every_table_is_listed_once() -> None:
    """A table that was added is exported and erased, or named with what it holds."""
    assert sorted([*PERSONAL, *NOT_PERSONAL]) == sorted(TABLES)


@pytest.mark.parametrize("name", PERSONAL)
def test_every_column_is_told_or_withheld_with_the_reason(name: str) -> None:
    """Of a table of persons no column is forgotten; the person is found by one of them."""
    held, columns = PERSONAL[name], {column.name for column in TABLES[name].c}
    assert sorted([*held.told, *held.withheld]) == sorted(columns)
    assert held.found_by in columns
    assert all(held.withheld.values())


@pytest.mark.parametrize("name", NOT_PERSONAL)
def test_other_tables_name_nobody(name: str) -> None:
    """None of them has a column by which a person or a decision is found."""
    table: Table = TABLES[name]
    assert not OF_PERSONS & {column.name for column in table.c}
    assert NOT_PERSONAL[name]


def test_what_no_erasure_takes_says_why() -> None:
    """Whatever stays after every erasure has its reason."""
    left = [one for one in PERSONAL.values() if one.erased_by is ErasedBy.NOTHING]
    assert all(one.kept for one in left)
