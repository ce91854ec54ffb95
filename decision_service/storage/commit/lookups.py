"""What decisions look up, for many callers in one visit to the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, cast

from sqlalchemy import Connection

from decision_service.pipeline.history.ports import Past
from decision_service.pipeline.ports import StoredEntry
from decision_service.storage.commit.batches import Batches
from decision_service.storage.engine import Database
from decision_service.storage.queries import decisions, history

_Keys = frozenset[bytes]
_Question = decisions.CallerRequest | _Keys


class Lookups:
    """Earlier decisions by request and by person, looked up on a connection kept for that.

    Whatever lists, exports and other work have the readers, no decision waits for them.
    """

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._batches: Batches[_Question, Any] = Batches(self._answer, most=most)

    async def find(self, request: decisions.CallerRequest) -> StoredEntry | None:
        """The decision of a request, if there is one; raises StoreUnavailable."""
        return cast("StoredEntry | None", await self._batches.submit(request))

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        """The newest decisions under each key that has any; raises StoreUnavailable."""
        return cast("Mapping[bytes, Past]", await self._batches.submit(frozenset(keys)))

    async def aclose(self) -> None:
        """Answer what waits, then take no more."""
        await self._batches.aclose()

    async def _answer(self, questions: Sequence[_Question]) -> Sequence[Any]:
        return await self._database.look_up(partial(_answered, questions=questions))


def _answered(connection: Connection, questions: Sequence[_Question]) -> Sequence[Any]:
    """The answers to questions of both kinds, in order."""
    requests = [asked for asked in questions if isinstance(asked, tuple)]
    keys: _Keys = frozenset().union(*(asked for asked in questions if isinstance(asked, frozenset)))
    entries = decisions.by_keys(connection, requests)
    past = history.under(connection, keys)
    return [
        entries.get(asked)
        if isinstance(asked, tuple)
        else {key: past[key] for key in asked if key in past}
        for asked in questions
    ]
