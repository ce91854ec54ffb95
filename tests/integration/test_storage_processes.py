"""Which processes are on a store, and what each of them decides by."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from msgspec.structs import replace

from decision_service.decide.replica_check import ProcessRules
from decision_service.decide.snapshots import FIRST_PAUSE
from decision_service.store.replicas import SILENT_SECONDS
from decision_service.store.store import Store
from tests.kits.decision_entries import NOON
from tests.kits.postgres import Postgres
from tests.kits.stores import opened
from tests.kits.warm_log import EVENT

ONE, TWO = ProcessRules("one", "digest-1"), ProcessRules("two", "digest-2")


def later(postgres: Postgres, url: str, seconds: float) -> None:
    """Let so much time pass for what the processes have said."""
    shift = f"UPDATE processes SET seen = seen - interval '{seconds} seconds'"
    subprocess.run([str(postgres.server.bin_path / "psql"), url, "-qc", shift], check=True)


async def test_processes_hear_of_each_other_until_one_falls_silent(postgres: Postgres) -> None:
    """The last word of each counts, for twenty seconds by the server's clock."""
    url = postgres.migrated()
    here, there = await Store.open(url), await Store.open(url)
    assert await here.report(ONE) == [ONE]
    assert await there.report(TWO) == [ONE, TWO]
    changed = ProcessRules("one", "digest-2")
    assert await here.report(changed) == [changed, TWO]
    later(postgres, url, SILENT_SECONDS - 5)
    assert await here.report(ONE) == [ONE, TWO]
    later(postgres, url, 6)
    assert await here.report(ONE) == [ONE]
    for store in (here, there):
        await store.aclose()


async def test_one_of_several_processes_has_postponed_events(postgres: Postgres) -> None:
    """Three find the same events due at the same moment, time after time, and one takes them."""
    url = postgres.migrated()
    stores = [await Store.open(url) for _ in range(3)]
    events = [replace(EVENT, id=f"et-{number}") for number in range(4)]
    ids = [event.id for event in events]
    for event in events:
        await stores[0].receive(event, NOON, quarantine=False)
    for number in range(40):
        now = NOON + number * FIRST_PAUSE
        until = now + FIRST_PAUSE
        told = await asyncio.gather(*(store.postpone(ids, now, NOON, until) for store in stores))
        assert sorted(told) == [False, False, True]
    for store in stores:
        await store.aclose()


async def test_a_sqlite_file_has_one_process(tmp_path: Path) -> None:
    """Nobody else can hold it, so that nobody can differ."""
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as store:
        assert list(await store.report(ONE)) == [ONE]
