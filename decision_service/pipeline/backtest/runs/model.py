"""Runs of the service: what is stored of each, and the store as the runner sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from decision_service.impact.figures import ReportSubject
from decision_service.pipeline.backtest.rules import BacktestOrder

MOST_RUNS = 20
"""Runs that are kept, the newest; older ones go when another begins."""


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


ENDED = (RunState.DONE, RunState.CANCELLED, RunState.FAILED)
"""The states for good."""


class BacktestPlan(msgspec.Struct, frozen=True):
    """All that a process needs to go on with a run.

    `first` and `last` are the instants of the first and the last decision.
    """

    order: BacktestOrder
    subject: ReportSubject
    first: datetime
    last: datetime


class BacktestRun(msgspec.Struct, frozen=True):
    """A run as it stands; nothing of a person.

    `title` says what is compared, `done` counts the ranges that are judged, of `ranges`. `problem`
    is why it failed.
    """

    run_id: str
    product: str
    title: str
    who: str
    state: RunState
    created: datetime
    ranges: int
    done: int = 0
    ended: datetime | None = None
    problem: str = ""


class RunEnd(msgspec.Struct, frozen=True):
    """How a run ends: its state, the report of one that is done, or why it failed.

    With a `holder` it ends only while that one holds it.
    """

    state: RunState
    at: datetime
    report: bytes | None = None
    problem: str = ""
    holder: str | None = None


class ClaimedRun(msgspec.Struct, frozen=True):
    """An unfinished run that a process holds, with its encoded plan."""

    run_id: str
    plan: bytes


class BacktestRuns(Protocol):
    """The store of runs, of which at most one is unfinished; every method raises StoreError.

    `holder` names the process that carries a run out.
    """

    async def add(self, run: BacktestRun, plan: bytes) -> str:
        """The id of the unfinished run: this one, or the one that was there already."""

    async def get(self, run_id: str) -> BacktestRun | None:
        """A run by id."""

    async def every(self) -> Sequence[BacktestRun]:
        """All runs that are kept, newest first."""

    async def report(self, run_id: str) -> bytes | None:
        """The report of a run that is done."""

    async def end(self, run_id: str, end: RunEnd) -> bool:
        """End an unfinished run, with its partial sums; False where it is not to be ended."""

    async def claim(self, holder: str) -> ClaimedRun | None:
        """Hold the unfinished run, unless there is none or another process holds it."""

    async def hold(self, run_id: str, holder: str) -> bool:
        """Hold on to a run; False where it has ended or another process holds it."""

    async def release(self, holder: str) -> None:
        """Let others hold what this process holds."""

    async def put_sums(self, run_id: str, holder: str, number: int, sums: bytes) -> bool:
        """Store a range's sums, once; False where the run is not this process's any more."""

    async def sums(self, run_id: str) -> Mapping[int, bytes]:
        """The sums of each range that is judged, by its number."""
