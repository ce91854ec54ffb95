"""Counters of begun decisions and their results, errors included, which no decision records.

Errors leave no decision behind, so guardrails on them need counters. They are kept in the process
and written to the store every few seconds, as totals that only rise.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from decision_service.domain.errors import (
    CrossTenant,
    DeadlineMissed,
    ProductUnknown,
    ServiceError,
    StoreError,
    StoreUnavailable,
    UpstreamBudgetExhausted,
    UpstreamUnavailable,
)
from decision_service.pipeline.decide.observer import Attempt
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.rollout.arm_figures import ArmFigures, CounterKind, FigureCell
from decision_service.rollout.latency import bound_of

FLUSH_SECONDS = 2.0
"""Seconds between two writes of the counters to the store."""

INTERNAL = "INTERNAL"
CROSS_TENANT = "CROSS_TENANT"
_CANCELLED = "CANCELLED"


class Counters:
    """The counters of one process; `process` is a name that no other process has ever had."""

    def __init__(self, figures: ArmFigures, clock: Clock, process: str) -> None:
        self._figures = figures
        self._clock = clock
        self._process = process
        self._counts: Counter[FigureCell] = Counter()
        self._changed: set[FigureCell] = set()
        self._in_progress = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Returns once no decision is in progress."""
        await self._idle.wait()

    @contextmanager
    def attempt(self, product: str, *, timed: bool) -> Iterator[Attempt]:
        """Count a decision that begins in this process, and its result.

        `timed` is false where the caller asked to wait for data: that time is no fault of ours.
        """
        attempt = Attempt(product, timed, self._clock.monotonic())
        self._in_progress += 1
        self._idle.clear()
        try:
            yield attempt
        except BaseException as error:
            self._ended(attempt, error)
            raise
        self._ended(attempt)

    async def run(self) -> None:
        """Write the counters, for ever."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write changed counters; after a store failure, with the next flush."""
        written = {cell: self._counts[cell] for cell in self._changed}
        if not written:
            return
        try:
            await self._figures.put_cells(self._process, written)
        except StoreError:
            return
        self._changed -= {cell for cell, count in written.items() if self._counts[cell] == count}
        self._forget_past_hours()

    def _forget_past_hours(self) -> None:
        hour = _hour(self._clock.now())
        for cell in [c for c in self._counts if c.hour < hour and c not in self._changed]:
            del self._counts[cell]

    def _ended(self, attempt: Attempt, error: BaseException | None = None) -> None:
        self._in_progress -= 1
        if not self._in_progress:
            self._idle.set()
        given, now = attempt.assignment, self._clock
        arm, version = (given.arm, given.version or 0) if given is not None else (None, 0)
        seconds, hour = now.monotonic() - attempt.started, _hour(now.now())
        for counted, bucket in _counted(attempt, error, seconds):
            cell = FigureCell(
                attempt.product, attempt.position, arm, version, hour, counted, bucket
            )
            self._counts[cell] += 1
            self._changed.add(cell)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _counted(
    attempt: Attempt, error: BaseException | None, seconds: float
) -> Iterator[tuple[CounterKind, str]]:
    """What is counted of an attempt; nothing for a made-up product and outside the go-live."""
    code = "" if error is None else code_of(error)
    outside = attempt.assignment is not None and not attempt.assignment.enrolled
    if code == ProductUnknown.reason or (outside and not code):
        return
    yield CounterKind.ATTEMPTS, ""
    if code:
        yield CounterKind.ERROR, code
    elif attempt.entry is not None and attempt.entry.arm and attempt.entry.arm.rule_error:
        yield CounterKind.RULE_ERROR, ""
    if attempt.timed and (error is None or isinstance(error, DeadlineMissed)):
        yield CounterKind.LATENCY, str(bound_of(seconds * 1000))


def code_of(error: BaseException) -> str:
    """The error's reason; INTERNAL for a bug, CROSS_TENANT for data of another user."""
    if isinstance(error, CrossTenant):
        return CROSS_TENANT
    if isinstance(error, ServiceError):
        return error.reason
    return _CANCELLED if isinstance(error, asyncio.CancelledError) else INTERNAL


OUTAGE_CODES = frozenset(
    kind.reason
    for kind in (UpstreamUnavailable, UpstreamBudgetExhausted, StoreUnavailable, DeadlineMissed)
) | {CROSS_TENANT}
"""Codes of vendor faults and outages, which are no fault of a version."""
