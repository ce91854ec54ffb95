"""ON_REVOKE: what a withdrawn consent leaves."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from decision_service.casework import review_steps as steps
from decision_service.casework.letters import StoredNotice
from decision_service.casework.review_results import result_of
from decision_service.casework.review_steps import By, Move
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import DecisionEntry
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
from decision_service.store.columns import ErasedBy, metadata
from decision_service.store.schema import personal_tables
from decision_service.store.store import Store, open_database
from tests.integration.test_storage_erasures import told as psql
from tests.kits.arm_figures import paired
from tests.kits.cases import cases
from tests.kits.decision_entries import ENTRY, NOON, numbered
from tests.kits.notice_log import LETTER
from tests.kits.outcome_log import BOOKED
from tests.kits.postgres import Postgres
from tests.kits.review_log import POLICY, by, committed, referred
from tests.kits.stored_person import ANA, BEN, fill, repay
from tests.kits.stores import opened

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

    async with opened(url, journal=tmp_path / "erasures", erase_decisions=True) as store:
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
    options = {"journal": tmp_path / "erasures"}
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
    async with opened(url, journal=tmp_path / "erasures") as store:
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
