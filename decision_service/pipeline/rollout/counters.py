"""Counting what becomes of each decision that is begun, off the path of deciding.

Errors leave no decision behind, so guardrails on them need counters. They are kept in the process
and written to the store every few seconds, as totals that only rise.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from decision_service.domain.decision import Arm
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
from decision_service.domain.verdict import Outcome
from decision_service.pipeline.decide.observer import Attempt
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.rollout.arm_figures import ArmFigures, Cell, Counted
from decision_service.rollout.latency import bound_of

FLUSH_SECONDS = 2.0
"""How often what was counted is written to the store."""

INTERNAL = "INTERNAL"
CROSS_TENANT = "CROSS_TENANT"
_CANCELLED = "CANCELLED"


class _Ended(NamedTuple):
    """How an attempt ended; those that ended alike are added up later, off the path of deciding."""

    product: str
    position: int
    arm: Arm | None
    version: int
    hour: datetime
    outside: bool
    code: str
    outcome: Outcome | None
    rule_error: bool
    bound: int | None


_Key = tuple[str, int, Arm | None, int, datetime, bool, str, Outcome | None, bool, int | None]
"""The same as a plain tuple, which is made and looked up more quickly."""


class Counters:
    """The counters of one process; `process` is a name that no other process has ever had."""

    def __init__(self, figures: ArmFigures, clock: Clock, process: str) -> None:
        self._figures = figures
        self._clock = clock
        self._process = process
        self._ended: dict[_Key, int] = {}
        self._approved: dict[_Key, int] = {}
        self._hour = _Hour()
        self._counts: Counter[Cell] = Counter()
        self._changed: set[Cell] = set()
        self._in_progress = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Returns once no decision is in progress."""
        await self._idle.wait()

    @contextmanager
    def attempt(self, product: str, *, timed: bool) -> Iterator[Attempt]:
        """Count a decision that is begun here, and what it comes to."""
        attempt = self.begun(product, timed=timed)
        try:
            yield attempt
        except BaseException as error:
            self.ended(attempt, error)
            raise
        self.ended(attempt)

    def begun(self, product: str, *, timed: bool) -> Attempt:
        """A decision is begun; whoever begins it says once when it has `ended`.

        `timed` is false where the caller asked to wait for data: that time is no fault of ours.
        """
        if not self._in_progress:
            self._idle.clear()
        self._in_progress += 1
        return Attempt(product, timed, self._clock.monotonic())

    def ended(self, attempt: Attempt, error: BaseException | None = None) -> None:
        """It has ended, with this error or by being recorded: count what it came to."""
        self._in_progress -= 1
        if not self._in_progress:
            self._idle.set()
        timed, code = attempt.timed, ""
        if error is not None:
            timed = timed and isinstance(error, DeadlineMissed)
            code = code_of(error)
        milliseconds = (self._clock.monotonic() - attempt.started) * 1000
        self._count(attempt, code, bound_of(milliseconds) if timed else None)

    async def run(self) -> None:
        """Write what was counted, for ever."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what changed; where the store fails, it is written with the next flush."""
        self._add_up()
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
        hour = self._hour.of(self._clock.now())
        for cell in [c for c in self._counts if c.hour < hour and c not in self._changed]:
            del self._counts[cell]

    def _count(self, attempt: Attempt, code: str, bound: int | None) -> None:
        if code == ProductUnknown.reason:
            return  # any name a client makes up, and no product of ours
        entry, given = attempt.entry, attempt.assignment
        arm = None if entry is None else entry.arm
        ended = (
            attempt.product,
            attempt.position,
            None if given is None else given.arm,
            0 if given is None else given.version or 0,
            self._hour.of(self._clock.now()),
            given is not None and not given.enrolled,
            code,
            None if entry is None else entry.outcome,
            arm is not None and arm.rule_error,
            bound,
        )
        self._ended[ended] = self._ended.get(ended, 0) + 1
        if arm is not None and arm.approved:
            self._approved[ended] = self._approved.get(ended, 0) + arm.approved

    def _add_up(self) -> None:
        """Turn what has ended since the last time into cells."""
        for key, times in self._ended.items():
            ended = _Ended(*key)
            for (counted, bucket), by in _events(ended, self._approved.get(key, 0)).items():
                cell = Cell(*ended[:5], counted, bucket)
                self._counts[cell] += by if counted is Counted.APPROVED else times
                self._changed.add(cell)
        self._ended.clear()
        self._approved.clear()


def code_of(error: BaseException) -> str:
    """The reason a caller is told; INTERNAL for a bug, CROSS_TENANT for data of another user."""
    if isinstance(error, CrossTenant):
        return CROSS_TENANT
    if isinstance(error, ServiceError):
        return error.reason
    return _CANCELLED if isinstance(error, asyncio.CancelledError) else INTERNAL


OUTAGE_CODES = frozenset(
    kind.reason
    for kind in (UpstreamUnavailable, UpstreamBudgetExhausted, StoreUnavailable, DeadlineMissed)
) | {CROSS_TENANT}
"""Codes of the vendor's faults and of outages; they are no fault of a version."""


def _events(ended: _Ended, approved: int) -> dict[tuple[Counted, str], int]:
    """What is counted of attempts that ended alike: once each, but for what was approved."""
    if ended.outside and not ended.code:
        return {(Counted.OUTCOME, Outcome.NOT_ENROLLED.value): 1}
    found = {(Counted.ATTEMPTS, ""): 1}
    if ended.code:
        found[Counted.ERROR, ended.code] = 1
    elif ended.outcome is not None:
        found |= _decided(ended, ended.outcome, approved)
    if ended.bound is not None:
        found[Counted.LATENCY, str(ended.bound)] = 1
    return found


def _decided(ended: _Ended, outcome: Outcome, approved: int) -> dict[tuple[Counted, str], int]:
    found = {(Counted.OUTCOME, outcome.value): 1}
    if ended.rule_error:
        found[Counted.RULE_ERROR, ""] = 1
    if approved:
        found[Counted.APPROVED, ""] = approved
    return found


class _Hour:
    """Which hour an instant lies in, by the hour that the last one lay in."""

    __slots__ = ("_next", "_start")

    def __init__(self) -> None:
        self._start = self._next = datetime.min.replace(tzinfo=UTC)

    def of(self, now: datetime) -> datetime:
        """The hour's first instant."""
        if not self._start <= now < self._next:
            self._start = now.replace(minute=0, second=0, microsecond=0)
            self._next = self._start + timedelta(hours=1)
        return self._start
