"""The store of backtests: which of several processes carries one out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from decision_service.pipeline.backtest.runs.model import BacktestRun, ClaimedRun, RunEnd
from decision_service.storage.engine import Database
from decision_service.storage.replicas import backtest_rows as rows


class StoredRuns:
    """The `BacktestRuns` of a store; a process that hangs loses a run after `seconds`."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._span = round(seconds * 1_000_000)

    async def add(self, run: BacktestRun, plan: bytes) -> str:
        """The id of the unfinished run: this one, or the one that was there already."""
        while True:
            unfinished = await self._database.write(partial(rows.add, run=run, plan=plan))
            if unfinished is not None:
                return unfinished

    async def get(self, run_id: str) -> BacktestRun | None:
        """A run by id."""
        return await self._database.read(partial(rows.by_id, run_id=run_id))

    async def every(self) -> Sequence[BacktestRun]:
        """All runs that are kept, newest first."""
        return await self._database.read(rows.every)

    async def report(self, run_id: str) -> bytes | None:
        """The report of a run that is done."""
        return await self._database.read(partial(rows.report, run_id=run_id))

    async def end(self, run_id: str, end: RunEnd) -> bool:
        """End an unfinished run, with its partial sums; False where it has ended."""
        return await self._database.write(partial(rows.end, run_id=run_id, told=end))

    async def claim(self, holder: str) -> ClaimedRun | None:
        """Hold the unfinished run, unless there is none or another process holds it."""
        if not await self._database.read(rows.is_unfinished):
            return None
        return await self._database.write(partial(rows.claim, holder=holder, span=self._span))

    async def hold(self, run_id: str, holder: str) -> bool:
        """Hold on to a run; False where it has ended or another process holds it."""
        work = partial(rows.hold, run_id=run_id, holder=holder, span=self._span)
        return await self._database.write(work)

    async def release(self, holder: str) -> None:
        """Let others hold what this process holds."""
        await self._database.write(partial(rows.release, holder=holder))

    async def put_sums(self, run_id: str, holder: str, number: int, sums: bytes) -> bool:
        """Store a range's sums, once; False where the run is not this process's any more."""
        work = partial(rows.put_sums, run_id=run_id, holder=holder, number=number, sums=sums)
        return await self._database.write(work)

    async def sums(self, run_id: str) -> Mapping[int, bytes]:
        """The sums of each range that is judged, by its number."""
        return await self._database.read(partial(rows.sums, run_id=run_id))
