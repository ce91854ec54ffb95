"""What every store must keep for a rollout: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from msgspec import structs

from decision_service.domain.decision import Arm, Outcome, ReferKind
from decision_service.domain.errors import AllowancesMoved
from decision_service.domain.ports import (
    Allowances,
    ArmDecision,
    CapLimit,
    DayLimits,
    DayTotal,
    DayTotals,
    Grant,
)
from decision_service.rollout.assign import Pin
from decision_service.store.store import Store
from tests.kits.decision_log import ENTRY, NOON, numbered

PRODUCT = ENTRY.product
CHAMPION = ArmDecision("user-1", Arm.CHAMPION, 1, hashed=True, pins=True, approved=2_000_000)
CHALLENGER = ArmDecision("user-2", Arm.CHALLENGER, 2, hashed=True, pins=True, approved=500_000)
LONG_AGO = NOON - timedelta(days=400)


def granted(amount: int | None, tier: str = "T1") -> ArmDecision:
    """An approval of user-1 by the champion."""
    return structs.replace(CHAMPION, grant=Grant(amount, tier))


class ArmLogKit:
    """The suite; `log` is an empty log."""

    async def test_a_recorded_decision_pins_its_unit(self, log: Store) -> None:
        """The pin names the arm and version that decided, and when; another unit has none."""
        await log.commit(structs.replace(ENTRY, arm=CHAMPION))
        assert await log.pin(PRODUCT, "user-1", LONG_AGO) == Pin(Arm.CHAMPION, 1, NOON)
        assert await log.pin(PRODUCT, "user-2", LONG_AGO) is None
        assert await log.pin("gig-advance-ph", "user-1", LONG_AGO) is None

    async def test_the_last_pin_that_is_young_enough_counts(self, log: Store) -> None:
        """A later pin replaces an earlier one, one that was kept sets none, an old one is gone."""
        later, kept = NOON + timedelta(days=1), NOON + timedelta(days=2)
        other = structs.replace(CHAMPION, arm=Arm.CHALLENGER, version=2)
        await log.commit(numbered(1, arm=CHAMPION))
        await log.commit(numbered(2, arm=other, created=later))
        await log.commit(numbered(3, arm=structs.replace(CHAMPION, pins=False), created=kept))
        pin = Pin(Arm.CHALLENGER, 2, later)
        assert await log.pin(PRODUCT, "user-1", LONG_AGO) == pin
        assert await log.pin(PRODUCT, "user-1", later) == pin
        assert await log.pin(PRODUCT, "user-1", later + timedelta(microseconds=1)) is None

    async def test_approved_amounts_add_up_per_arm(self, log: Store) -> None:
        """Only the arm's own approvals from the instant on are counted; without any it is 0."""
        earlier = NOON - timedelta(hours=1)
        refused = structs.replace(
            CHALLENGER, approved=None, refer_kind=ReferKind.DATA, rule_error=True
        )
        await log.commit(numbered(1, arm=CHALLENGER, outcome=Outcome.APPROVE, created=earlier))
        await log.commit(numbered(2, arm=CHALLENGER, outcome=Outcome.APPROVE))
        await log.commit(numbered(3, arm=CHAMPION, outcome=Outcome.APPROVE))
        await log.commit(numbered(4, arm=refused, outcome=Outcome.REFER))
        assert await log.approved(PRODUCT, Arm.CHALLENGER, NOON) == 500_000
        assert await log.approved(PRODUCT, Arm.CHALLENGER, LONG_AGO) == 1_000_000
        assert await log.approved("gig-advance-ph", Arm.CHALLENGER, LONG_AGO) == 0

    async def test_a_days_grants_add_up_by_tier(self, log: Store) -> None:
        """What was granted from the instant on counts by tier."""
        earlier = NOON - timedelta(hours=1)
        await log.commit(numbered(1, arm=granted(1_000), created=earlier))
        await log.commit(numbered(2, arm=granted(2_000)))
        await log.commit(numbered(3, arm=granted(3_000), outcome=Outcome.APPROVE))
        await log.commit(numbered(4, arm=granted(None, tier=""), outcome=Outcome.APPROVE))
        await log.commit(numbered(5, arm=CHAMPION))
        tiers = {"T1": DayTotal(2, 5_000), "": DayTotal(1, 0)}
        assert await log.day_totals(PRODUCT, NOON) == DayTotals(tiers)
        assert (await log.day_totals(PRODUCT, LONG_AGO)).of("") == DayTotal(4, 6_000)
        assert await log.day_totals("gig-advance-ph", LONG_AGO) == DayTotals()

    async def test_a_day_approves_no_more_than_its_cap(self, log: Store) -> None:
        """Of many that found room at once as many are stored as fit; the others may look again."""
        cap = CapLimit("all", amount=3_000)
        found = Allowances(DayLimits(NOON - timedelta(hours=2), (cap,)))
        entries = [numbered(n, arm=granted(1_000), allowances=found) for n in range(1, 6)]
        results = await asyncio.gather(*map(log.commit, entries), return_exceptions=True)
        assert [isinstance(one, AllowancesMoved) for one in results].count(True) == 2
        assert (await log.day_totals(PRODUCT, LONG_AGO)).of("") == DayTotal(3, 3_000)
        small = numbered(9, arm=granted(1), allowances=found)
        with pytest.raises(AllowancesMoved):
            await log.commit(small)

    async def test_a_repeated_commit_is_told_its_decision(self, log: Store) -> None:
        """An entry that was stored before the day was full comes back, whatever is left by now."""
        cap = CapLimit("all", approvals=1)
        found = Allowances(DayLimits(NOON - timedelta(hours=2), (cap,)))
        entry = numbered(1, arm=granted(1_000), allowances=found)
        stored = await log.commit(entry)
        assert await log.commit(entry) == stored

    async def test_rates_count_what_the_rules_judged(self, log: Store) -> None:
        """The outcome of the rules counts where another was decided."""
        arm = structs.replace(CHAMPION, judged=Outcome.DECLINE, approved=None)
        await log.commit(numbered(1, arm=arm, outcome=Outcome.APPROVE))
        (tally,) = await log.tallies(PRODUCT, LONG_AGO, hashed=False)
        assert (tally.approved, tally.declined, tally.amount) == (0, 1, 0)

    async def test_a_loser_of_its_request_id_counts_nowhere(self, log: Store) -> None:
        """An entry whose request id was taken leaves no pin and no approved amount."""
        await log.commit(structs.replace(ENTRY, arm=CHAMPION))
        await log.commit(numbered(2, request_id=ENTRY.request_id, arm=CHALLENGER))
        assert await log.pin(PRODUCT, "user-2", LONG_AGO) is None
        assert await log.approved(PRODUCT, Arm.CHALLENGER, LONG_AGO) == 0
