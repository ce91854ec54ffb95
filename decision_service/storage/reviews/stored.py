"""The `ReviewLog` of a store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from decision_service.domain.errors import ServiceError
from decision_service.domain.kinds import Kind
from decision_service.failpoints import Point, reach
from decision_service.pipeline.history.keys import IdentityKey
from decision_service.pipeline.reviews.ports import (
    Move,
    QueueCount,
    RecordedReview,
    ReviewFilter,
    ReviewPosition,
)
from decision_service.reviewing.model import Review
from decision_service.reviewing.opening import ReviewCase
from decision_service.reviewing.policy import ReviewPolicy
from decision_service.reviewing.steps import By
from decision_service.rollout.allowances import DayLimits
from decision_service.storage.engine import Database
from decision_service.storage.errors import ConnectionLost
from decision_service.storage.reviews import lists, rows, steps

T = TypeVar("T")


class StoredReviews:
    """Reviews in a database; a step whose connection is lost is taken again, and counts once."""

    def __init__(self, database: Database, secrets: tuple[IdentityKey, ...] = ()) -> None:
        self._database = database
        self._secrets = secrets

    async def get(
        self, review_id: str, after: int = 0, limit: int | None = None
    ) -> RecordedReview | None:
        """As `ReviewLog.get`."""
        work = partial(_recorded, review_id=review_id, after=after, limit=limit)
        return await self._database.read(work)

    async def of_decision(self, decision_id: str) -> Sequence[Review]:
        """As `ReviewLog.of_decision`."""
        return await self._database.read(partial(rows.of_decision, decision_id=decision_id))

    async def list(
        self, chosen: ReviewFilter, after: ReviewPosition | None, limit: int, now: datetime
    ) -> Sequence[Review]:
        """As `ReviewLog.list`."""
        work = partial(lists.page, chosen=chosen, after=after, limit=limit, now=now)
        return await self._database.read(work)

    async def step(
        self, review_id: str, move: Move, limits: DayLimits | None = None
    ) -> Review | None:
        """As `ReviewLog.step`."""
        work = partial(
            steps.step, review_id=review_id, move=move, limits=limits, secrets=self._secrets
        )
        return await self._write(work)

    async def contest(
        self, case: ReviewCase, by: By, text: str, policy: ReviewPolicy
    ) -> Review | None:
        """As `ReviewLog.contest`."""
        work = partial(steps.contest, case=case, by=by, text=text, policy=policy)
        return await self._write(work)

    async def arrived(self, user_id: str, kinds: Collection[Kind], now: datetime) -> int:
        """As `ReviewLog.arrived`."""
        return await self._write(partial(steps.arrived, user_id=user_id, kinds=kinds, now=now))

    async def never_whole(
        self, user_id: str, kinds: Collection[Kind], now: datetime, why: str
    ) -> None:
        """As `ReviewLog.never_whole`."""
        work = partial(steps.never_whole, user_id=user_id, kinds=kinds, now=now, why=why)
        await self._write(work)

    async def deciding_again(self, limit: int) -> Sequence[Review]:
        """As `ReviewLog.deciding_again`."""
        return await self._database.read(partial(lists.deciding_again, limit=limit))

    async def queues(self, now: datetime) -> Sequence[QueueCount]:
        """As `ReviewLog.queues`."""
        return await self._database.read(partial(lists.queues, now=now))

    async def _write(self, work: Callable[[Connection], T]) -> T:
        """Write; a refusal leaves the transaction as a value, since it is no fault of the store."""
        guarded = partial(_guarded, work=work)
        try:
            done = await self._database.write(guarded)
        except ConnectionLost:
            done = await self._database.write(guarded)
        reach(Point.AFTER_STEP)
        if isinstance(done, ServiceError):
            raise done
        return done


def _guarded(connection: Connection, work: Callable[[Connection], T]) -> T | ServiceError:
    try:
        done = work(connection)
    except ServiceError as refused:
        return refused
    reach(Point.IN_STEP)
    return done


def _recorded(
    connection: Connection, review_id: str, after: int, limit: int | None
) -> RecordedReview | None:
    review = rows.by_id(connection, review_id)
    if review is None:
        return None
    return RecordedReview(review, rows.events(connection, review_id, after, limit))
