"""Reports of loans over processes, restarts and erasures, on both databases."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta

import asyncpg
from msgspec.structs import replace
from sqlalchemy import Connection, Table, select

from decision_service.casework.outcomes import LoanStatus
from decision_service.decide.application import user_key
from decision_service.domain.errors import FieldInvalid
from decision_service.domain.ports import HistoryEntry
from decision_service.store.history import history, history_keys
from decision_service.store.outcomes import loan_outcomes
from decision_service.store.store import Store, open_database
from decision_service.workbench.backtest.replica import KeyRange, StoreReader
from tests.kits.decision_entries import ENTRY, NOON, numbered
from tests.kits.outcome_log import APPROVED, BOOKED, flagged, outstanding, state, told
from tests.kits.postgres import Postgres
from tests.kits.stores import opened
from tests.kits.until import until

USER = ENTRY.user_id
_TWO_BLOCKED = "SELECT count(*) = 2 FROM pg_locks WHERE NOT granted"


async def test_processes_add_up_the_loans_of_one_decision(postgres: Postgres) -> None:
    """Two loans that two processes report at once are both owed: none overwrites the other."""
    url, key = postgres.migrated(), user_key(USER)
    async with opened(url) as here, opened(url) as there:
        await here.commit(replace(ENTRY, history=HistoryEntry(((key, 0),), "PHP")))
        holder = await asyncpg.connect(url)
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM history FOR UPDATE")
            both = zip((here, there), ("LN-1", "LN-2"), strict=True)
            at_work = [
                asyncio.create_task(told(store, replace(BOOKED, loan_id=loan)))
                for store, loan in both
            ]
            await until(lambda: holder.fetchval(_TWO_BLOCKED))
        await asyncio.gather(*at_work)
        await holder.close()
        (found,) = (await there.past([key]))[key].decisions
    assert found.loans is not None
    assert found.loans.open == 2


async def test_of_two_processes_one_replaces_a_loan_and_one_flags_it(postgres: Postgres) -> None:
    """Of two loans at once one overdraws; of two reports one takes the first loan's place."""
    url = postgres.migrated()
    async with opened(url) as here, opened(url) as there:
        await here.commit(APPROVED)
        both = [replace(BOOKED, loan_id=loan) for loan in ("LN-1", "LN-2")]
        states = await asyncio.gather(state(here, both[0]), state(there, both[1]))
        assert sorted(one is not None for one in states) == [False, True]
        assert await flagged(here) == [APPROVED.decision_id]
        naming = [replace(BOOKED, loan_id=loan, replaces="LN-1") for loan in ("LN-3", "LN-4")]
        found = await asyncio.gather(
            told(here, naming[0]), told(there, naming[1]), return_exceptions=True
        )
        assert sorted(isinstance(one, FieldInvalid) for one in found) == [False, True]
        assert await outstanding(here) == 10_000_000


async def test_a_backtest_knows_no_result_of_a_loan_that_was_not_taken_up(url: str) -> None:
    async with opened(url) as store:
        await store.commit(APPROVED)
        unused = replace(BOOKED, status=LoanStatus.NOT_TAKEN_UP, overdue_days=0)
        await told(store, unused)
    day = timedelta(days=1)
    chosen = KeyRange(NOON - day, NOON + day)
    async with aclosing(await StoreReader.open(url)) as reader:
        found = await reader.applicants(
            APPROVED.product, chosen, window=chosen.since, after=None, limit=9
        )
    assert [one.loan for one in found] == [None]


async def test_no_report_outlives_a_decision_that_is_erased_meanwhile(url: str) -> None:
    """Reports that come while their decision is erased are recorded before it, or not at all."""
    async with AsyncExitStack() as stack:
        erasing = await stack.enter_async_context(opened(url, erase_decisions=True))
        reporting = erasing
        if not url.startswith("sqlite"):
            reporting = await stack.enter_async_context(opened(url))
        for number in range(6):
            await _report_while_it_is_erased(reporting, erasing, number)
    assert [await _rows(url, table) for table in (loan_outcomes, history, history_keys)] == [[]] * 3


async def _report_while_it_is_erased(reporting: Store, erasing: Store, number: int) -> None:
    user_id = f"user-{number}"
    place = HistoryEntry(((user_key(user_id), 0),), "PHP")
    entry = numbered(
        number, user_id=user_id, customer_ref="", history=place if number % 2 else None
    )
    report = replace(BOOKED, decision_id=entry.decision_id, loan_id=f"LN-{number}")
    await erasing.commit(entry)
    erasure = asyncio.create_task(erasing.erase(entry.user_id))
    for day in range(1, 6):
        await told(reporting, replace(report, as_of=report.as_of.replace(day=day)))
    await erasure
    assert await told(reporting, report) is None


async def _rows(url: str, table: Table) -> list[object]:
    def all_of(connection: Connection) -> list[object]:
        return list(connection.execute(select(table)))

    database = await open_database(url)
    found = await database.read(all_of)
    await database.aclose()
    return found
