"""Recorded letters, and what making them needs of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from decision_service.notices.model import Letter, NoticeKind
from decision_service.pipeline.ports import PagePosition


class Sending(msgspec.Struct, frozen=True):
    """How a letter reached its applicant, as a lender's system reported it."""

    at: datetime
    channel: str
    by: str


class StoredNotice(msgspec.Struct, frozen=True):
    """A letter as it was made; `template_digest` is the SHA-256 of the texts' file in hex.

    `caller` is whose decision it is, `made_by` who asked for the letter first. `review_id` is the
    review whose result it tells, empty where it tells what was decided first.
    """

    decision_id: str
    caller: str
    letter: Letter
    template_digest: str
    made: datetime
    made_by: str
    sent: Sending | None = None
    review_id: str = ""

    @property
    def key(self) -> NoticeKey:
        """What makes it one of its kind."""
        letter = self.letter
        return NoticeKey(self.decision_id, letter.kind, letter.language, self.review_id)

    @property
    def notice_id(self) -> str:
        """The letter's id."""
        return self.key.notice_id


class NoticeKey(msgspec.Struct, frozen=True):
    """A decision has one letter of each kind, language and result of a review, empty for none."""

    decision_id: str
    kind: NoticeKind
    language: str
    review_id: str = ""

    @property
    def notice_id(self) -> str:
        """The id of the letter."""
        review = f"/{self.review_id}" if self.review_id else ""
        return f"{self.decision_id}/{self.kind}/{self.language}{review}"


class NoticeFilter(msgspec.Struct, frozen=True):
    """Which letters to list; empty values stand for all. `sent` None stands for both."""

    decision_id: str = ""
    caller: str = ""
    kind: NoticeKind | None = None
    sent: bool | None = None


class NoticeLog(Protocol):
    """The durable letters; every method raises StoreUnavailable."""

    async def record(self, notice: StoredNotice) -> StoredNotice | None:
        """Store a letter, or find the one of its id; None where the decision is not stored."""

    async def find(self, notice_id: str) -> StoredNotice | None:
        """One letter; None where it was never made."""

    async def sent(self, notice_id: str, sending: Sending) -> StoredNotice | None:
        """Note the first sending of a letter; the letter as it stands then, None without one."""

    async def list(
        self, chosen: NoticeFilter, after: PagePosition | None, limit: int
    ) -> Sequence[StoredNotice]:
        """At most `limit` letters, newest first, strictly after a position of instant and id."""
