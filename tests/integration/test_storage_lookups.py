"""What decisions look up, while other work has every reading connection."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Event

from sqlalchemy import Connection, text

from decision_service.store.store import Store
from tests.kits.decision_entries import as_stored
from tests.kits.history_log import KEYS, as_past, decided
from tests.kits.postgres import Postgres
from tests.kits.stores import opened

ENTRY = decided(1)


async def looked_up(store: Store) -> None:
    """The decision is found by its request and by its person."""
    assert (await store.look_up(ENTRY.caller, ENTRY.request_id)).entry == as_stored(ENTRY)
    assert (await store.past([KEYS.user]))[KEYS.user].decisions == (as_past(ENTRY),)


async def test_on_sqlite_lookups_wait_for_no_reader(tmp_path: Path) -> None:
    """They are answered while a list that takes its time has the one reader."""
    begun, go = Event(), Event()

    def hold(_: Connection) -> None:
        begun.set()
        go.wait()

    async with opened(f"sqlite:///{tmp_path}/decisions.db", readers=1) as store:
        await store.commit(ENTRY)
        held = asyncio.create_task(store._database.read(hold))
        await asyncio.to_thread(begun.wait)
        await looked_up(store)
        assert not held.done()
        go.set()
        await held


async def test_on_postgresql_lookups_wait_for_no_reader(postgres: Postgres) -> None:
    """They are answered while a list that takes its time has the one reader."""
    async with opened(postgres.migrated(), readers=1) as store:
        await store.commit(ENTRY)
        sleep = text("SELECT pg_sleep(30)")
        held = asyncio.create_task(store._database.read(lambda c: c.execute(sleep).all()))
        await asyncio.sleep(0)
        await looked_up(store)
        assert not held.done()
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
