"""What a rollout shows of itself."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from decision_service.domain.decision import Arm, Outcome
from decision_service.rollout.judge import ArmCount, difference_interval, interval
from decision_service.rollout.model import TrackName
from decision_service.steering.counters import CounterKind
from decision_service.steering.figures import (
    Figures,
    GuardrailLine,
    NextStage,
    ShowFigures,
)
from tests.fakes.watched import Stand, stand
from tests.fakes.world import PRODUCT
from tests.unit.rollout.plans import DAY

EARLY = ("initial_stage: staff", "initial_stage: early")


async def shown(one: Stand) -> Figures:
    return await ShowFigures(one.watch)(PRODUCT)


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


async def with_points(one: Stand) -> dict[tuple[str, str], GuardrailLine]:
    """Each guardrail with its points, by its name and of what."""
    figures = await ShowFigures(one.watch)(PRODUCT, with_points=True)
    return {(line.name, line.of): line for line in figures.guardrails}


async def test_points_are_the_shares_of_equal_spans() -> None:
    """Of the last thirty days sixty; each as counted in its span, without units without a value."""
    one = await stand(EARLY)
    await one.decide(Outcome.APPROVE, 9)  # before the days that are shown
    one.clock.wall += 40 * DAY
    await one.decide(Outcome.REFER, 30)
    await one.decide(Outcome.APPROVE, 50)
    await one.decide(Outcome.APPROVE, 10, Arm.CHALLENGER)
    await one.decide(Outcome.DECLINE, 10, Arm.CHALLENGER)
    await one.count(CounterKind.ATTEMPTS, 50)
    await one.count(CounterKind.RULE_ERROR, 1)
    one.clock.wall += DAY
    await one.decide(Outcome.REFER, 1)
    found = await with_points(one)
    referrals = found["referrals", "product"].points
    ends = [point.end for point in referrals]
    assert len(ends) == 60
    assert ends[-1] == one.clock.now()
    assert {b - a for a, b in pairwise(ends[:-1])} == {DAY / 2}
    champion, challenger = ArmCount(80, 50), ArmCount(20, 10)
    expected = {
        ("referrals", "product"): (0.3, *interval(ArmCount(100, 30)), 100),
        ("errors", "champion"): (0.02, *interval(ArmCount(50, 1)), 50),
        ("approvals", "challenger"): (-0.125, *difference_interval(champion, challenger), 20),
    }
    for key, (*measured, units) in expected.items():
        point = found[key].points[-3]
        assert point.measured == pytest.approx(measured)
        assert point.units == units
        assert (found[key].points[-2].measured, found[key].points[0].units) == (None, 0)
    assert (referrals[-1].units, referrals[-1].measured and referrals[-1].measured[0]) == (1, 1)
    assert found["slow", "product"].points == ()


async def test_what_is_allowed_is_said_in_figures() -> None:
    """A ceiling bounds a share from above, what is meant a difference on both sides.

    The points of a young rollout are of hours; without being asked for there are none.
    """
    one = await stand(EARLY)
    assert not any(line.points for line in (await shown(one)).guardrails)
    found = await with_points(one)
    assert len(found["referrals", "product"].points) == 1
    bounds = {key[0]: (line.allowed_low, line.allowed_high) for key, line in found.items()}
    assert bounds["approvals"] == (-9, -3)
    assert bounds["referrals"] == (None, 40)
    assert bounds["slow"] == (None, None)
