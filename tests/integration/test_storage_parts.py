"""Decisions on parts of a warm reading, while what is old is cleared away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from decision_service.domain.errors import ReadingMoved
from decision_service.store.store import Store
from tests.kits.decision_entries import NOON, SNAPSHOT, as_stored, numbered
from tests.kits.warm_log import LATER, MARK

READ = replace(MARK, fetched=LATER, looked=LATER, oldest=LATER)
PART = replace(SNAPSHOT, id="part", body=b"a part of it")
BEFORE = NOON + timedelta(minutes=1)
Stores = tuple[Store, Store]


@pytest.fixture
async def stores(url: str) -> AsyncIterator[Stores]:
    """The store that decides and the one that clears away: of two processes where there may be."""
    deciding = await Store.open(url)
    clearing = deciding if url.startswith("sqlite") else await Store.open(url)
    yield deciding, clearing
    await deciding.aclose()
    await clearing.aclose()


async def cleared(store: Store) -> int:
    """Clear away what is older than the reading; how many rows went."""
    gone = 0
    while some := await store.expire(BEFORE, 10):
        gone += some
    return gone


async def test_clearing_away_beside_decisions_leaves_none_without_its_snapshot(
    stores: Stores,
) -> None:
    """Whichever comes first, every decision that was recorded has the data that it rests on."""
    deciding, clearing = stores
    await deciding.keep_warm(SNAPSHOT, READ, consent=0)
    rounds = 30
    for number in range(0, 4 * rounds, 4):
        await deciding.commit(numbered(number, snapshot=PART, depends_on=READ))
        late = numbered(number + 1, created=LATER, snapshot=PART, depends_on=READ)
        recorded, _ = await asyncio.gather(
            deciding.commit(late), cleared(clearing), return_exceptions=True
        )
        assert isinstance(recorded, ReadingMoved) or recorded == as_stored(late)
        if recorded == as_stored(late):
            assert await deciding.snapshot(PART.user_id, PART.id) == PART.body
