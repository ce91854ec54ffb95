"""What decisions look up, for many callers in one visit to the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

import msgspec
from sqlalchemy import Connection

from decision_service.pipeline.history.ports import NOTHING_PAST, LookedUp, Past
from decision_service.storage.commit.batches import Batches
from decision_service.storage.engine import Database
from decision_service.storage.queries import decisions, history


class _Question(msgspec.Struct, frozen=True):
    request: decisions.CallerRequest | None
    keys: Collection[bytes]


class Lookups:
    """Earlier decisions by request and by person, looked up on a connection kept for that.

    Whatever lists, exports and other work have the readers, no decision waits for them.
    """

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._batches: Batches[_Question, LookedUp] = Batches(self._answer, most=most)

    async def look_up(self, request: decisions.CallerRequest, keys: Collection[bytes]) -> LookedUp:
        """The decision of a request and the past under each key; raises StoreUnavailable."""
        return await self._batches.submit(_Question(request, keys))

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        """The past under each key; raises StoreUnavailable."""
        return (await self._batches.submit(_Question(None, keys))).past

    async def aclose(self) -> None:
        """Answer what waits, then take no more."""
        await self._batches.aclose()

    async def _answer(self, questions: Sequence[_Question]) -> Sequence[LookedUp]:
        return await self._database.look_up(partial(_answered, questions=questions))


def _answered(connection: Connection, questions: Sequence[_Question]) -> Sequence[LookedUp]:
    """The answers in order, from one query of each kind."""
    requests = [asked.request for asked in questions if asked.request is not None]
    entries = decisions.by_keys(connection, requests)
    past = history.under(connection, {key for asked in questions for key in asked.keys})
    return [
        LookedUp(
            None if asked.request is None else entries.get(asked.request),
            {key: past.get(key, NOTHING_PAST) for key in asked.keys},
        )
        for asked in questions
    ]
