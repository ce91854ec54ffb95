"""Judgement of figures by a guardrail, and the resulting state."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.rollout.guardrails import (
    Ceiling,
    Guardrail,
    GuardrailAction,
    Metric,
    VersusChampion,
)
from decision_service.rollout.model import ExpectedOutcome, Plan
from decision_service.rollout.sequential import (
    NOTHING,
    ArmCount,
    ConfidenceBand,
    departs,
    units_needed,
)
from decision_service.rollout.state import (
    Refusal,
    RolloutState,
    StepResult,
    TrackName,
    kill,
    pause,
    roll_back,
)


class GuardrailState(StrEnum):
    """A guardrail's state: waiting for figures, ok, or tripped."""

    WAITING = "waiting"
    OK = "ok"
    TRIPPED = "tripped"


class Judgement(msgspec.Struct, frozen=True):
    """One guardrail's judgement of one arm or product.

    `value` is the rate (a fraction), the latency in ms, or the difference between the arms
    (challenger minus champion). `units` is what it rests on, the challenger's for a comparison.
    """

    guardrail: str
    standing: GuardrailState
    value: float
    units: int


class ArmTallies(msgspec.Struct, frozen=True):
    """The hashed applicants of both arms since both decide.

    `earlier` is the champion's tally before that, which makes the test quicker, never less safe.
    """

    champion: ArmCount
    challenger: ArmCount
    earlier: ArmCount = NOTHING


def judge_rate(guardrail: Guardrail, ceiling: Ceiling, tally: ArmCount) -> Judgement:
    """A rate against its ceiling; exactly at the ceiling is well."""
    above = tally.events > Fraction(ceiling.maximum) * tally.units
    return _judged(guardrail, tally.rate, tally.units, tripped=above)


def judge_latency(guardrail: Guardrail, ceiling: Ceiling, p99_ms: float, units: int) -> Judgement:
    """A latency in milliseconds against its ceiling."""
    return _judged(guardrail, p99_ms, units, tripped=Decimal(p99_ms) > ceiling.maximum)


def judge_arms(
    guardrail: Guardrail, versus: VersusChampion, plan: Plan, arms: ArmTallies
) -> Judgement:
    """The arms compared by the sequential test, which may be repeated at any time."""
    champion, challenger = arms.champion, arms.challenger
    allowed, alpha = meant(plan, guardrail.metric), float(versus.alpha)
    tripped = departs(champion, challenger, allowed, alpha, arms.earlier)
    units = min(champion.units, challenger.units)
    judged = _judged(guardrail, challenger.rate - champion.rate, units, tripped=tripped)
    return replace(judged, units=challenger.units)


def applicants_needed(
    guardrail: Guardrail, versus: VersusChampion, plan: Plan, arms: ArmTallies
) -> int | None:
    """About how many of the challenger's show a departure of five points beyond what is meant.

    None while an arm has nobody, and where no number would do. It takes a thousand times as long as
    judging: for showing, not for watching.
    """
    champion, challenger = arms.champion, arms.challenger
    if not (champion.units and challenger.units):
        return None
    return units_needed(
        champion.rate,
        meant(plan, guardrail.metric),
        float(versus.alpha),
        champions_per_challenger=champion.units / challenger.units,
        earlier=arms.earlier,
    )


def meant(plan: Plan, metric: Metric) -> ConfidenceBand:
    """The differences the plan means for a rate; none at all where it expects no change."""
    challenger = plan.versions.challenger
    expected = challenger.expect.get(metric) if challenger else None
    expected = expected or ExpectedOutcome(Decimal(0), Decimal(0))
    change, within = expected.change, expected.within
    return ConfidenceBand(float(change - within), float(change + within))


def act(
    plan: Plan, state: RolloutState, guardrail: Guardrail, arm: Arm | None, now: datetime
) -> StepResult:
    """The state after a tripped guardrail; `arm` is the one that tripped, None for the product.

    A challenger is rolled back one stage; another arm never is. Killing the champion kills the
    product.
    """
    if guardrail.action is GuardrailAction.PAUSE:
        return pause(state)
    if guardrail.action is GuardrailAction.KILL:
        return kill(state, arm)
    if arm is Arm.CHALLENGER:
        return roll_back(plan, state, TrackName.CHALLENGER, now)
    return Refusal(f"guardrail `{guardrail.name}` tripped, and only the challenger is rolled back")


def _judged(guardrail: Guardrail, value: float, units: int, *, tripped: bool) -> Judgement:
    standing = GuardrailState.TRIPPED if tripped else GuardrailState.OK
    if units < guardrail.min_units:
        standing = GuardrailState.WAITING
    return Judgement(guardrail.name, standing, value, units)
