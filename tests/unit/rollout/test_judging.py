"""What guardrails say and do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.rollout.assign import is_killed
from decision_service.rollout.judge import (
    ArmCount,
    ArmTallies,
    ConfidenceBand,
    GuardrailState,
    act,
    applicants_needed,
    judge_arms,
    judge_latency,
    judge_rate,
    meant,
)
from decision_service.rollout.model import Ceiling, Guardrail, Metric
from decision_service.rollout.state import Refusal, RolloutState, initial_state
from tests.unit.rollout.plans import DAY, NOW, SMALL, STAGED, good, staged

PLAN = good(STAGED)
STATE = initial_state(PLAN, NOW)
BY_NAME = {g.name: g for g in PLAN.guardrails}


def _ceiling(name: str) -> tuple[Guardrail, Ceiling]:
    guardrail = BY_NAME[name]
    assert guardrail.ceiling is not None
    return guardrail, guardrail.ceiling


@pytest.mark.parametrize(
    ("tally", "standing"),
    [
        (ArmCount(199, 199), GuardrailState.WAITING),
        (ArmCount(200, 80), GuardrailState.OK),
        (ArmCount(200, 81), GuardrailState.TRIPPED),
    ],
)
def test_a_rate_against_its_ceiling(tally, standing):
    """Too few say nothing, exactly 40 % is well, one more trips."""
    judged = judge_rate(*_ceiling("referrals"), tally)
    assert (judged.guardrail, judged.standing) == ("referrals", standing)
    assert (judged.value, judged.units) == (tally.rate, tally.units)


@pytest.mark.parametrize(
    ("p99", "units", "standing"),
    [
        (9_000.0, 199, GuardrailState.WAITING),
        (1_500.0, 200, GuardrailState.OK),
        (1_500.5, 200, GuardrailState.TRIPPED),
    ],
)
def test_a_latency_against_its_ceiling(p99, units, standing):
    """A latency trips above its ceiling, once enough were seen."""
    assert judge_latency(*_ceiling("slow"), p99, units).standing is standing


@pytest.mark.parametrize(
    ("challenger", "standing"),
    [
        (ArmCount(299, 0), GuardrailState.WAITING),
        (ArmCount(2_000, 1_106), GuardrailState.OK),
        (ArmCount(2_000, 1_500), GuardrailState.TRIPPED),
    ],
)
def test_arms_against_each_other(challenger, standing):
    """Six points fewer are meant; fourteen more trip; under 300 of either arm nothing is said."""
    guardrail = BY_NAME["approvals"]
    champion = ArmCount(18_000, 11_034)
    judged = judge_arms(guardrail, PLAN, ArmTallies(champion, challenger))
    assert judged.standing is standing
    assert judged.units == challenger.units
    assert judged.value == challenger.rate - champion.rate


def test_a_small_champion_is_waited_for_as_well():
    """A comparison waits for the smaller arm, whichever it is."""
    guardrail = BY_NAME["approvals"]
    arms = ArmTallies(ArmCount(299, 0), ArmCount(9_000, 9_000))
    assert judge_arms(guardrail, PLAN, arms).standing is GuardrailState.WAITING


def test_how_many_applicants_are_needed():
    """A number once both arms have somebody, fewer where the champion's rate is known before."""
    guardrail = BY_NAME["approvals"]
    arms = ArmTallies(ArmCount(900, 550), ArmCount(100, 55))
    needed, sooner, never = (
        applicants_needed(guardrail, PLAN, one)
        for one in (
            arms,
            replace(arms, earlier=ArmCount(5_000, 3_055)),
            replace(arms, challenger=ArmCount()),
        )
    )
    assert needed is not None
    assert sooner is not None
    assert 100 < sooner < needed
    assert never is None


def test_what_is_meant_is_as_the_plan_says():
    """The band is the expected change give or take, and no change where none is expected."""
    assert meant(PLAN, Metric.APPROVAL_RATE) == ConfidenceBand(-0.09, -0.03)
    assert meant(PLAN, Metric.REFER_RATE) == ConfidenceBand(0, 0)
    assert meant(good(SMALL), Metric.APPROVAL_RATE) == ConfidenceBand(0, 0)


# What follows


def _after(name: str, arm: Arm | None, plan=PLAN) -> RolloutState:
    by_name = {g.name: g for g in plan.guardrails}
    state = act(plan, STATE, by_name[name], arm, NOW + DAY)
    assert isinstance(state, RolloutState)
    return state


@pytest.mark.parametrize("arm", [Arm.CHAMPION, None])
def test_nothing_but_the_challenger_is_rolled_back(arm):
    """A guardrail that tripped on anything else rolls nothing back."""
    refused = act(PLAN, STATE, BY_NAME["approvals"], arm, NOW)
    assert isinstance(refused, Refusal)
    assert "only the challenger" in refused.message


def test_a_kill_of_the_product():
    """A guardrail on the product kills the product."""
    plan = staged(("scope: arm, max: 0.02", "scope: product, max: 0.02"))
    assert is_killed(_after("errors", None, plan), Arm.CHAMPION)
