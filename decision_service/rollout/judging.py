"""What a guardrail says about figures, and what it then does to the state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from decision_service.domain.decision import Arm
from decision_service.rollout.guardrails import (
    Action,
    Ceiling,
    Guardrail,
    Metric,
    VersusChampion,
)
from decision_service.rollout.model import Expectation, Plan
from decision_service.rollout.sequential import (
    NOTHING,
    Band,
    Tally,
    departs,
    units_needed,
)
from decision_service.rollout.state import (
    Refusal,
    RolloutState,
    Step,
    TrackName,
    kill,
    pause,
    roll_back,
)


class Standing(StrEnum):
    """What a guardrail says: nothing yet, all well, or act."""

    WAITING = "waiting"
    OK = "ok"
    TRIPPED = "tripped"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One guardrail's word on one arm or product.

    `value` is the rate (a fraction), the latency in ms, or the difference between the arms
    (challenger minus champion). `units` is what it rests on. `needed` is about how many applicants
    of the challenger show a departure of five points beyond what is meant.
    """

    guardrail: str
    standing: Standing
    value: float
    units: int
    needed: int | None = None


def judge_rate(guardrail: Guardrail, ceiling: Ceiling, tally: Tally) -> Judgement:
    """A rate against its ceiling; exactly at the ceiling is well."""
    above = tally.events > Fraction(ceiling.maximum) * tally.units
    return _judged(guardrail, tally.rate, tally.units, tripped=above)


def judge_latency(guardrail: Guardrail, ceiling: Ceiling, p99_ms: float, units: int) -> Judgement:
    """A latency in milliseconds against its ceiling."""
    return _judged(guardrail, p99_ms, units, tripped=Decimal(p99_ms) > ceiling.maximum)


def judge_arms(
    guardrail: Guardrail,
    versus: VersusChampion,
    plan: Plan,
    champion: Tally,
    challenger: Tally,
    earlier: Tally = NOTHING,
) -> Judgement:
    """The hashed applicants of both arms since the challenger entered its stage.

    `earlier` is the champion's tally before that, which makes the test quicker, never less safe.
    """
    allowed, alpha = meant(plan, guardrail.metric), float(versus.alpha)
    tripped = departs(champion, challenger, allowed, alpha, earlier)
    units = min(champion.units, challenger.units)
    judged = _judged(guardrail, challenger.rate - champion.rate, units, tripped=tripped)
    needed = None
    if champion.units and challenger.units and judged.standing is not Standing.TRIPPED:
        needed = units_needed(
            champion.rate,
            allowed,
            alpha,
            champions_per_challenger=champion.units / challenger.units,
            earlier=earlier,
        )
    return Judgement(guardrail.name, judged.standing, judged.value, challenger.units, needed)


def meant(plan: Plan, metric: Metric) -> Band:
    """The differences the plan means for a rate; none at all where it expects no change."""
    challenger = plan.versions.challenger
    expected = challenger.expect.get(metric) if challenger else None
    expected = expected or Expectation(Decimal(0), Decimal(0))
    change, within = expected.change, expected.within
    return Band(float(change - within), float(change + within))


def act(
    plan: Plan, state: RolloutState, guardrail: Guardrail, arm: Arm | None, now: datetime
) -> Step:
    """The state after a tripped guardrail; `arm` is the one that tripped, None for the product.

    A challenger is rolled back one stage; another arm never is. Killing the champion kills the
    product.
    """
    if guardrail.action is Action.PAUSE:
        return pause(state)
    if guardrail.action is Action.KILL:
        return kill(state, arm)
    if arm is Arm.CHALLENGER:
        return roll_back(plan, state, TrackName.CHALLENGER, now)
    return Refusal(f"guardrail `{guardrail.name}` tripped, and only the challenger is rolled back")


def _judged(guardrail: Guardrail, value: float, units: int, *, tripped: bool) -> Judgement:
    standing = Standing.TRIPPED if tripped else Standing.OK
    if units < guardrail.min_units:
        standing = Standing.WAITING
    return Judgement(guardrail.name, standing, value, units)
