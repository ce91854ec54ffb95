"""Counting what becomes of each decision that is begun, off the path of deciding.

Errors leave no decision behind, so guardrails on them need counters. They are kept in the process
and written to the store every few seconds, as totals that only rise.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from decision_service.domain.decision import Arm, Assignment
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
from decision_service.pipeline.arm_figures import ArmFigures, Cell, Counted
from decision_service.pipeline.ports import Clock, Entry
from decision_service.rollout.latency import bound_of

FLUSH_SECONDS = 2.0
"""How often what was counted is written to the store."""

INTERNAL = "INTERNAL"
CROSS_TENANT = "CROSS_TENANT"
_CANCELLED = "CANCELLED"


@dataclass(slots=True)
class Attempt:
    """One decision in progress; what is known of it when it ends is what is counted."""

    product: str
    assignment: Assignment | None = None
    position: int = 0
    entry: Entry | None = None

    def assigned(self, assignment: Assignment, position: int) -> None:
        """The rollout chose, standing at this entry of its journal."""
        self.assignment, self.position = assignment, position

    def decided(self, entry: Entry) -> None:
        """The decision is recorded."""
        self.entry = entry

    @property
    def arm(self) -> Arm | None:
        """The arm that decides; None before one was chosen."""
        return self.assignment.arm if self.assignment else None

    @property
    def version(self) -> int:
        """The version that decides; 0 before one was chosen."""
        return (self.assignment.version if self.assignment else None) or 0

    @property
    def outside(self) -> bool:
        """Whether the applicant is not decided here; such calls say nothing about an arm."""
        return self.assignment is not None and not self.assignment.enrolled


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


class Counters:
    """The counters of one process; `process` is a name that no other process has ever had."""

    def __init__(self, figures: ArmFigures, clock: Clock, process: str) -> None:
        self._figures = figures
        self._clock = clock
        self._process = process
        self._ended: Counter[_Ended] = Counter()
        self._approved: Counter[_Ended] = Counter()
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
        """Count a decision that is begun here, and what it comes to.

        `timed` is false where the caller asked to wait for data: that time is no fault of ours.
        """
        attempt, started = Attempt(product), self._clock.monotonic()
        code = ""
        self._in_progress += 1
        self._idle.clear()
        try:
            yield attempt
        except BaseException as error:
            code = code_of(error)
            timed = timed and isinstance(error, DeadlineMissed)
            raise
        finally:
            self._in_progress -= 1
            if not self._in_progress:
                self._idle.set()
            milliseconds = (self._clock.monotonic() - started) * 1000
            self._count(attempt, code, milliseconds if timed else None)

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
        hour = _hour(self._clock.now())
        for cell in [c for c in self._counts if c.hour < hour and c not in self._changed]:
            del self._counts[cell]

    def _count(self, attempt: Attempt, code: str, milliseconds: float | None) -> None:
        if code == ProductUnknown.reason:
            return  # any name a client makes up, and no product of ours
        bound = None if milliseconds is None else bound_of(milliseconds)
        entry = attempt.entry
        ended = _Ended(
            attempt.product,
            attempt.position,
            attempt.arm,
            attempt.version,
            _hour(self._clock.now()),
            attempt.outside,
            code,
            None if entry is None else entry.outcome,
            bool(entry and entry.arm and entry.arm.rule_error),
            bound,
        )
        self._ended[ended] += 1
        if entry is not None and entry.arm is not None and entry.arm.approved:
            self._approved[ended] += entry.arm.approved

    def _add_up(self) -> None:
        """Turn what has ended since the last time into cells."""
        for ended, times in self._ended.items():
            for (counted, bucket), by in _events(ended, self._approved[ended]).items():
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


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
