"""The `NoticeLog` of a store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from decision_service.pipeline.notices.ports import NoticeFilter, Sending, StoredNotice
from decision_service.pipeline.ports import PagePosition
from decision_service.storage.engine import Database
from decision_service.storage.queries import notices


class StoredNotices:
    """Letters on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, notice: StoredNotice) -> StoredNotice | None:
        """As `NoticeLog`."""
        return await self._database.write(partial(notices.record, notice=notice))

    async def find(self, notice_id: str) -> StoredNotice | None:
        """As `NoticeLog`."""
        return await self._database.read(partial(notices.find, notice_id=notice_id))

    async def sent(self, notice_id: str, sending: Sending) -> StoredNotice | None:
        """As `NoticeLog`."""
        work = partial(notices.sent, notice_id=notice_id, sending=sending)
        return await self._database.write(work)

    async def list(
        self, chosen: NoticeFilter, after: PagePosition | None, limit: int
    ) -> Sequence[StoredNotice]:
        """As `NoticeLog`."""
        work = partial(notices.listed, chosen=chosen, after=after, limit=limit)
        return await self._database.read(work)
