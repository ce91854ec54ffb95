"""What the store's tables are made of, and what each of them holds of a person."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text

metadata = MetaData()
"""Of the tables, the same for SQLite and PostgreSQL; each is declared beside its statements."""

postgres_metadata = MetaData()
"""Of those that PostgreSQL alone has."""

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
BODY = LargeBinary()
"""What PostgreSQL keeps beside the row, uncompressed: it is read far more cheaply."""

_PERSON, _WITHHELD = "person", "withheld"


class ErasedBy(StrEnum):
    """What deletes a person's rows, before retention does.

    `ERASURE`: every erasure. `DECISIONS`: one that takes the decisions too, which ON_REVOKE says.
    `NOTHING`: no erasure.
    """

    ERASURE = "erasure"
    DECISIONS = "decisions"
    NOTHING = "nothing"


class PersonalTable(msgspec.Struct, frozen=True):
    """The column that names the person or the decision, and what becomes of the rows.

    `kept` says why an erasure leaves some of them.
    """

    found_by: str
    erased_by: ErasedBy
    kept: str = ""


def of_person(found_by: str, erased_by: ErasedBy, kept: str = "") -> dict[Any, Any]:
    """Of a table: its rows are of persons, and an export discloses what is not `withheld`."""
    return {_PERSON: PersonalTable(found_by, erased_by, kept)}


def withheld(why: str) -> dict[Any, Any]:
    """Of a column: it is in no export."""
    return {_WITHHELD: why}


SECRET = withheld("a secret key")
INNER = withheld("how the service finds or guards the row; nothing of the person")
STAFF = withheld("who of the lender's did it")


def person_of(table: Table) -> PersonalTable | None:
    """None where it holds nothing of a person."""
    held: PersonalTable | None = table.info.get(_PERSON)
    return held


def disclosed(table: Table) -> list[Column[Any]]:
    """The columns that an export shows of a person."""
    return [column for column in table.c if _WITHHELD not in column.info]
