"""What guardrails say and do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from decision_service.rollout.judge import (
    ArmCount,
    ArmTallies,
    ConfidenceBand,
    GuardrailState,
    applicants_needed,
    judge_arms,
    judge_latency,
    judge_rate,
    meant,
)
from decision_service.rollout.model import Ceiling, Guardrail, Metric
from tests.unit.rollout.plans import SMALL, STAGED, good

PLAN = good(STAGED)
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
    ("champion", "challenger", "standing"),
    [
        (ArmCount(18_000, 11_034), ArmCount(299, 0), GuardrailState.WAITING),
        (ArmCount(299, 0), ArmCount(9_000, 9_000), GuardrailState.WAITING),
        (ArmCount(18_000, 11_034), ArmCount(2_000, 1_106), GuardrailState.OK),
        (ArmCount(18_000, 11_034), ArmCount(2_000, 1_500), GuardrailState.TRIPPED),
    ],
)
def test_arms_against_each_other(champion, challenger, standing):
    """Six points fewer are meant; fourteen more trip; under 300 of either arm nothing is said."""
    guardrail = BY_NAME["approvals"]
    judged = judge_arms(guardrail, PLAN, ArmTallies(champion, challenger))
    assert judged.standing is standing
    assert judged.units == challenger.units
    assert judged.value == challenger.rate - champion.rate


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
