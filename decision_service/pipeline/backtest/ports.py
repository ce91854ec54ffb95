"""What a backtest reads, and how it is divided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from decision_service.impact.applicant import KnownLoan, Side
from decision_service.pipeline.ports import PagePosition, StoredEntry, TextLog


class WorkersKilled(RuntimeError):
    """Workers were killed again and again."""


class KeyRange(msgspec.Struct, frozen=True):
    """The decisions from `since` to before `before`."""

    since: datetime
    before: datetime


class RecordedApplicant(msgspec.Struct, frozen=True):
    """An applicant's first decision in a window, with what became of its loans."""

    entry: StoredEntry
    loan: KnownLoan | None = None


class RangeCounts(msgspec.Struct, frozen=True):
    """Decisions of a product in a range: by rules, and outside the go-live."""

    decided: int
    not_enrolled: int


class BacktestLog(TextLog, Protocol):
    """Reads recorded decisions by ranges; every method raises StoreUnavailable."""

    async def counts(self, product: str, chosen: KeyRange) -> RangeCounts:
        """How many decisions there are."""

    async def applicants(
        self,
        product: str,
        chosen: KeyRange,
        window: datetime,
        after: PagePosition | None,
        limit: int,
    ) -> Sequence[RecordedApplicant]:
        """Applicants whose first decision since `window` is in the range; oldest first."""

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """The body of a stored snapshot; None when it was erased."""


class AnswerReader(Protocol):
    """Reads what a recorded reply said."""

    def __call__(self, reply: bytes) -> Side:
        """The outcome with amount, instalment and reasons of a reply."""


class MapPartitions(Protocol):
    """Runs one function over many ranges, in this process or in others."""

    def __call__(self, ranges: Sequence[KeyRange]) -> Iterator[bytes]:
        """The encoded sums of each range as it is done, in any order; each range once."""


OnProgress = Callable[[int, int], None]
"""Called with the ranges that are done, and with all of them."""
