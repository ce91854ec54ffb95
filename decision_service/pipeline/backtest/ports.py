"""What a backtest reads, and how it is divided."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

import msgspec

from decision_service.impact.applicant import KnownLoan, Side
from decision_service.pipeline.ports import PagePosition, StoredEntry, TextLog


class WorkersKilled(RuntimeError):
    """Workers were killed again and again."""


class ClusterUnfit(RuntimeError):
    """A cluster cannot be reached, or its machines cannot judge as this one does."""


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


AnswerReader: TypeAlias = Callable[[bytes], Side]
"""Gives the outcome with amount, instalment and reasons of a recorded reply."""

JudgedRanges: TypeAlias = Generator[tuple[KeyRange, bytes], None, None]
"""Ranges with their encoded sums as they are done, in any order; each range once."""


class Partitions(Protocol):
    """Workers that judge the ranges of one run: processes of this machine, or of a cluster."""

    def map_partitions(self, ranges: Sequence[KeyRange]) -> JudgedRanges:
        """The ranges judged; raises what a worker raises, WorkersKilled and ClusterUnfit."""


OnProgress = Callable[[int, int, int], None]
"""Called with the ranges that are done, all of them, and the decisions that were looked at."""
