"""A case file read as a store is, by ranges of time."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from decision_service.factors.registry import catalogue
from decision_service.pipeline.backtest.ports import KeyRange, RangeCounts, RecordedApplicant
from decision_service.pipeline.ports import PagePosition, StoredText
from decision_service.pipeline.rules.texts import files_from_body
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.storage.cases.index import LONGEST
from decision_service.storage.cases.line import parsed
from decision_service.storage.cases.record import entry_of
from decision_service.storage.queries.decisions import from_microseconds, microseconds

_COUNTS = """
SELECT count(*) FILTER (WHERE decided), count(*) FILTER (WHERE NOT decided)
FROM cases WHERE created >= :since AND created < :before
"""
_EDGES = """
SELECT min(created), max(created) FROM cases WHERE created >= :since AND created < :before
"""
_FIRSTS = """
SELECT place FROM cases AS one
WHERE created >= :since AND created < :before AND decided
  AND (created, decision) > (:after, :decision)
  AND NOT EXISTS (
    SELECT 1 FROM cases AS earlier
    WHERE earlier.unit = one.unit AND earlier.decided AND earlier.created >= :window
      AND (earlier.created, earlier.decision) < (one.created, one.decision))
ORDER BY created, decision LIMIT :most
"""
_KNOWN = "SELECT decision FROM cases WHERE decision = ?"


class CaseOrder(msgspec.Struct, frozen=True):
    """A case file with its index, and the stored files of the rules at hand by digest."""

    file: str
    index: str
    texts: Mapping[str, bytes]


class CaseReader:
    """The `BacktestLog` of a case file."""

    def __init__(self, order: CaseOrder) -> None:
        self._texts = order.texts
        self._rules: dict[str, CompiledRuleset | None] = {}
        self._file = Path(order.file).open("rb")  # noqa: SIM115 - closed by aclose
        self._index = sqlite3.connect(f"file:{order.index}?mode=ro", uri=True)

    async def aclose(self) -> None:
        """Close both files."""
        self._file.close()
        self._index.close()

    async def text(self, digest: str) -> StoredText | None:
        """A version's stored files by digest; None where they are not at hand."""
        body = self._texts.get(digest)
        return None if body is None else StoredText(digest, "ruleset", body)

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """No person's data is in an export."""
        del user_id, snapshot_id
        nothing: bytes | None = None
        return nothing

    async def counts(self, product: str, chosen: KeyRange) -> RangeCounts:
        """How many decisions a range has."""
        del product
        return RangeCounts(*self._index.execute(_COUNTS, _range(chosen)).fetchone())

    async def edges(self, product: str, chosen: KeyRange) -> tuple[datetime, datetime] | None:
        """When the first and the last decision of a range were made; None where there is none."""
        del product
        first, last = self._index.execute(_EDGES, _range(chosen)).fetchone()
        return None if first is None else (from_microseconds(first), from_microseconds(last))

    async def known(self, decision_ids: Collection[str]) -> set[str]:
        """Those of the decisions that the file has."""
        found = (self._index.execute(_KNOWN, (one,)).fetchone() for one in decision_ids)
        return {row[0] for row in found if row is not None}

    async def applicants(
        self,
        product: str,
        chosen: KeyRange,
        window: datetime,
        after: PagePosition | None,
        limit: int,
    ) -> Sequence[RecordedApplicant]:
        """Applicants whose first decision since `window` is in the range, oldest first."""
        del product
        begun = (-1, "") if after is None else (microseconds(after.created), after.decision_id)
        given = {"window": microseconds(window), "most": limit, **_range(chosen)}
        given |= {"after": begun[0], "decision": begun[1]}
        places = self._index.execute(_FIRSTS, given).fetchall()
        return [self._applicant(place) for (place,) in places]

    def _applicant(self, place: int) -> RecordedApplicant:
        self._file.seek(place)
        line = parsed(self._file.readline(LONGEST + 1))
        return RecordedApplicant(entry_of(line, self._ruleset(line.digest)))

    def _ruleset(self, digest: str) -> CompiledRuleset | None:
        if digest not in self._rules:
            body = self._texts.get(digest)
            self._rules[digest] = None if body is None else _compiled(body)
        return self._rules[digest]


def _compiled(body: bytes) -> CompiledRuleset | None:
    return compile_ruleset(files_from_body(body), catalogue(), checks=()).ruleset


def _range(chosen: KeyRange) -> dict[str, int | str]:
    return {"since": microseconds(chosen.since), "before": microseconds(chosen.before)}
