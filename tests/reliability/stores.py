"""The stores that the service under test keeps its decisions in, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, select

from decision_service.storage.engine import open_database
from decision_service.storage.tables import decisions
from tests.kits.postgres import running_postgres


@contextmanager
def store_urls(kind: str, folder: Path, lanes: int) -> Iterator[list[str]]:
    """A STORE_URL per lane: a SQLite file each, or one PostgreSQL database for all."""
    if kind == "sqlite":
        yield [f"sqlite:///{folder / f'lane-{lane}.db'}" for lane in range(lanes)]
        return
    with running_postgres() as postgres:
        yield [postgres.migrated()] * lanes


async def recorded(url: str) -> Mapping[str, list[bytes]]:
    """The recorded replies by request id, read past the service; more than one is a duplicate."""
    database = await open_database(url)
    try:
        return await database.read(_replies)
    finally:
        await database.aclose()


def _replies(connection: Connection) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for request_id, reply in connection.execute(select(decisions.c.request_id, decisions.c.reply)):
        found.setdefault(request_id, []).append(reply)
    return found
