"""Erasure: what each table holds of a person, and the journal that outlives a restored copy."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import LargeBinary, Table, Text

from decision_service.domain.errors import StoreUnavailable
from decision_service.store.columns import (
    ErasedBy,
    disclosed,
    metadata,
    person_of,
    postgres_metadata,
)
from decision_service.store.engine import SqliteFile
from decision_service.store.erasure_journal import Erasure, ErasureJournal, new_erasure
from decision_service.store.errors import StoreRefused
from decision_service.store.schema import personal_tables
from decision_service.store.store import open_journal
from tests.kits.cases import cases

if TYPE_CHECKING:
    from pathlib import Path

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


FIRST = Erasure("a" * 32, "user-1")
SECOND = Erasure("b" * 32, "user-2")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.db.erasures"


async def noted(path: Path, *erasures: Erasure) -> ErasureJournal:
    """The journal, after it has noted erasures."""
    journal = await open_journal(SqliteFile(path))
    await journal.note(erasures)
    return journal


async def test_what_was_noted_is_there_after_opening_again(path: Path) -> None:
    """Erasures keep their ids, and their users are found by marks that stay the same."""
    await noted(path, FIRST, SECOND)
    again = await open_journal(SqliteFile(path))
    assert await again.marks() == dict(
        zip([FIRST.id, SECOND.id], await again.marked(["user-1", "user-2"]), strict=True)
    )


async def test_it_names_nobody(path: Path) -> None:
    """No user id is in the file, and only its owner reads it."""
    await noted(path, FIRST)
    assert b"user-1" not in path.read_bytes()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_two_journals_mark_one_user_differently(tmp_path: Path) -> None:
    """Each file has a key of its own, so that marks cannot be looked up elsewhere."""
    one, two = [await open_journal(SqliteFile(tmp_path / name)) for name in "ab"]
    assert await one.marked(["user-1"]) != await two.marked(["user-1"])


@pytest.mark.parametrize("content", [b"notes of mine\n", b"x" * 500, b"\0" * 98])
async def test_another_file_is_left_as_it_is(path: Path, content: bytes) -> None:
    """What is no journal is refused with a sentence, and not written to."""
    path.write_bytes(content)
    with pytest.raises(StoreRefused, match="restore it from its copy"):
        await open_journal(SqliteFile(path))
    assert path.read_bytes() == content


async def test_damage_is_told(path: Path) -> None:
    """A page that is none is never passed over, at the start and after it."""
    journal = await noted(path, FIRST, SECOND)
    content = bytearray(path.read_bytes())
    content[4096:] = b"?" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreRefused):
        await journal.marks()
    with pytest.raises(StoreRefused, match="restore it from its copy"):
        await open_journal(SqliteFile(path))
    assert path.read_bytes() == bytes(content)


async def test_writers_at_once_lose_nothing(path: Path) -> None:
    """Four journals on one file, as processes have them, keep all their lines."""
    journals = [await open_journal(SqliteFile(path)) for _ in range(4)]
    erasures = [new_erasure(f"user-{n}") for n in range(24)]
    await asyncio.gather(*(journals[n % 4].note([erasures[n]]) for n in range(24)))
    assert set(await journals[0].marks()) == {one.id for one in erasures}


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A missing folder is a sentence with the setting; one that goes away later is no erasure."""
    with pytest.raises(StoreRefused, match="ERASURE_JOURNAL"):
        await open_journal(SqliteFile(tmp_path / "gone" / "journal"))
    journal = await open_journal(SqliteFile(tmp_path / "journal"))
    (tmp_path / "journal").unlink()
    with pytest.raises(StoreUnavailable, match="nothing was erased"):
        await journal.note([FIRST])
