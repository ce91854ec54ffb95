"""What a rollout shows of itself."""

from __future__ import annotations

from datetime import timedelta

from decision_service.domain.decision import Arm, Outcome
from decision_service.rollout.model import TrackName
from decision_service.steering.figures import Figures, NextStage, ShowFigures
from tests.fakes.watched import Stand, stand
from tests.fakes.world import PRODUCT
from tests.unit.rollout.plans import DAY

EARLY = ("initial_stage: staff", "initial_stage: early")


async def shown(one: Stand) -> Figures:
    """The figures as they stand."""
    return await ShowFigures(one.watch, one.log, one.log)(PRODUCT)


def _next(figures: Figures, track: TrackName) -> NextStage:
    return next(one for one in figures.next if one.track is track)


async def test_a_comparison_says_how_many_are_still_needed_and_by_when() -> None:
    """At the pace so far: as long again as it took for every multiple that is missing."""
    one = await stand(EARLY)
    await one.decide(Outcome.APPROVE, 180)
    await one.decide(Outcome.APPROVE, 20, Arm.CHALLENGER)
    one.clock.wall += 2 * DAY
    guard = next(g for g in (await shown(one)).guardrails if g.name == "approvals")
    assert guard.units_missing > 0
    assert guard.units_by_time is not None
    late = guard.units_by_time - (one.clock.now() + 2 * DAY * guard.units_missing / 20)
    assert abs(late) < timedelta(seconds=1)


async def test_the_next_stage_tells_of_guardrails_that_have_seen_too_little() -> None:
    """A comparison is the challenger's, a ceiling on the product is go-live's."""
    one = await stand(EARLY)
    figures = await shown(one)
    waiting = {
        track: {(w.name, w.units) for w in _next(figures, track).waiting} for track in TrackName
    }
    assert ("approvals", 0) in waiting[TrackName.CHALLENGER]
    assert ("referrals", 0) in waiting[TrackName.GO_LIVE]
    assert not waiting[TrackName.CHALLENGER] & waiting[TrackName.GO_LIVE] - {("errors", 0)}
