"""What is stored of a person, exported and erased, on both databases."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, select

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.casework.disclosure import PersonRecord
from decision_service.casework.subject_access import MOST_RECORDS, PAGE, AccessTerms, ExportPerson
from decision_service.decide.application import KEYED, user_key
from decision_service.decide.codec import snapshot_body
from decision_service.domain.errors import UserUnknown
from decision_service.server.applicants import APPLICANTS, disclosed_reply
from decision_service.store.columns import ErasedBy, disclosed, metadata
from decision_service.store.schema import personal_tables
from decision_service.store.store import Store, open_database
from tests.fakes.world import SetClock
from tests.kits.decision_entries import NOON, numbered
from tests.kits.stored_person import (
    ANA,
    BEN,
    DAY,
    RULE_TEXT,
    decision,
    fill,
    keys_of,
    repay,
    snapshot,
)
from tests.kits.stores import opened

SECRETS = (RULE_TEXT, "secret_signal", "secret_rule", "secret_list", "staff-maria", "points_lost")
Rows = Mapping[str, list[Mapping[str, Any]]]


def exporter(store: Store, *, erases_decisions: bool = False) -> ExportPerson:
    """The use case on a store."""
    terms = AccessTerms(25, 60, erases_decisions)
    return ExportPerson(store.subject_access, store, disclosed_reply, terms, SetClock(NOON))


async def exported(store: Store, user_id: str, **terms: bool) -> list[PersonRecord]:
    """Every record, with pages of bounded size."""
    export, place, found = exporter(store, **terms), None, list[PersonRecord]()
    while True:
        page = await export(user_id, "", place)
        assert sum(record.kind == "decision" for record in page.records) <= PAGE
        found += page.records
        if page.next is None:
            return found
        place = page.next


def text_of(records: list[PersonRecord]) -> str:
    """All that leaves the service."""
    return "\n".join(f"{APPLICANTS.message(pb.StoredRecord, one)} {one.content}" for one in records)


def rows_of(connection: Connection, user_id: str) -> Rows:
    """The stored rows of a user, by table."""
    own = {user_id, *(f"dec_{number:026d}" for number in _NUMBERS[user_id])}
    return {
        name: [
            dict(row)
            for row in connection.execute(select(metadata.tables[name])).mappings()
            if row[held.found_by] in own
        ]
        for name, held in personal_tables().items()
    }


_NUMBERS = {ANA: (1, 2), BEN: (11, 12)}


async def stored_rows(store: Store, url: str, *users: str) -> list[Rows]:
    """As `rows_of` each user, by another connection once the store is closed."""
    await store.aclose()
    database = await open_database(url, 1)
    try:
        return [await database.read(partial(rows_of, user_id=one)) for one in users]
    finally:
        await database.aclose()


async def test_every_told_text_of_every_table_is_in_the_export(url: str, tmp_path: Path) -> None:
    """Of each row of a person that any table holds the texts leave; keys and rules do not."""
    async with opened(url, journal=tmp_path / "erasures") as store:
        await fill(store, ANA, 1)
        told = text_of(await exported(store, ANA))
        [rows] = await stored_rows(store, url, ANA)
    assert all(rows.values()), [name for name, some in rows.items() if not some]
    for name, some in rows.items():
        shown = [column.name for column in disclosed(metadata.tables[name])]
        for row in some:
            texts = [row[one] for one in shown if isinstance(row[one], str)]
            assert not [one for one in texts if one not in told], name
    for one in (
        "Name of user-ana",
        "12345.00",
        "Hindi namin maaprobahan.",
        "My debts are repaid.",
        "rent",
        "thin_file",
    ):
        assert one in told
    assert not [one for one in SECRETS if one in told]


async def test_nothing_of_another_user_of_the_account_is_told(url: str, tmp_path: Path) -> None:
    """No id, reference, name, key or figure of the other, who is counted in the own records."""
    async with opened(url, journal=tmp_path / "erasures") as store:
        await fill(store, BEN, 11)
        await fill(store, ANA, 1, BEN)
        records = await exported(store, ANA)
    assert not [one for one in ("ben", user_key(BEN).hex()) if one in text_of(records)]
    standing = next(one for one in records if one.kind == "decision")
    assert not [one for one in ("777.00", "reuse.") if one in text_of([standing])]
    assert standing.content["reasons"] == [{"code": "OWED", "message": "Too much is owed"}]
    assert standing.content["history"][0]["found_by"].count("user") == 1


async def test_own_figures_are_told_where_nobody_else_is_counted(url: str) -> None:
    """A person alone on the account reads what the own records said, and the reason's value."""
    async with opened(url) as store:
        await store.commit(decision(1, ANA))
        told = text_of(await exported(store, ANA))
    assert "'actual': '₱ 777.00'" in told
    assert "'exposure': 'PHP 777.00'" in told


