"""Judging a run: its ranges by worker processes, each kept as it is done, and its report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import msgspec

from decision_service.domain.errors import StoreError
from decision_service.impact.document import encoded
from decision_service.impact.report import report_of
from decision_service.impact.sums import ImpactSums
from decision_service.pipeline.backtest.ports import KeyRange, Partitions
from decision_service.pipeline.backtest.run import divided
from decision_service.pipeline.backtest.runs.model import BacktestPlan, BacktestRuns

HOLD_SECONDS = 2.0
"""Seconds in which a run that was cancelled elsewhere stops here."""


class RunJudge:
    """Judges what is left of a run that this process holds, beside the event loop.

    `partitions` makes the workers of a plan; the hold of `holder` ends after `lease` seconds.
    """

    def __init__(
        self,
        runs: BacktestRuns,
        partitions: Callable[[BacktestPlan], Partitions],
        holder: str,
        lease: float,
    ) -> None:
        self._runs = runs
        self._partitions = partitions
        self._holder = holder
        self._hold_seconds = min(HOLD_SECONDS, lease / 3)
        self._thread = ThreadPoolExecutor(1, "backtest")
        self._workers: Partitions | None = None

    async def aclose(self) -> None:
        """End the workers; returns when they are gone."""
        if self._workers is not None:
            self._workers.stop()
        await asyncio.get_running_loop().run_in_executor(self._thread, _nothing)
        self._thread.shutdown(wait=False)

    async def __call__(self, run_id: str, plan: BacktestPlan) -> bytes | None:
        """The report, None where the run is lost; raises StoreError and what a worker raises."""
        ranges, kept = divided(plan.first, plan.last), await self._runs.sums(run_id)
        left = {one: number for number, one in enumerate(ranges) if number not in kept}
        if left:
            await self._judge(run_id, left, self._partitions(plan))
            kept = await self._runs.sums(run_id)
        if len(kept) < len(ranges):
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _made, plan, kept)

    async def _judge(
        self, run_id: str, left: Mapping[KeyRange, int], partitions: Partitions
    ) -> None:
        """Store the sums of every range that is left; returns early where the run is lost."""
        loop = asyncio.get_running_loop()

        def work() -> None:
            with closing(partitions.map_partitions(tuple(left))) as parts:
                for chosen, sums in parts:
                    put = self._runs.put_sums(run_id, self._holder, left[chosen], sums)
                    if not asyncio.run_coroutine_threadsafe(put, loop).result():
                        return

        self._workers = partitions
        working = loop.run_in_executor(self._thread, work)
        holding = asyncio.create_task(self._hold(run_id, partitions))
        try:
            await asyncio.shield(working)
        finally:
            holding.cancel()
            partitions.stop()
            await asyncio.gather(working, return_exceptions=True)

    async def _hold(self, run_id: str, partitions: Partitions) -> None:
        """Stop the workers once the run has ended, or another process has it."""
        held = True
        while held:
            await asyncio.sleep(self._hold_seconds)
            with suppress(StoreError):
                held = await self._runs.hold(run_id, self._holder)
        partitions.stop()


def _nothing() -> None:
    """Done when the thread has done what it was asked before."""


def _made(plan: BacktestPlan, kept: Mapping[int, bytes]) -> bytes:
    """The report of all ranges, in their order."""
    sums = ImpactSums()
    for number in sorted(kept):
        sums.merge(msgspec.json.decode(kept[number], type=ImpactSums))
    return encoded(report_of(plan.subject, sums))
