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


async def test_no_decision_rests_on_a_part_that_was_cleared_away(stores: Stores) -> None:
    """It is refused though the reading may serve, and recorded with its part at the next try."""
    deciding, clearing = stores
    await deciding.keep_warm(SNAPSHOT, READ, consent=0)
    for number in (1, 2):
        await deciding.commit(numbered(number, snapshot=PART, depends_on=READ))
    assert await cleared(clearing) == 3
    assert await deciding.snapshot(PART.user_id, PART.id) is None
    entry = numbered(3, created=LATER, snapshot=PART, depends_on=READ)
    with pytest.raises(ReadingMoved):
        await deciding.commit(entry)
    assert await deciding.get(entry.decision_id) is None
    assert await deciding.commit(entry) == as_stored(entry)
    assert await deciding.snapshot(PART.user_id, PART.id) == PART.body


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
        told, _ = await asyncio.gather(
            deciding.commit(late), cleared(clearing), return_exceptions=True
        )
        assert isinstance(told, ReadingMoved) or told == as_stored(late)
        if told == as_stored(late):
            assert await deciding.snapshot(PART.user_id, PART.id) == PART.body
