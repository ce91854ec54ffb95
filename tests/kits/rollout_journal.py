"""What every store must keep of a rollout's steps: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from decision_service.rollout.model import Track
from decision_service.rollout.ports import (
    JournalAction,
    JournalEntry,
    JournalMovedOn,
    RolloutJournal,
)
from decision_service.rollout.state import RolloutState
from tests.kits.decision_log import ENTRY, NOON

PRODUCT = ENTRY.product
STATE = RolloutState(
    PRODUCT,
    Track("early", NOON, "ñandú ₱"),
    Track(None, NOON - timedelta(days=3), None, killed=True, version=2),
    decided_by=(1, 2),
)
FIRST = JournalEntry(
    PRODUCT, 1, NOON, "service", "first start", JournalAction.BEGIN, None, STATE, "9c" * 32
)
SECOND = JournalEntry(
    PRODUCT,
    2,
    NOON + timedelta(microseconds=1),
    "guardrail referrals",
    "refer_rate 45 % of “240” is above 40 % — ñandú",
    JournalAction.PAUSE,
    STATE,
    replace(STATE, paused=True),
    "9c" * 32,
    {"refer_rate": "0.45", "units": "240"},
    "RISK-7",
)
OTHER = replace(
    FIRST, product="gig-advance-ph", after=replace(STATE, product="gig-advance-ph", challenger=None)
)


class RolloutJournalKit:
    """The suite; `log` is an empty store."""

    async def test_an_empty_journal_has_no_steps(self, log: RolloutJournal) -> None:
        """Before the first step there is no last one and no history."""
        assert dict(await log.latest()) == {}
        assert list(await log.history(PRODUCT, None, 10)) == []

    async def test_the_last_step_of_each_product_is_found(self, log: RolloutJournal) -> None:
        """Every field comes back as it was given, and products do not see each other's steps."""
        for entry in (FIRST, OTHER, SECOND):
            await log.append(entry)
        assert dict(await log.latest()) == {PRODUCT: SECOND, "gig-advance-ph": OTHER}

    async def test_a_taken_position_is_refused(self, log: RolloutJournal) -> None:
        """The step that came first stays, and the later one of its position is nowhere."""
        await log.append(FIRST)
        with pytest.raises(JournalMovedOn):
            await log.append(replace(FIRST, who="somebody else"))
        assert list(await log.history(PRODUCT, None, 10)) == [FIRST]

    async def test_the_same_entry_again_is_there_already(self, log: RolloutJournal) -> None:
        """Whoever asks a second time, since the answer was lost, is told that it stands."""
        for _ in range(2):
            await log.append(FIRST)
        assert list(await log.history(PRODUCT, None, 10)) == [FIRST]

    async def test_of_two_at_once_one_wins(self, log: RolloutJournal) -> None:
        """Of many concurrent steps for one position exactly one is appended."""
        await log.append(FIRST)
        rivals = [replace(SECOND, who=f"operator {number}") for number in range(8)]
        done = await asyncio.gather(*(log.append(one) for one in rivals), return_exceptions=True)
        refused = [one for one in done if one is not None]
        assert [type(one) for one in refused] == [JournalMovedOn] * 7
        winner = rivals[done.index(None)]
        assert list(await log.history(PRODUCT, None, 10)) == [winner, FIRST]

    async def test_history_is_read_newest_first_in_pages(self, log: RolloutJournal) -> None:
        """A page goes on strictly before the position where the last one ended."""
        steps = [replace(SECOND, position=number) for number in range(2, 12)]
        for entry in (FIRST, OTHER, *steps):
            await log.append(entry)
        newest_first = [*reversed(steps), FIRST]
        assert list(await log.history(PRODUCT, None, 4)) == newest_first[:4]
        assert list(await log.history(PRODUCT, 8, 4)) == newest_first[4:8]
        assert list(await log.history(PRODUCT, 2, 4)) == [FIRST]
        assert list(await log.history(PRODUCT, 1, 4)) == []
