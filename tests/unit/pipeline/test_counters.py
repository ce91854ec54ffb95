"""Counting what becomes of each decision that is begun."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import timedelta

import pytest

from decision_service.domain.decision import Arm, ArmReason, Assignment, EnrolmentReason, Outcome
from decision_service.domain.errors import (
    CrossTenant,
    DeadlineMissed,
    ProductUnknown,
    StoreUnavailable,
    UpstreamUnavailable,
)
from decision_service.steering.counters import CounterKind, Counters, CounterTotal
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW, SetClock
from tests.kits.arm_figures import decided

PRODUCT = "personal-loan-ph"
CHALLENGER = Assignment(
    PRODUCT, True, EnrolmentReason.IN_STAGE, "d", "half", 50_000, 7, Arm.CHALLENGER,
    ArmReason.CHALLENGER, 9, 2,
)  # fmt: skip
OUTSIDE = Assignment(PRODUCT, False, EnrolmentReason.NOT_IN_STAGE, "d", "half", 50_000, 7)


class Stand:
    """Counters on a log and a clock of the test's own."""

    def __init__(self) -> None:
        self.log = InMemoryDecisionLog()
        self.clock = SetClock()
        self.counters = Counters(self.log, self.clock, "process-1")

    def attempt(
        self,
        assignment: Assignment | None = CHALLENGER,
        *,
        error: BaseException | None = None,
        outcome: Outcome = Outcome.APPROVE,
        took: float = 0.09,
        timed: bool = True,
        **changes: object,
    ) -> None:
        """One decision that ends as told."""
        expected = nullcontext() if error is None else pytest.raises(type(error))
        with expected, self.counters.attempt(PRODUCT, timed=timed) as attempt:
            if assignment is not None:
                attempt.assignment, attempt.position = assignment, 3
            self.clock.seconds += took
            if error is not None:
                raise error
            attempt.entry = decided(1, "u-1", outcome, **changes)

    async def seen(self, position: int = 0) -> dict[tuple[str, str, str], int]:
        """What the store has after a flush, by arm, kind and bucket."""
        await self.counters.flush()
        totals = await self.log.totals(PRODUCT, NOW - timedelta(days=1), position)
        return {(t.arm or "", t.counted, t.bucket): t.count for t in totals}


async def test_a_decision_is_counted_under_its_arm() -> None:
    """Attempt, latency and fault of the rules are counted for the arm and its version."""
    stand = Stand()
    stand.attempt()
    stand.attempt(rule_error=True, took=0.31)
    await stand.counters.flush()
    arm = (Arm.CHALLENGER, 2)
    assert list(await stand.log.totals(PRODUCT, NOW, 3)) == [
        CounterTotal(*arm, CounterKind.ATTEMPTS, "", 2),
        CounterTotal(*arm, CounterKind.LATENCY, "100", 1),
        CounterTotal(*arm, CounterKind.LATENCY, "400", 1),
        CounterTotal(*arm, CounterKind.RULE_ERROR, "", 1),
    ]
    assert await stand.seen(4) == {}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ZeroDivisionError(), "INTERNAL"),
        (CrossTenant("another user's data"), "CROSS_TENANT"),
        (UpstreamUnavailable("closed"), "UPSTREAM_UNAVAILABLE"),
        (StoreUnavailable("down"), "STORE_UNAVAILABLE"),
        (asyncio.CancelledError(), "CANCELLED"),
    ],
)
async def test_errors_are_counted_by_code(error: BaseException, code: str) -> None:
    """An error counts under its code, as an attempt and without a latency of its own."""
    stand = Stand()
    stand.attempt(error=error)
    assert await stand.seen() == {
        ("challenger", "attempts", ""): 1,
        ("challenger", "error", code): 1,
    }


async def test_who_is_not_decided_here_dilutes_no_rate() -> None:
    """Outside the go-live and by the caller's own faults nothing counts; a failure outside does."""
    stand = Stand()
    stand.attempt(OUTSIDE, outcome=Outcome.NOT_ENROLLED)
    stand.attempt(None, error=ProductUnknown("no such product"))
    assert await stand.seen() == {}
    stand.attempt(OUTSIDE, error=StoreUnavailable("down"))
    assert await stand.seen() == {("", "attempts", ""): 1, ("", "error", "STORE_UNAVAILABLE"): 1}


async def test_a_missed_deadline_is_a_latency_and_a_wait_for_data_is_none() -> None:
    """A late failure is timed; a decision that was asked to wait for its data is not."""
    stand = Stand()
    stand.attempt(error=DeadlineMissed("late"), took=9.0)
    stand.attempt(timed=False)
    latencies = {
        bucket: n for (_, kind, bucket), n in (await stand.seen()).items() if kind == "latency"
    }
    assert latencies == {"10000": 1}


async def test_counters_outlive_a_store_that_is_down() -> None:
    """What could not be written is written later, once, with what came since."""
    stand = Stand()
    stand.log.down = True
    stand.attempt()
    await stand.counters.flush()
    stand.log.down = False
    stand.attempt()
    for _ in range(2):
        seen = await stand.seen()
        assert seen["challenger", "attempts", ""] == 2


async def test_hours_are_kept_apart_and_forgotten_once_written() -> None:
    """A new hour begins its own cells, and the process remembers no written hour that is past."""
    stand = Stand()
    stand.attempt()
    await stand.counters.flush()
    stand.clock.wall += timedelta(hours=1)
    stand.attempt()
    assert (await stand.seen())["challenger", "attempts", ""] == 2
    late = await stand.log.totals(PRODUCT, NOW + timedelta(hours=1), 0)
    assert [t.count for t in late if t.counted is CounterKind.ATTEMPTS] == [1]
    assert {cell.hour for cell in stand.counters._counts} == {NOW + timedelta(hours=1)}


async def test_a_decision_that_is_begun_keeps_the_counters_busy_until_it_ends() -> None:
    """What waits for idleness goes on once every decision that was begun has ended."""
    stand = Stand()
    with stand.counters.attempt(PRODUCT, timed=True):
        waiting = asyncio.create_task(stand.counters.idle())
        with stand.counters.attempt(PRODUCT, timed=True):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)
