"""What happens beside a decision, seen from a whole decision."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from decision_service.domain.decision import Arm
from decision_service.domain.errors import InputInvalid
from decision_service.domain.ports import ArmDecision
from decision_service.steering.compare import ShadowLimits, Shadows
from decision_service.steering.counters import (
    Counters,
    EventCounters,
    RolloutObserver,
    log_rule_error,
)
from tests.fakes.counted import counted
from tests.fakes.plans import CHALLENGED, book_under
from tests.fakes.world import NOW, PRODUCT, ScriptedSource, World, application
from tests.kits.decision_entries import ENTRY
from tests.kits.until import until

ALONE = CHALLENGED[: CHALLENGED.index("challenger:")]
SHADOWED = ALONE + "shadow: [{version: 2, percent: 100}]\n"
"""Version 1 decides, and version 2 looks on."""


class Stand:
    """A world whose counters and shadows are at hand."""

    def __init__(self, plan: str, source: ScriptedSource | None = None) -> None:
        self.world = World(book=book_under(plan), source=source or ScriptedSource())
        self.seen = EventCounters()
        log, clock = self.world.log, self.world.clock
        self.counters = Counters(log, clock, "process")
        budget = ShadowLimits(linger=0.0, share=1.0)
        self.shadows = Shadows(log, clock, self.seen, self.counters.idle, budget)
        observer = RolloutObserver(self.counters, self.shadows.offer, lambda product: 7, self.seen)
        self.decide = self.world.decide(observer=observer)

    async def counted(self) -> dict[tuple[str, int, str, str], int]:
        await self.counters.flush()
        totals = await self.world.log.totals(PRODUCT, NOW, 7)
        return {(t.arm or "", t.version, t.counted, t.bucket): t.count for t in totals}


async def test_a_decision_is_counted_once_whatever_is_asked_again() -> None:
    """The arm's attempt and latency are counted; a repetition counts nothing."""
    stand = Stand(SHADOWED)
    for _ in range(3):
        await stand.decide(application(), stand.world.call())
    assert await stand.counted() == {
        ("champion", 1, "attempts", ""): 1,
        ("champion", 1, "latency", "5"): 1,
    }


async def test_inputs_that_are_refused_dilute_no_rate_of_errors() -> None:
    """INPUT_INVALID comes after the assignment, and counts as no attempt of the version."""
    stand = Stand(CHALLENGED)
    with pytest.raises(InputInvalid):
        await stand.decide(application(inputs={}), stand.world.call())
    assert await stand.counted() == {}


async def test_a_silent_version_looks_at_the_same_data_without_a_call() -> None:
    """The shadow's result stands beside the decision, and the vendor was asked once."""
    stand = Stand(SHADOWED)
    running = asyncio.create_task(stand.shadows.run())
    await stand.decide(application(), stand.world.call())
    await until(lambda: counted(stand.seen.shadow_evaluations))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    sums = await stand.world.log.pair_sums(PRODUCT, 2, NOW)
    assert (sums.everybody.applicants, sums.left_out) == (1, {})
    assert stand.world.source.asked == 1


@pytest.mark.parametrize("failed", [True, False])
def test_a_rule_that_failed_is_an_alarm(failed: bool) -> None:
    """Whoever looks after the rules is told the product, the version and the decision."""
    arm = ArmDecision("u-1", Arm.CHAMPION, 3, hashed=True, pins=False, rule_error=failed)
    with capture_logs() as logs:
        log_rule_error(structs.replace(ENTRY, arm=arm))
    told = [(line["alarm"], line["version"], line["decision_id"]) for line in logs]
    assert told == ([("RULE_ERROR", 3, ENTRY.decision_id)] if failed else [])