@pytest.mark.parametrize("erase_decisions", [False, True])
async def test_an_erasure_leaves_what_the_list_of_tables_says(
    url: str, tmp_path: Path, *, erase_decisions: bool
) -> None:
    """Each table is emptied of the person or not as it is listed, and the other person's stay."""
    options = {"journal": tmp_path / "erasures", "erase_decisions": erase_decisions}
    async with opened(url, **options) as store:
        await fill(store, ANA, 1)
        await fill(store, BEN, 11)
        await repay(store, ANA, numbered(2).decision_id)
        await store.erase(ANA)
        left = await exported(store, ANA, erases_decisions=erase_decisions)
        rows, others = await stored_rows(store, url, ANA, BEN)
    gone = {ErasedBy.ERASURE} | ({ErasedBy.DECISIONS} if erase_decisions else set())
    for name, held in personal_tables().items():
        assert bool(rows[name]) == (held.erased_by not in gone), name
    assert all(others.values())
    told, why = text_of(left), str(left[0].content["after_erasure"])
    assert ("Hindi namin maaprobahan." in told) is not erase_decisions
    assert ("It deleted the decisions as well" in why) is erase_decisions
    assert ("stay for 25 months" in why) is not erase_decisions
    assert "Name of user-ana" not in told


@pytest.mark.parametrize("erase_decisions", [False, True])
async def test_an_export_tells_what_an_open_loan_leaves(
    url: str, tmp_path: Path, *, erase_decisions: bool
) -> None:
    """Who owes is told of the hashes, the amounts and the reports that stay, and until when."""
    options = {"journal": tmp_path / "erasures", "erase_decisions": erase_decisions}
    async with opened(url, **options) as store:
        await fill(store, ANA, 1)
        await store.erase(ANA)
        left = await exported(store, ANA, erases_decisions=erase_decisions)
    told = text_of(left)
    assert "account, while a loan is open" in told
    assert "at most 25 months after its last report" in told
    assert "LN-user-ana" in told
    assert ("open_loan" in {one.kind for one in left}) is erase_decisions


async def test_what_is_erased_leaves_the_files(tmp_path: Path) -> None:
    """Letters, loans, names and hashes, which were in the bytes of file or log, are in none."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    texts = (b"Hindi namin maaprobahan.", b"LN-user-ana", b"APP-user-ana")
    erased = (*texts, *(key for key in keys_of(ANA).all if key[:1] in KEYED))
    async with opened(url, erase_decisions=True) as store:
        await fill(store, ANA, 1)
        assert [one for one in erased if one not in _bytes(tmp_path)] == []
        await repay(store, ANA, numbered(2).decision_id)
        await store.erase(ANA)
        assert [one for one in erased if one in _bytes(tmp_path)] == []
        assert b"Name of user-ana" not in _bytes(tmp_path)


def _bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("decisions.db*"))


async def test_pages_are_bounded_and_lose_nothing(url: str) -> None:
    """Of many decisions and a large reading each comes once, newest first, whatever is added."""
    async with opened(url) as store:
        body = snapshot_body(snapshot(ANA, MOST_RECORDS + 5))
        for number in range(1, 2 * PAGE + 2):
            created = NOON + number * DAY
            snapped = {"snapshot": body} if number == 1 else {}
            await store.commit(decision(number, ANA, created=created, **snapped))
        export, first = exporter(store), await exporter(store)(ANA, "", None)
        page = await export(ANA, "", first.next)
        await store.commit(decision(99, ANA, created=NOON + 99 * DAY))
        ids = [one.id for one in page.records]
        readings = list[PersonRecord]()
        while page.next is not None:
            page = await export(ANA, "", page.next)
            ids += [one.id for one in page.records if one.kind == "decision"]
            readings += [one for one in page.records if one.kind == "reading"]
    assert ids == [f"dec_{number:026d}" for number in range(2 * PAGE + 1, 0, -1)]
    incomes = [one["id"] for part in readings for one in part.content.get("eincomes", ())]
    assert incomes == [f"user-ana-income-{number}" for number in range(MOST_RECORDS + 5)]
    assert [part.content["part"] for part in readings] == [1, 2]


async def test_nobody_is_told_from_a_user_of_another_caller(url: str) -> None:
    """A user of whom nothing is stored is unknown, and so is one that another caller created."""
    async with opened(url) as store:
        await store.commit(decision(1, BEN))
        with pytest.raises(UserUnknown, match="nothing is stored"):
            await exporter(store)(ANA, "", None)
        with pytest.raises(UserUnknown, match="this caller"):
            await exporter(store)(BEN, "crm", None)


async def test_a_page_is_of_one_moment(url: str) -> None:
    """What is deleted between two statements of a page is still seen by the second."""
    async with opened(url) as store:
        await store.commit(decision(1, ANA))
    database = await open_database(url, 1)
    try:
        assert await database.read_together(partial(_twice, url=url)) == (1, 1)
        assert await database.read_together(_decisions) == 0
    finally:
        await database.aclose()


def _twice(connection: Connection, url: str) -> tuple[int, int]:
    before = _decisions(connection)
    elsewhere = Thread(target=_delete, args=(url,))
    elsewhere.start()
    elsewhere.join()
    return before, _decisions(connection)


def _decisions(connection: Connection) -> int:
    return len(connection.execute(select(metadata.tables["decisions"].c.decision_id)).all())


def _delete(url: str) -> None:
    """Delete every decision by a program of its own."""
    statement = "DELETE FROM decisions"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(statement)
        return

    async def delete() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(delete())
