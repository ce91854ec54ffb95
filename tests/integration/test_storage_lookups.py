"""What decisions look up, while other work has every reading connection."""

from __future__ import annotations

import asyncio
from threading import Event

from sqlalchemy import Connection, text

from tests.kits.decision_entries import as_stored
from tests.kits.history_log import KEYS, as_past, decided
from tests.kits.stores import opened

ENTRY = decided(1)


async def test_lookups_wait_for_no_reader(url: str) -> None:
    """They are answered while a list that takes its time has the one reader."""
    go = Event()

    def hold(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            go.wait()
        else:
            connection.execute(text("SELECT pg_sleep(30)"))

    async with opened(url, readers=1) as store:
        await store.commit(ENTRY)
        held = asyncio.create_task(store._database.read(hold))
        await asyncio.sleep(0)
        found = await store.look_up(ENTRY.caller, ENTRY.request_id)
        assert found.entry == as_stored(ENTRY)
        assert (await store.past([KEYS.user]))[KEYS.user].decisions == (as_past(ENTRY),)
        assert not held.done()
        go.set()
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
