"""What readings show of when pay comes is carried from one stored reading to the next."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from decision_service.decide.refresh import EventResult
from decision_service.domain.values import Money
from decision_service.standin.sandbox import sandbox_people
from tests.fakes.world import NOW
from tests.integration.refreshing import opened

GEORGE = sandbox_people()[0].user_id
SMALL = {"requested_amount": Money("PHP", 500_000), "requested_term_months": 6}


async def test_each_reading_goes_on_from_the_last(tmp_path: Path) -> None:
    """Decisions and events read; the pay periods that end between are seen, those before are not.

    A decision by the stored reading, an erasure and a reading after a long pause change nothing,
    forget all and begin anew.
    """
    async with opened(tmp_path) as desk:
        await desk.decide(GEORGE, inputs=SMALL)
        [first] = (await desk.stored(GEORGE)).watches
        assert (first.sights, first.since) == ((), first.latest.date())

        desk.clock.wall = NOW + timedelta(days=8)
        await desk.decide(GEORGE, inputs=SMALL)
        [second] = (await desk.stored(GEORGE)).watches
        assert [end for end, _ in second.sights] == [date(2026, 11, 30)]
        assert second.sights[0][1] == second.latest
        assert second.since == first.since

        await desk.decide(GEORGE, inputs=SMALL)
        assert (await desk.stored(GEORGE)).watches == (second,)

        desk.clock.wall = NOW + timedelta(days=23)
        assert await desk.refresh.refresh(GEORGE) is EventResult.REFRESHED
        [third] = (await desk.stored(GEORGE)).watches
        assert [end for end, _ in third.sights] == [date(2026, 11, 30), date(2026, 12, 15)]

        desk.clock.wall = NOW + timedelta(days=60)
        await desk.decide(GEORGE, inputs=SMALL)
        [fourth] = (await desk.stored(GEORGE)).watches
        assert fourth.sights == third.sights
        assert fourth.since == fourth.latest.date()

        await desk.store.erase(GEORGE, None)
        desk.clock.wall = NOW + timedelta(days=61)
        await desk.decide(GEORGE, inputs=SMALL)
        [fresh] = (await desk.stored(GEORGE)).watches
        assert fresh.sights == ()
