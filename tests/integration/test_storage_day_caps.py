"""Caps of a day over several processes on one PostgreSQL store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from decision_service.domain.errors import AllowancesMoved
from decision_service.domain.ports import Allowances, CapLimit, DayLimits, StoredEntry
from decision_service.store.store import Store
from tests.kits.arm_log import granted
from tests.kits.decision_entries import NOON, numbered
from tests.kits.postgres import Postgres
from tests.kits.until import until

MIDNIGHT = NOON - timedelta(hours=12)
CAPPED = Allowances(DayLimits(MIDNIGHT, (CapLimit("all", approvals=1),)))
_BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A database with tables."""
    return postgres.migrated()


@pytest.fixture
async def stores(url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes that decide."""
    one, two = await Store.open(url), await Store.open(url)
    yield one, two
    await one.aclose()
    await two.aclose()


@pytest.fixture
async def other(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who can hold a table."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def test_of_two_processes_that_approve_at_once_the_second_looks_again(
    stores: tuple[Store, Store], other: asyncpg.Connection
) -> None:
    """While the first is held up in its commit the second waits, then finds the room used up."""
    held = other.transaction()
    await held.start()
    await other.execute("LOCK TABLE decisions IN EXCLUSIVE MODE")
    calls = []
    for number, store in enumerate(stores, 1):
        entry = numbered(number, arm=granted(1_000), allowances=CAPPED)
        calls.append(asyncio.create_task(store.commit(entry)))
        await until(lambda: other.fetchval(_BLOCKED), lambda seen, n=number: seen >= n)
    await held.rollback()
    first, second = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(first, StoredEntry)
    assert isinstance(second, AllowancesMoved)
