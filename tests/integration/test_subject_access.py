"""What is stored of a person: exported whole, and left or taken by an erasure."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.casework import review_steps as steps
from decision_service.casework.disclosure import PersonRecord
from decision_service.casework.letters import StoredNotice
from decision_service.casework.review_results import result_of
from decision_service.casework.review_steps import By, Move
from decision_service.casework.subject_access import MOST_RECORDS, PAGE, AccessTerms, ExportPerson
from decision_service.decide.application import KEYED, user_key
from decision_service.decide.codec import snapshot_body
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import UserUnknown
from decision_service.domain.reviews import (
    ERASED_TEXT,
    NO_POLICY,
    Authority,
    ReviewCase,
    ReviewEnd,
    ReviewResult,
    result_without_words,
)
from decision_service.domain.values import Money
from decision_service.server.services.applicants import APPLICANTS, disclosed_reply
from decision_service.store.columns import ErasedBy, disclosed, metadata
from decision_service.store.schema import personal_tables
from decision_service.store.store import Store, open_database
from tests.fakes.world import SetClock
from tests.integration.test_erasures import told as psql
from tests.kits.arm_figures import paired
from tests.kits.cases import cases
from tests.kits.decision_log import ENTRY, NOON, numbered
from tests.kits.outcome_log import BOOKED
from tests.kits.review_log import LETTER, POLICY, by, committed, referred
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

if TYPE_CHECKING:
    from decision_service.domain.ports import DecisionEntry
    from tests.kits.postgres import Postgres

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
    async with opened(url, journal=f"sqlite:///{tmp_path}/erasures") as store:
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
    async with opened(url, journal=f"sqlite:///{tmp_path}/erasures") as store:
        await fill(store, BEN, 11)
        await fill(store, ANA, 1, BEN)
        records = await exported(store, ANA)
    assert not [one for one in ("ben", user_key(BEN).hex()) if one in text_of(records)]
    standing = next(one for one in records if one.kind == "decision")
    assert not [one for one in ("777.00", "reuse.") if one in text_of([standing])]
    assert standing.content["reasons"] == [{"code": "OWED", "message": "Too much is owed"}]
    assert standing.content["history"][0]["found_by"].count("user") == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
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
    options = {"journal": f"sqlite:///{tmp_path}/erasures", "erase_decisions": erase_decisions}
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


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("erase_decisions", [False, True])
async def test_an_export_tells_what_an_open_loan_leaves(
    url: str, tmp_path: Path, *, erase_decisions: bool
) -> None:
    """Who owes is told of the hashes, the amounts and the reports that stay, and until when."""
    options = {"journal": f"sqlite:///{tmp_path}/erasures", "erase_decisions": erase_decisions}
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


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
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


WORDS = cases("storage/words")

USER = referred(1).user_id

TWO_PERSONS = replace(POLICY, authority=Authority(Decimal(1), Decimal(100_000)))


async def test_decisions_leave_the_pages_of_their_tables(
    postgres: Postgres, tmp_path: Path
) -> None:
    """On PostgreSQL what others have there comes into freed places; VACUUM FULL leaves none.

    Of a decision with a report of a loan an older row may stay until then, as of the report itself.
    """
    url, ids = postgres.migrated(), [numbered(number).decision_id.encode() for number in (1, 2)]
    tables = [
        name for name, held in personal_tables().items() if held.erased_by is ErasedBy.DECISIONS
    ]
    folder = Path(psql(postgres, url, "SHOW data_directory"))

    def named() -> set[str]:
        psql(postgres, url, "CHECKPOINT")
        files = {
            one: psql(postgres, url, f"SELECT pg_relation_filepath('{one}')") for one in tables
        }
        pages = {one: (folder / file).read_bytes() for one, file in files.items()}
        return {one for one, held in pages.items() if any(each in held for each in ids)}

    async with opened(url, journal=f"sqlite:///{tmp_path}/erasures", erase_decisions=True) as store:
        await fill(store, ANA, 1)
        await fill(store, BEN, 11)
        assert named() == {*tables}
        await repay(store, ANA, numbered(2).decision_id)
        await store.erase(ANA)
        assert not named() & {"arm_decisions", "shadow_results"}
    psql(postgres, url, f"VACUUM FULL {', '.join(tables)}")
    assert named() == set()


async def test_nothing_is_recorded_of_a_decision_that_is_gone(url: str) -> None:
    """A contest, a letter, a report and a shadow's result that come too late leave no row."""
    case = ReviewCase(ENTRY.decision_id, ENTRY.caller, ENTRY.user_id, ENTRY.product, ENTRY.outcome)
    letter = StoredNotice(ENTRY.decision_id, ENTRY.caller, LETTER, "a" * 64, NOON, "staff-maria")
    async with opened(url, erase_decisions=True) as store:
        await store.commit(ENTRY)
        await store.erase(ENTRY.user_id)
        assert await store.reviews.contest(case, By("los", "", NOON), "Why?", NO_POLICY) is None
        assert await store.notices.record(letter) is None
        assert await store.record_outcome(BOOKED, ENTRY.caller, NOON) is None
        await store.put_pairs([paired(ENTRY.decision_id)])
    database = await open_database(url, 1)
    try:
        assert await database.read(_left) == {"events_out": 1}, "that the person was erased"
    finally:
        await database.aclose()


