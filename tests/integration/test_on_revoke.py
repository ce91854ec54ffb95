"""ON_REVOKE: what a withdrawn consent leaves."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, func, select

from decision_service.casework.letters import StoredNotice
from decision_service.casework.review_steps import By
from decision_service.domain.reviews import NO_POLICY, ReviewCase
from decision_service.store.columns import ErasedBy, metadata
from decision_service.store.schema import personal_tables
from decision_service.store.store import open_database
from tests.integration.test_storage_erasures import told as psql
from tests.kits.arm_figures import paired
from tests.kits.decision_entries import ENTRY, NOON, numbered
from tests.kits.notice_log import LETTER
from tests.kits.outcome_log import BOOKED
from tests.kits.postgres import Postgres
from tests.kits.stored_person import ANA, BEN, fill, repay
from tests.kits.stores import opened


async def test_decisions_leave_the_pages_of_their_tables(
    postgres: Postgres, tmp_path: Path
) -> None:
    """On PostgreSQL what others have there comes into freed places; VACUUM FULL leaves none."""
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
        assert not named() & {"decisions", "arm_decisions", "shadow_results"}
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
