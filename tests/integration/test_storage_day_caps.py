"""Caps of a day over several processes on one PostgreSQL store."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from decision_service.domain.errors import AllowancesMoved
from decision_service.pipeline.ports import StoredEntry
from decision_service.rollout.allowances import (
    Allowances,
    CapLimit,
    DayLimits,
    DayTotal,
    ExploreLimit,
)
from decision_service.storage.store import Store
from tests.kits.arm_log import PRODUCT, granted
from tests.kits.decision_entries import NOON, numbered
from tests.kits.postgres import Postgres

MIDNIGHT = NOON - timedelta(hours=12)


async def test_processes_that_approve_at_once_keep_one_cap(postgres: Postgres) -> None:
    """Of forty approvals in two processes, all of which found room, exactly the cap is stored."""
    url = postgres.migrated()
    stores = [await Store.open(url, largest_group=1) for _ in range(2)]
    found = Allowances(DayLimits(MIDNIGHT, (CapLimit("all", approvals=9),)))
    entries = [numbered(n, arm=granted(1_000), allowances=found) for n in range(40)]
    calls = [stores[n % 2].commit(entry) for n, entry in enumerate(entries)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, StoredEntry) for one in results) == 9
    assert sum(isinstance(one, AllowancesMoved) for one in results) == 31
    assert (await stores[0].day_totals(PRODUCT, MIDNIGHT)).of("T1") == DayTotal(9, 9_000)
    for store in stores:
        await store.aclose()


async def test_processes_that_explore_one_unit_at_once_grant_it_once(postgres: Postgres) -> None:
    """Of ten explored approvals of one unit in two processes one is stored."""
    url = postgres.migrated()
    stores = [await Store.open(url, largest_group=1) for _ in range(2)]
    explore = ExploreLimit(7, max_amount=1_000, amount=50_000, since=MIDNIGHT)
    found = Allowances(DayLimits(MIDNIGHT, explore=explore))
    arm = granted(1_000, explored=1_000)
    entries = [numbered(n, arm=arm, allowances=found) for n in range(10)]
    calls = [stores[n % 2].commit(entry) for n, entry in enumerate(entries)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, StoredEntry) for one in results) == 1
    assert await stores[1].explored(PRODUCT, arm.unit, MIDNIGHT) == 1_000
    for store in stores:
        await store.aclose()
