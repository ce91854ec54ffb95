"""The stores that the service under test keeps its decisions in, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from decision_service.storage.engine import open_database
from decision_service.storage.tables import decisions


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
