"""What every `ClockLog` must do: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Protocol

from msgspec.structs import replace

from decision_service.decide.clock_guard import ClockLog, ClockReset
from decision_service.decide.snapshots import WarmLog
from decision_service.domain.ports import DecisionLog
from tests.kits.decision_entries import NOON, SNAPSHOT, numbered
from tests.kits.warm_log import MARK, USER

DAY = timedelta(days=1)
RESET = ClockReset(1, NOON, "ops", "the clock was two days ahead", NOON + DAY, NOON + 2 * DAY)


class ClockAndDecisionLog(ClockLog, WarmLog, DecisionLog, Protocol):
    """All three ports on one store."""


class ClockLogKit:
    """The suite; `log` is an empty log."""

    async def test_the_newest_and_the_first_decision(self, log: ClockAndDecisionLog) -> None:
        """Of all, strictly before an instant, and strictly after one; None where there is none."""
        assert await log.newest_decision() is None
        for number, days in enumerate((1, 0, 2), 1):
            await log.commit(numbered(number, created=NOON + days * DAY))
        assert await log.newest_decision() == NOON + 2 * DAY
        assert await log.newest_decision(before=NOON + 2 * DAY) == NOON + DAY
        assert await log.newest_decision(before=NOON) is None
        assert await log.first_decision(after=NOON) == NOON + DAY
        assert await log.first_decision(after=NOON + 2 * DAY) is None

    async def test_resets_are_journalled_one_after_another(self, log: ClockAndDecisionLog) -> None:
        """Of several under one number the first stays; they read back newest first."""
        assert list(await log.clock_resets()) == []
        same = [log.reset_clock(replace(RESET, who=f"ops-{number}")) for number in range(5)]
        assert (await asyncio.gather(*same)).count(True) == 1
        second = replace(RESET, position=2, at=NOON + DAY)
        assert await log.reset_clock(second)
        assert [one.position for one in await log.clock_resets()] == [2, 1]
        assert (await log.clock_resets())[0] == second

    async def test_a_reset_ends_readings_from_after_it(self, log: ClockAndDecisionLog) -> None:
        """A reading from the future serves no decision; the next one is kept, and quarantines."""
        later = NOON + 2 * DAY
        await log.keep_warm(SNAPSHOT, replace(MARK, fetched=later, looked=later), consent=0)
        await log.reset_clock(RESET)
        assert (await log.user_state(USER)).last is None
        now = NOON + timedelta(seconds=1)
        fresh = replace(MARK, fetched=now, looked=now)
        assert await log.keep_warm(SNAPSHOT, fresh, consent=0)
        assert (await log.user_state(USER)).warm == fresh
        await log.quarantine(USER, later)
        await log.reset_clock(replace(RESET, position=2, at=now))
        after = replace(fresh, fetched=now + timedelta(seconds=1))
        assert await log.keep_warm(SNAPSHOT, after, consent=0)

    async def test_a_reset_leaves_earlier_readings(self, log: ClockAndDecisionLog) -> None:
        """What was read before it goes on serving."""
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        await log.reset_clock(RESET)
        assert (await log.user_state(USER)).warm == MARK
