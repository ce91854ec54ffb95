"""The `SubjectAccessLog` of a store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from decision_service.pipeline.notices.ports import NoticeFilter
from decision_service.pipeline.ports import Filter, PagePosition
from decision_service.pipeline.reviews.ports import RecordedReview
from decision_service.pipeline.subject_access.ports import (
    StoredDecision,
    StoredReading,
    UserRows,
)
from decision_service.storage.engine import Database
from decision_service.storage.privacy import ended, snapshots
from decision_service.storage.privacy.data_keys import DataKeys
from decision_service.storage.queries import decisions, notices, subject_access
from decision_service.storage.reviews import rows as rows_of_reviews

MOST_LETTERS = 100
"""More than a decision has kinds of letters and languages."""


class StoredSubjectAccess:
    """What is stored of one person, on SQLite or PostgreSQL."""

    def __init__(self, database: Database, data_keys: DataKeys) -> None:
        self._database = database
        self._data_keys = data_keys

    async def user_rows(self, user_id: str) -> UserRows | None:
        """As `SubjectAccessLog`."""
        return await self._database.read_together(partial(self._user_rows, user_id=user_id))

    async def decisions(
        self, user_id: str, after: PagePosition | None, limit: int
    ) -> Sequence[StoredDecision]:
        """As `SubjectAccessLog`."""
        chosen = Filter(user_id=user_id)
        work = partial(_decisions, chosen=chosen, after=after, limit=limit)
        return await self._database.read_together(work)

    async def reading(
        self, user_id: str, after: PagePosition | None, *, itself: bool
    ) -> StoredReading | None:
        """As `SubjectAccessLog`."""
        work = partial(self._reading, user_id=user_id, after=after, itself=itself)
        found = await self._database.read_together(work)
        if found is None or found.body is None:
            return found
        return StoredReading(found.place, await snapshots.unpack(found.body))

    def _user_rows(self, connection: Connection, user_id: str) -> UserRows | None:
        if not subject_access.is_known(connection, user_id):
            return None
        counts = subject_access.counts(connection, user_id)
        return UserRows(
            subject_access.user_rows(connection, user_id),
            ended.left(connection, user_id, self._data_keys),
            counts["decisions"],
            counts["snapshots"],
        )

    def _reading(
        self, connection: Connection, user_id: str, after: PagePosition | None, *, itself: bool
    ) -> StoredReading | None:
        place = subject_access.newest_reading(connection, user_id, after, itself=itself)
        if place is None:
            return None
        body = snapshots.body(connection, user_id, place.decision_id, self._data_keys)
        return StoredReading(place, body)


def _decisions(
    connection: Connection, chosen: Filter, after: PagePosition | None, limit: int
) -> Sequence[StoredDecision]:
    found = decisions.page(connection, chosen, after, limit)
    rows = subject_access.decision_rows(connection, found)
    return [
        StoredDecision(
            one,
            rows[one.decision_id],
            notices.listed(
                connection, NoticeFilter(decision_id=one.decision_id), None, MOST_LETTERS
            ),
            [
                RecordedReview(review, rows_of_reviews.events(connection, review.review_id))
                for review in rows_of_reviews.of_decision(connection, one.decision_id)
            ],
        )
        for one in found
    ]
