"""Known loan outcomes from a file, beside the decisions of a store or a case file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec

from decision_service.impact.applicant import KnownLoan
from decision_service.pipeline.backtest.ports import (
    BacktestLog,
    KeyRange,
    RangeCounts,
    RecordedApplicant,
)
from decision_service.pipeline.ports import PagePosition, StoredText

_BATCH = 500
_SCHEMA = """
CREATE TABLE loans (
    decision TEXT, loan TEXT, as_of TEXT, taken INTEGER, bad INTEGER, PRIMARY KEY (decision, loan)
) WITHOUT ROWID
"""
_NEWEST = """
INSERT INTO loans VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET as_of = excluded.as_of, taken = excluded.taken, bad = excluded.bad
WHERE excluded.as_of >= as_of
"""
_OF = "SELECT max(bad) FROM loans WHERE decision = ? AND taken"
_DECISIONS = "SELECT DISTINCT decision FROM loans ORDER BY decision"


class LoanReport(msgspec.Struct, frozen=True):
    """How a loan of a decision stood on a day, `YYYY-MM-DD`; `taken` False: never taken up."""

    decision: str
    loan: str
    as_of: str
    taken: bool
    bad: bool


def write_loans(reports: Iterable[LoanReport], target: Path) -> None:
    """Write an SQLite file of the newest report of each loan."""
    with closing(sqlite3.connect(target)) as database:
        database.execute(_SCHEMA)
        rows = ((r.decision, r.loan, r.as_of, r.taken, r.bad) for r in reports)
        database.executemany(_NEWEST, rows)
        database.commit()


class KnownLoans:
    """Reads what `write_loans` wrote."""

    def __init__(self, file: str) -> None:
        self._database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def of(self, decision: str) -> KnownLoan | None:
        """Whether a loan of the decision went bad; None where none was taken up."""
        (bad,) = self._database.execute(_OF, (decision,)).fetchone()
        return None if bad is None else KnownLoan(bad=bool(bad))

    def decisions(self) -> Iterator[tuple[str, ...]]:
        """The decisions in batches."""
        found = self._database.execute(_DECISIONS)
        while rows := found.fetchmany(_BATCH):
            yield tuple(row[0] for row in rows)


class LoansBeside:
    """A `BacktestLog` whose loans are those of a file, and its own where the file has none."""

    def __init__(self, log: BacktestLog, loans: KnownLoans) -> None:
        self._log = log
        self._loans = loans

    async def text(self, digest: str) -> StoredText | None:
        """A version's stored files by digest."""
        return await self._log.text(digest)

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """The body of a stored snapshot; None when it was erased."""
        return await self._log.snapshot(user_id, snapshot_id)

    async def counts(self, product: str, chosen: KeyRange) -> RangeCounts:
        """How many decisions there are."""
        return await self._log.counts(product, chosen)

    async def applicants(
        self,
        product: str,
        chosen: KeyRange,
        window: datetime,
        after: PagePosition | None,
        limit: int,
    ) -> Sequence[RecordedApplicant]:
        """Applicants whose first decision since `window` is in the range, with their loans."""
        found = await self._log.applicants(product, chosen, window, after, limit)
        return [self._with_loan(one) for one in found]

    def _with_loan(self, one: RecordedApplicant) -> RecordedApplicant:
        loan = self._loans.of(one.entry.decision_id)
        return one if loan is None else RecordedApplicant(one.entry, loan)
