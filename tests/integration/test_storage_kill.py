"""What was acknowledged survives the end of the process, whenever that comes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fakes.examples import ALL
from tests.kits.decision_entries import as_stored
from tests.kits.postgres import Postgres
from tests.kits.store_process import committed, committing, refusal
from tests.kits.stores import opened

KILLS, POSTGRES_KILLS = (20, 5) if ALL else (8, 3)
MOST_BEFORE_A_KILL = 200


async def missing(url: str, acknowledged: list[int]) -> list[int]:
    """Those of the acknowledged numbers not in the store as committed, or without its review."""
    async with opened(url) as store:
        lost = []
        for number in acknowledged:
            entry = committed(number)
            opened_with = [entry.review.review] if entry.review else []
            same = await store.get(entry.decision_id) == as_stored(entry)
            if not same or [*await store.reviews.of_decision(entry.decision_id)] != opened_with:
                lost.append(number)
    return lost


async def kill_often(url: str, kills: int, seed: int) -> None:
    """Kill a committing process time and again, after a random number of acknowledgements."""
    chance = random.Random(seed)
    acknowledged: list[int] = []
    for turn in range(kills):
        count = chance.randrange(1, MOST_BEFORE_A_KILL)
        with committing(url, first=turn * 1_000_000) as process:
            told = process.acknowledged(count)
            told += process.kill()
        assert len(told) >= count
        assert await missing(url, told) == []
        acknowledged += told
    assert await missing(url, acknowledged) == []


@pytest.mark.long
async def test_sqlite_loses_no_acknowledged_decision(tmp_path: Path) -> None:
    """After each SIGKILL every acknowledged decision is there with its review, unchanged."""
    await kill_often(f"sqlite:///{tmp_path}/decisions.db", KILLS, seed=1)


@pytest.mark.long
async def test_postgres_loses_no_acknowledged_decision(postgres: Postgres) -> None:
    """The same on PostgreSQL when the service is killed."""
    await kill_often(postgres.migrated(), POSTGRES_KILLS, seed=2)


@pytest.mark.long
async def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    """One SQLite file serves one process; a killed one gives it free without any clearing up."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    with committing(url, first=0) as process:
        process.acknowledged(1)
        sentence = refusal(url)
        assert "decisions.db is in use by process" in sentence
        assert "STORE_URL" in sentence
        assert "\n" not in sentence
        process.kill()
    assert refusal(url) == ""