WORD = "Maria earns more"

"""What each of the texts below begins with."""


def said(what: str) -> str:
    return f"{WORD}: {what}"


async def worded(store: Store) -> tuple[str, str]:
    """A finished and an unfinished review, with every text that a person may write in one."""
    finished = await finished_review(store)
    unfinished = await committed(store, referred(2, history=None))
    await store.reviews.step(unfinished, lambda one, _: steps.claim(one, by("rosa")))
    asked = partial(steps.request_data, by=by("rosa"), kinds=[Kind.EINCOMES], text=said("data"))
    await store.reviews.step(unfinished, lambda one, _: asked(one))
    case = case_of(referred(2))
    await store.reviews.contest(case, by("los", "q-1"), said("contest"), NO_POLICY)
    return finished, unfinished


async def finished_review(store: Store) -> str:
    """A review that was approved by two persons, with the texts that they wrote."""
    result = ReviewResult(Outcome.APPROVE, "OK", said("explanation"), Money("PHP", 1_500_000))
    finished = await committed(store, referred(1))
    moves: list[Move] = [
        lambda one, _: steps.claim(one, by("rosa")),
        lambda one, _: steps.note(one, by("rosa"), said("note")),
        lambda one, _: steps.skip(one, by("rosa"), said("skip")),
        lambda one, _: steps.claim(one, by("tomas")),
        lambda one, _: steps.release(one, by("tomas"), "rosa"),
        lambda one, _: steps.complete(one, by("rosa"), result, TWO_PERSONS),
        lambda one, _: steps.reject(one, by("tomas"), said("rejection")),
        lambda one, _: steps.claim(one, by("rosa")),
        lambda one, _: steps.complete(one, by("rosa", "r-1"), result, TWO_PERSONS),
        lambda one, _: steps.confirm(one, by("tomas"), TWO_PERSONS),
    ]
    for move in moves:
        await store.reviews.step(finished, move)
    return finished


async def test_every_erasure_takes_the_words_of_reviews(url: str, tmp_path: Path) -> None:
    """Of decisions that stay no column holds what persons wrote; who, when and codes stay.

    What is written after an erasure goes with the next one.
    """
    named = {(table, one) for table, of in WORDS.items() for one in of.get("words", "").split()}
    options = {"journal": f"sqlite:///{tmp_path}/erasures"}
    async with opened(url, **options) as store:
        finished, unfinished = await worded(store)
        before = await store.reviews.get(finished)
    assert await _holding(url) == named
    async with opened(url, **options) as store:
        await store.erase(USER)
        found, ended = await store.reviews.get(finished), await store.reviews.get(unfinished)
    assert await _holding(url) == set()
    assert before is not None
    assert found is not None
    assert ended is not None
    steps_of = [[(one.who, one.at, one.action) for one in each.events] for each in (before, found)]
    assert steps_of[0] == steps_of[1]
    assert found.review.result == result_without_words(result_of(before.review))
    assert {one.text for one in found.events} == {"", "rosa", ERASED_TEXT}
    assert ended.review.end is ReviewEnd.ERASED
    async with opened(url, **options) as store:
        case, los = case_of(referred(1)), by("los", "q-2")
        assert await store.reviews.contest(case, los, said("again"), NO_POLICY)
    assert await _holding(url) == {("review_events", "body")}
    async with opened(url, **options) as store:
        await store.erase(USER)
    assert await _holding(url) == set()
    if url.startswith("sqlite"):
        files = b"".join(one.read_bytes() for one in tmp_path.glob("decisions.db*"))
        assert WORD.encode() not in files


async def test_an_erasure_takes_words_where_no_review_is_unfinished(
    url: str, tmp_path: Path
) -> None:
    async with opened(url, journal=f"sqlite:///{tmp_path}/erasures") as store:
        await finished_review(store)
        await store.erase(USER)
    assert await _holding(url) == set()


def case_of(entry: DecisionEntry) -> ReviewCase:
    place = (entry.decision_id, entry.caller, entry.user_id, entry.product, entry.outcome)
    return ReviewCase(*place)


async def _holding(url: str) -> set[tuple[str, str]]:
    """The columns of all tables of persons in which there are the words."""
    database = await open_database(url, 1)
    try:
        return await database.read(_columns_with_words)
    finally:
        await database.aclose()


def _columns_with_words(connection: Connection) -> set[tuple[str, str]]:
    found = set[tuple[str, str]]()
    for name in personal_tables():
        for row in connection.execute(select(metadata.tables[name])).mappings():
            found |= {(name, key) for key, value in row.items() if _has_words(value)}
    return found


def _has_words(value: object) -> bool:
    body = value.encode() if isinstance(value, str) else value
    return isinstance(body, bytes) and WORD.encode() in body


def _left(connection: Connection) -> dict[str, int]:
    """How many rows each table holds that an erasure of decisions empties."""
    names = [
        name for name, held in personal_tables().items() if held.erased_by is not ErasedBy.NOTHING
    ]
    counts = {
        name: connection.execute(
            select(func.count()).select_from(metadata.tables[name])
        ).scalar_one()
        for name in names
    }
    return {name: count for name, count in counts.items() if count}
