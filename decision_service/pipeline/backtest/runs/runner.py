"""Carrying runs out: one at a time, by worker processes, each range kept as it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog

from decision_service.alarms import Alarm, raised
from decision_service.domain.errors import StoreError
from decision_service.impact.sums import TooManyCells
from decision_service.pipeline.backtest.ports import Partitions, WorkersKilled
from decision_service.pipeline.backtest.runs.judging import RunJudge
from decision_service.pipeline.backtest.runs.model import (
    BacktestPlan,
    BacktestRuns,
    ClaimedRun,
    RunEnd,
    RunState,
)
from decision_service.pipeline.ports import Clock
from decision_service.ruleset.figures.setting import FiguresUnfit

LOOK_SECONDS = 5.0
"""Seconds between two looks for a run that another process started or left."""

MOST_FAULTS = 5
"""How often in a row a run may meet a fault of the store before it fails."""

log = structlog.get_logger("decision_service.backtest")


class RunFailed(Exception):
    """A run that cannot be carried out, and why in one sentence."""


class BacktestRunner:
    """Looks for the unfinished run, holds it and carries it out, keeping what was done of it.

    `partitions` makes the workers of a plan; `holder` names this process, whose hold ends after
    `lease` seconds where it hangs. `on_end` is told the state of each run that this process ends.
    """

    def __init__(
        self,
        runs: BacktestRuns,
        partitions: Callable[[BacktestPlan], Partitions],
        clock: Clock,
        holder: str,
        engine_version: str,
        lease: float,
        on_end: Callable[[RunState], None],
    ) -> None:
        self._runs = runs
        self._on_end = on_end
        self._clock = clock
        self._holder = holder
        self._engine_version = engine_version
        self._look_seconds = min(LOOK_SECONDS, lease)
        self._woken = asyncio.Event()
        self._judge = RunJudge(runs, partitions, holder, lease)
        self._faults = 0

    def wake(self) -> None:
        """Look for a run at once."""
        self._woken.set()

    async def run(self) -> None:
        """Carry out run after run, until cancelled."""
        while True:
            self._woken.clear()
            await self.once()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._look_seconds)

    async def aclose(self) -> None:
        """End the workers, and let another process go on at once."""
        await self._judge.aclose()
        with suppress(StoreError):
            await self._runs.release(self._holder)

    async def once(self) -> None:
        """Carry out the unfinished run, where there is one that nobody else holds."""
        try:
            claimed = await self._runs.claim(self._holder)
            if claimed is not None:
                await self._carry_out(claimed)
        except StoreError as error:
            log.warning("backtest.later", reason=error.reason)

    async def _carry_out(self, claimed: ClaimedRun) -> None:
        log.info("backtest", backtest_id=claimed.run_id)
        try:
            report = await self._judged(claimed)
        except RunFailed as error:
            await self._end(claimed, RunState.FAILED, problem=str(error))
        else:
            if report is not None:
                await self._end(claimed, RunState.DONE, report=report)

    async def _judged(self, claimed: ClaimedRun) -> bytes | None:
        """The report, None where the run is not this process's any more; raises RunFailed."""
        plan = self._plan(claimed)
        try:
            report = await self._judge(claimed.run_id, plan)
        except StoreError as error:
            self._faults += 1
            if self._faults < MOST_FAULTS:
                raise
            raise RunFailed(f"the store failed {MOST_FAULTS} times: {error.message}") from None
        except (TooManyCells, WorkersKilled, FiguresUnfit) as error:
            raise RunFailed(str(error)) from None
        except Exception as error:  # noqa: BLE001 - whatever a worker raises; its text may hold data
            what = type(error).__name__
            raise RunFailed(
                f"a worker ended with {what}: report it with the program's version"
            ) from None
        self._faults = 0
        return report

    def _plan(self, claimed: ClaimedRun) -> BacktestPlan:
        changed = "the program was updated while it ran: start it again"
        try:
            plan = msgspec.json.decode(claimed.plan, type=BacktestPlan)
        except msgspec.MsgspecError:
            raise RunFailed(changed) from None
        if plan.subject.engine_version != self._engine_version:
            raise RunFailed(changed)
        return plan

    async def _end(
        self, claimed: ClaimedRun, state: RunState, report: bytes | None = None, problem: str = ""
    ) -> None:
        self._faults = 0
        end = RunEnd(state, self._clock.now(), report, problem, self._holder)
        if not await self._runs.end(claimed.run_id, end):
            return
        self._on_end(state)
        log.info(
            "backtest ended",
            alarm=raised(Alarm.BACKTEST_FAILED) if state is RunState.FAILED else None,
            backtest_id=claimed.run_id,
            state=state.value,
            problem=problem or None,
        )
