"""A case file read as a store is, by ranges of time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from decision_service.domain.verdict import Outcome
from decision_service.factors.registry import catalogue
from decision_service.impact.applicant import KnownLoan
from decision_service.pipeline.backtest.ports import KeyRange, RangeCounts, RecordedApplicant
from decision_service.pipeline.ports import PagePosition, StoredText
from decision_service.pipeline.rules.texts import files_from_body
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.storage.cases.line import LineBroken, parsed
from decision_service.storage.cases.record import entry_of
from decision_service.storage.queries.decisions import from_microseconds, microseconds

LONGEST = 1 << 20
"""Bytes of a line above which it is no exported decision."""


class CasePosition(NamedTuple):
    """Where a decision begins in the file, with what orders and counts it."""

    created: int
    decision: str
    unit: str
    decided: bool
    begin: int


class BrokenLine(msgspec.Struct, frozen=True):
    """A line, from 1, that is not counted, and why."""

    number: int
    why: str


class CaseFile:
    """The decisions of a product in a file, oldest first, and what else its lines are.

    Raises OSError where the file cannot be read.
    """

    def __init__(self, file: Path, product: str) -> None:
        self.positions: list[CasePosition] = []
        self.others = 0
        self.broken: list[BrokenLine] = []
        self._seen: set[str] = set()
        with file.open("rb") as source:
            for number, (begin, line) in enumerate(_lines(source), 1):
                try:
                    if line.strip():
                        self._take(begin, line, product)
                except LineBroken as error:
                    self.broken.append(BrokenLine(number, str(error)))
        self.positions.sort()

    def _take(self, begin: int, line: bytes, product: str) -> None:
        if len(line) > LONGEST:
            raise LineBroken(f"the line has more than {LONGEST:,} bytes")
        case = parsed(line)
        if case.product != product:
            self.others += 1
            return
        if case.decision in self._seen:
            raise LineBroken(f"decision {case.decision} is in the file again")
        self._seen.add(case.decision)
        decided = case.outcome is not Outcome.NOT_ENROLLED
        created = microseconds(case.decided)
        self.positions.append(CasePosition(created, case.decision, case.unit, decided, begin))


class CaseOrder(msgspec.Struct, frozen=True):
    """A product's decisions in a case file, and the stored files of the rules at hand by digest."""

    file: str
    product: str
    texts: Mapping[str, bytes]


class CaseReader:
    """The `BacktestLog` of a case file."""

    def __init__(self, order: CaseOrder) -> None:
        self._texts = order.texts
        self._rules: dict[str, CompiledRuleset | None] = {}
        self._positions = CaseFile(Path(order.file), order.product).positions
        self._firsts: dict[datetime, list[CasePosition]] = {}
        self._file = Path(order.file).open("rb")  # noqa: SIM115 - closed by aclose

    async def aclose(self) -> None:
        self._file.close()

    async def text(self, digest: str) -> StoredText | None:
        body = self._texts.get(digest)
        return None if body is None else StoredText(digest, "ruleset", body)

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """No person's data is in an export."""
        del user_id, snapshot_id
        nothing: bytes | None = None
        return nothing

    async def counts(self, product: str, chosen: KeyRange) -> RangeCounts:
        del product
        found = _within(self._positions, chosen)
        decided = sum(one.decided for one in found)
        return RangeCounts(decided, len(found) - decided)

    async def edges(self, product: str, chosen: KeyRange) -> tuple[datetime, datetime] | None:
        del product
        found = _within(self._positions, chosen)
        if not found:
            return None
        return from_microseconds(found[0].created), from_microseconds(found[-1].created)

    async def applicants(
        self,
        product: str,
        chosen: KeyRange,
        window: datetime,
        after: PagePosition | None,
        limit: int,
    ) -> Sequence[RecordedApplicant]:
        del product
        if window not in self._firsts:
            self._firsts[window] = self._firsts_since(microseconds(window))
        found = _within(self._firsts[window], chosen)
        if after is not None:
            reached = microseconds(after.created), after.decision_id
            found = found[bisect_right(found, reached, key=lambda one: one[:2]) :]
        return [self._applicant(one.begin) for one in found[:limit]]

    def _firsts_since(self, window: int) -> list[CasePosition]:
        firsts: dict[str, CasePosition] = {}
        for one in self._positions:
            if one.decided and one.created >= window:
                firsts.setdefault(one.unit, one)
        return [*firsts.values()]

    def _applicant(self, begin: int) -> RecordedApplicant:
        self._file.seek(begin)
        line = parsed(self._file.readline(LONGEST + 1))
        loan = None if line.loan_bad is None else KnownLoan(bad=line.loan_bad)
        return RecordedApplicant(entry_of(line, self._ruleset(line.digest)), loan)

    def _ruleset(self, digest: str) -> CompiledRuleset | None:
        if digest not in self._rules:
            body = self._texts.get(digest)
            self._rules[digest] = None if body is None else _compiled(body)
        return self._rules[digest]


def _compiled(body: bytes) -> CompiledRuleset | None:
    return compile_ruleset(files_from_body(body), catalogue(), checks=()).ruleset


def _within(ordered: Sequence[CasePosition], chosen: KeyRange) -> Sequence[CasePosition]:
    since, before = (microseconds(edge) for edge in (chosen.since, chosen.before))
    return ordered[bisect_left(ordered, (since,)) : bisect_left(ordered, (before,))]


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each line with the byte that it begins at; of one that is too long its beginning."""
    begin = source.tell()
    while line := source.readline(LONGEST + 1):
        yield begin, line
        while not line.endswith(b"\n") and (rest := source.readline(LONGEST)):
            line = rest
        begin = source.tell()
