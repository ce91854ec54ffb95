"""Plain commits on PostgreSQL: one statement a group, on a connection of the driver's own.

The statement is its own transaction, so a group costs one round trip.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set
from typing import Any

import asyncpg

from decision_service.failpoints import Point, reach
from decision_service.storage import faults
from decision_service.storage.commits import Commit
from decision_service.storage.errors import RETRY_SECONDS, ConnectionLost, HeldUp
from decision_service.storage.plain import NONE, postgres

_LOST = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)

_KEEPING = {"max_cacheable_statement_size": 0, "max_cached_statement_lifetime": 0}
"""Statements of any size stay prepared, for as long as the connection lasts."""


class PostgresRecorder:
    """Records plain commits; connects when it is first needed, and again after a fault."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def record(self, group: Sequence[Commit]) -> Set[str]:
        """The ids that are recorded.

        What the server refuses is left to the long way, which says why. Raises ConnectionLost, when
        it is unknown what is recorded.
        """
        try:
            return await self._record(group)
        except _LOST as error:
            raise self._lost() from error
        except (asyncpg.PostgresError, *faults.UNFIT_VALUES) as error:
            told = faults.of_postgres(error)
            if isinstance(told, HeldUp):
                raise told from error
            return NONE

    async def _record(self, group: Sequence[Commit]) -> Set[str]:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = self._connection = await asyncpg.connect(**self._options, **_KEEPING)
        reach(Point.IN_COMMIT)
        statement, arguments = postgres(group)
        found = await connection.fetch(statement, *arguments)
        return {row[0] for row in found}

    async def aclose(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await asyncio.wait_for(connection.close(), 1)
            except _LOST:
                connection.terminate()

    def _lost(self) -> ConnectionLost:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
        return ConnectionLost(
            "the store does not answer; ask again with the same request_id",
            retry_after=RETRY_SECONDS,
        )
