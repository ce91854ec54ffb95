"""What an export reads of the store, and the records that it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from decision_service.domain.snapshot import KnownCount
from decision_service.pipeline.notices.ports import StoredNotice
from decision_service.pipeline.ports import PagePosition, StoredEntry
from decision_service.pipeline.reviews.ports import RecordedReview
from decision_service.pipeline.subject_access.disclosure import Disclosure

Row = Mapping[str, object]
"""The told columns of a stored row by name; instants are aware, the rest is as it is stored."""


class UserRows(msgspec.Struct, frozen=True):
    """What is stored of a user beside decisions and readings.

    `tables` are rows by table, `ended` what is left of disconnected accounts. `decisions` and
    `readings` count what follows.
    """

    tables: Mapping[str, Sequence[Row]]
    ended: Sequence[KnownCount]
    decisions: int
    readings: int


class StoredDecision(msgspec.Struct, frozen=True):
    """A decision with the rows that belong to it, by table, its letters and its reviews."""

    entry: StoredEntry
    tables: Mapping[str, Sequence[Row]]
    notices: Sequence[StoredNotice]
    reviews: Sequence[RecordedReview] = ()


class StoredReading(msgspec.Struct, frozen=True):
    """A stored snapshot: where it stands, and its body; None where its key was destroyed."""

    place: PagePosition
    body: bytes | None


class SubjectAccessLog(Protocol):
    """Reads what is stored of one person; every method raises StoreUnavailable.

    Each answer is of one transaction.
    """

    async def user_rows(self, user_id: str) -> UserRows | None:
        """What is stored of a user; None where nothing is."""

    async def decisions(
        self, user_id: str, after: PagePosition | None, limit: int
    ) -> Sequence[StoredDecision]:
        """At most `limit` decisions, newest first, strictly after the position."""

    async def reading(
        self, user_id: str, after: PagePosition | None, *, itself: bool
    ) -> StoredReading | None:
        """The newest stored snapshot after the position, with `itself` that one at first.

        None where there is none.
        """


class Chapter(StrEnum):
    """The parts of an export, in its order."""

    DECISIONS = "decisions"
    READINGS = "readings"


class ExportPlace(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: after a decision or a reading, or within a reading before a `part`."""

    chapter: Chapter
    created: datetime | None = None
    id: str = ""
    part: int = 0

    @property
    def after(self) -> PagePosition | None:
        """The position after which the chapter goes on; None at its beginning."""
        return None if self.created is None else PagePosition(self.created, self.id)


class PersonRecord(msgspec.Struct, frozen=True):
    """One record of an export: its kind, its id within the kind, and what is stored.

    `content` holds texts, flags, whole numbers, None, and lists and mappings of these.
    """

    kind: str
    id: str
    content: Mapping[str, object]


class ExportPage(msgspec.Struct, frozen=True):
    """One page of an export; `next` is None on the last one."""

    records: tuple[PersonRecord, ...]
    next: ExportPlace | None


class TellReply(Protocol):
    """Reads a recorded reply."""

    def __call__(self, reply: bytes, disclosed: Disclosure) -> Mapping[str, object]:
        """What a person is told of it; of reasons by names that are not told neither is named."""
