"""A store's real database, counted and held up by a test."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from decision_service.store.engine import Database

T = TypeVar("T")

LINGER = 0.05
"""Long enough for whatever is asked in one turn of the loop to meet in one group."""


class WatchedDatabase:
    """Counts groups of commits; holds back the news of a finished one while `go` is not set."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.split_batches = database.split_batches
        self.shared = False
        self.commits = 0
        self.written = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read(work)

    async def read_together(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read_together(work)

    async def look_up(self, work: Callable[[Connection], T]) -> T:
        return await self._database.look_up(work)

    async def write(self, work: Callable[[Connection], T], *, repeatable: bool = False) -> T:
        return await self._database.write(work, repeatable=repeatable)

    async def commit(self, work: Callable[[Connection], T]) -> T:
        self.commits += 1
        result = await self._database.commit(work)
        self.written.set()
        await self.go.wait()
        return result

    async def note(self, work: Callable[[Connection], T]) -> T:
        return await self._database.note(work)

    async def scrub(self) -> None:
        await self._database.scrub()

    async def aclose(self) -> None:
        await self._database.aclose()


def rows_on_disk(path: Path) -> set[str]:
    """The decisions that another program finds in a SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT decision_id FROM decisions")}
