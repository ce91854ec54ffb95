"""A comparing guardrail over whole rollouts, looked at after every decision."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from decision_service.rollout.judge import (
    FALSE_ALARMS,
    ArmCount,
    ArmTallies,
    GuardrailState,
    judge_arms,
)
from decision_service.rollout.model import Plan
from tests.unit.rollout.plans import staged

ROLLOUTS = 120
LOOKS = 240
SOON = ("min_units: 300", "min_units: 20")
UNMEANT = ("expect: {approval_rate: {min: -0.09, max: -0.03}}", "")
MEANT = ("change: -0.06, within: 0.03", "change: -0.30, within: 0.02")


def _decisions(rng: random.Random, champion: float, challenger: float) -> Iterator[ArmTallies]:
    """The tallies after each decision of a rollout, half of them the challenger's."""
    seen = [[0, 0], [0, 0]]
    for _ in range(LOOKS):
        arm = rng.random() < 0.5
        seen[arm][0] += 1
        seen[arm][1] += rng.random() < (challenger if arm else champion)
        yield ArmTallies(ArmCount(*seen[0]), ArmCount(*seen[1]))


def _trips(plan: Plan, champion: float, challenger: float, rollouts: int = ROLLOUTS) -> int:
    """How many of so many rollouts trip at any look."""
    guardrail = next(g for g in plan.guardrails if g.name == "approvals")
    rng = random.Random(20)
    return sum(
        any(
            judge_arms(guardrail, plan, arms).standing is GuardrailState.TRIPPED
            for arms in _decisions(rng, champion, challenger)
        )
        for _ in range(rollouts)
    )


@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_without_a_difference_it_trips_no_more_often_than_it_may(rate: float) -> None:
    """Looked at after each of 240 decisions, at most one of a hundred rollouts trips."""
    assert _trips(staged(SOON, UNMEANT), rate, rate) <= FALSE_ALARMS * ROLLOUTS


def test_a_tightening_that_is_meant_trips_no_more_often_either() -> None:
    """Where the plan means thirty points fewer, thirty points fewer are the null."""
    assert _trips(staged(SOON, MEANT), 0.7, 0.4) <= FALSE_ALARMS * ROLLOUTS


def test_a_loosening_that_is_not_meant_is_found() -> None:
    """Where thirty points fewer are meant and none come, most rollouts trip soon."""
    assert _trips(staged(SOON, MEANT), 0.7, 0.7, rollouts=20) >= 16
