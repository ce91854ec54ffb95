"""Judgement of an arm's counts by guardrails and by the requirements of the next stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate
from math import hypot, inf, lgamma, log, sqrt

import msgspec
from msgspec.structs import replace

from decision_service.rollout.model import (
    Advance,
    Ceiling,
    ExpectedOutcome,
    Guardrail,
    Metric,
    Plan,
    RolloutStage,
    Stages,
    Track,
    TrackName,
)
from decision_service.rollout.state import ProposalKind, RolloutState, needs_two

FALSE_ALARMS = 0.01
"""Of a hundred challengers that differ as meant at most one is stopped at a stage: so few that a
stop means something, and a departure of five points still shows after some hundred applicants."""

_HALVINGS = 50
_PRIOR_WEIGHT = 40
_NORMAL_95 = 1.959964

BOUNDS_MS = (
    5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000,
    7_500, 10_000, 15_000, 30_000, 60_000, 3_600_000,
)  # fmt: skip
"""Upper bounds, inclusive; the last is the longest deadline there is.

A ceiling at a bound is judged exactly, one between two bounds by interpolation.
"""


class ArmCount(msgspec.Struct, frozen=True):
    """How often something happened: `events` of `units`."""

    units: int = 0
    events: int = 0

    @property
    def rate(self) -> float:
        return self.events / self.units if self.units else 0.0


NOTHING = ArmCount()


class ConfidenceBand(msgspec.Struct, frozen=True):
    """The differences (challenger minus champion) that are meant, both ends included."""

    low: float = 0.0
    high: float = 0.0

    @property
    def centre(self) -> float:
        return (self.low + self.high) / 2


class _Counts(msgspec.Struct, frozen=True):
    """Events and their absence; fractions for expected counts."""

    hits: float
    misses: float

    @classmethod
    def of(cls, tally: ArmCount) -> _Counts:
        return cls(tally.events, tally.units - tally.events)

    @property
    def rate(self) -> float:
        return self.hits / (self.hits + self.misses)

    def likelihood(self, rate: float) -> float:
        return _times_log(self.hits, rate) + _times_log(self.misses, 1 - rate)


def departs(
    champion: ArmCount, challenger: ArmCount, allowed: ConfidenceBand, earlier: ArmCount = NOTHING
) -> bool:
    """Whether the arms differ otherwise than allowed, wrongly in at most FALSE_ALARMS of rollouts.

    `earlier` is what the champion did before this comparison began. It only makes the test quicker:
    where it misleads, the test is slower and as safe.
    """
    return evidence(champion, challenger, allowed, earlier=earlier) >= -log(FALSE_ALARMS)


def evidence(
    champion: ArmCount, challenger: ArmCount, allowed: ConfidenceBand, earlier: ArmCount = NOTHING
) -> float:
    """The logarithm of the smallest ratio over the allowed pairs of rates."""
    if not (champion.units and challenger.units):
        return 0.0
    return _evidence(_Counts.of(champion), _Counts.of(challenger), allowed, earlier=earlier)


def interval(tally: ArmCount) -> tuple[float, float]:
    """The 95 % interval of a rate looked at once (Wilson 1927), for display only."""
    n = tally.units
    z = _NORMAL_95
    if n == 0:
        return 0.0, 1.0
    spread = z * sqrt(tally.rate * (1 - tally.rate) / n + z * z / (4 * n * n))
    middle = tally.rate + z * z / (2 * n)
    scale = 1 + z * z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def difference_interval(first: ArmCount, second: ArmCount) -> tuple[float, float]:
    """The same of the difference of two arms' rates, second minus first (Newcombe 1998)."""
    (low, high) = interval(first)
    (least, most) = interval(second)
    difference = second.rate - first.rate
    below = hypot(second.rate - least, high - first.rate)
    above = hypot(most - second.rate, first.rate - low)
    return difference - below, difference + above


def _evidence(first: _Counts, second: _Counts, allowed: ConfidenceBand, earlier: ArmCount) -> float:
    champion = (1.0 + earlier.events, 1.0 + earlier.units - earlier.events)
    challenger = _challenger_prior(earlier, allowed)
    mixture = _mixed(first, *champion) + _mixed(second, *challenger)
    return mixture - _best_allowed(first, second, allowed)


# Priors: what the mixture expects, fixed before the first decision


def _challenger_prior(earlier: ArmCount, allowed: ConfidenceBand) -> tuple[float, float]:
    """Loosely around what is meant: departures of a few points must stay likely."""
    weight = min(earlier.units, _PRIOR_WEIGHT)
    meant = min(max(earlier.rate + allowed.centre, 0.0), 1.0)
    return 1.0 + weight * meant, 1.0 + weight * (1 - meant)


def _mixed(counts: _Counts, a: float, b: float) -> float:
    """The logarithm of the likelihood under Beta(a, b)."""
    return _log_beta(a + counts.hits, b + counts.misses) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


# The allowed pair that fits best


def _best_allowed(first: _Counts, second: _Counts, allowed: ConfidenceBand) -> float:
    """The largest log-likelihood of a pair whose difference lies in the band."""
    difference = second.rate - first.rate
    if allowed.low <= difference <= allowed.high:
        return first.likelihood(first.rate) + second.likelihood(second.rate)
    edge = allowed.low if difference < allowed.low else allowed.high
    return _best_at(first, second, edge)


def _best_at(first: _Counts, second: _Counts, difference: float) -> float:
    """The largest log-likelihood of rates that differ by exactly this, by bisection."""
    low = max(0.0, -difference)
    high = min(1.0, 1.0 - difference)
    if low > high:
        return -inf
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _slope(first, middle) + _slope(second, middle + difference) > 0:
            low = middle
        else:
            high = middle
    rate = (low + high) / 2
    return first.likelihood(rate) + second.likelihood(min(max(rate + difference, 0.0), 1.0))


def _slope(counts: _Counts, rate: float) -> float:
    upward = counts.hits / rate if rate > 0 else inf if counts.hits else 0.0
    downward = counts.misses / (1 - rate) if rate < 1 else inf if counts.misses else 0.0
    return upward - downward


def _times_log(count: float, rate: float) -> float:
    if count <= 0:
        return 0.0
    return count * log(rate) if rate > 0 else -inf


class GuardrailState(StrEnum):
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
    """`earlier` is the champion's tally before both decided: quicker with it, never less safe."""

    champion: ArmCount
    challenger: ArmCount
    earlier: ArmCount = NOTHING


def judge_rate(guardrail: Guardrail, ceiling: Ceiling, tally: ArmCount) -> Judgement:
    """A rate against its ceiling; exactly at the ceiling is well."""
    above = tally.events > Fraction(ceiling.maximum) * tally.units
    return _judged(guardrail, tally.rate, tally.units, tripped=above)


def judge_latency(guardrail: Guardrail, ceiling: Ceiling, p99_ms: float, units: int) -> Judgement:
    return _judged(guardrail, p99_ms, units, tripped=Decimal(p99_ms) > ceiling.maximum)


def judge_arms(guardrail: Guardrail, plan: Plan, arms: ArmTallies) -> Judgement:
    """The arms compared by the sequential test, which may be repeated at any time."""
    champion = arms.champion
    challenger = arms.challenger
    allowed = meant(plan, guardrail.metric)
    tripped = departs(champion, challenger, allowed, earlier=arms.earlier)
    units = min(champion.units, challenger.units)
    judged = _judged(guardrail, challenger.rate - champion.rate, units, tripped=tripped)
    return replace(judged, units=challenger.units)


def meant(plan: Plan, metric: Metric) -> ConfidenceBand:
    """The differences the plan means for a rate; none at all where it expects no change."""
    challenger = plan.versions.challenger
    expected = challenger.expect.get(metric) if challenger else None
    expected = expected or ExpectedOutcome(Decimal(0), Decimal(0))
    change = expected.change
    within = expected.within
    return ConfidenceBand(float(change - within), float(change + within))


def _judged(guardrail: Guardrail, value: float, units: int, *, tripped: bool) -> Judgement:
    standing = GuardrailState.TRIPPED if tripped else GuardrailState.OK
    if units < guardrail.min_units:
        standing = GuardrailState.WAITING
    return Judgement(guardrail.name, standing, value, units=units)


class Readiness(msgspec.Struct, frozen=True):
    """`next` is None at the last stage.

    `holds_until` is when the present stage has held long enough, `decisions_missing` how many it
    still needs, `blocked_by` what else is against going on, in an operator's words.
    """

    next: RolloutStage | None
    holds_until: datetime
    decisions_missing: int
    blocked_by: tuple[str, ...]

    def at(self, now: datetime) -> bool:
        met = now >= self.holds_until and not self.decisions_missing and not self.blocked_by
        return met and self.next is not None


def waits_for(
    plan: Plan,
    state: RolloutState,
    name: TrackName,
    decisions: int,
    judgements: Sequence[Judgement],
) -> Readiness | None:
    """`decisions` are those since the track entered its stage; None without such a track."""
    stages: Stages | None = plan.go_live.stages
    track: Track | None = state.go_live
    if name is TrackName.CHALLENGER:
        challenger = plan.versions.challenger
        stages = challenger.stages if challenger else None
        track = state.challenger
    if stages is None or track is None:
        return None
    present = stages.named(track.stage)
    above = stages.after(track.stage)
    held, fewest = (present.hold, present.min_decisions) if present else (None, 0)
    return Readiness(
        next=above,
        holds_until=track.since + held if held else track.since,
        decisions_missing=max(0, fewest - decisions),
        blocked_by=(*_blocks(state, track, judgements), *_second(plan, state, name, above=above)),
    )


def not_awaited(
    plan: Plan, state: RolloutState, name: TrackName, decisions: int, now: datetime
) -> str:
    """What a step up now would not wait for, in words; empty where hold and count are met."""
    readiness = waits_for(plan, state, name, decisions=decisions, judgements=())
    if readiness is None:
        return ""
    found = []
    if now < readiness.holds_until:
        found.append(f"is held until {readiness.holds_until:%Y-%m-%d %H:%M} UTC")
    if readiness.decisions_missing:
        found.append(f"has {decisions} of {decisions + readiness.decisions_missing} decisions")
    return " and ".join(found)


def advances_itself(
    plan: Plan, state: RolloutState, decisions: int, judgements: Sequence[Judgement], now: datetime
) -> bool:
    """Whether go-live moves on without an operator; a challenger never does."""
    readiness = waits_for(
        plan, state, TrackName.GO_LIVE, decisions=decisions, judgements=judgements
    )
    return plan.go_live.advance is Advance.AUTO and readiness is not None and readiness.at(now)


def _second(
    plan: Plan, state: RolloutState, name: TrackName, above: RolloutStage | None
) -> Iterator[str]:
    if above is None or not needs_two(plan, above.percent):
        return
    first = state.proposed
    waits = first is not None and first.kind is ProposalKind.ADVANCE
    if first is None or not waits or (first.track, first.goal) != (name, above.name):
        yield "needs two callers: one advances and another confirms"
    else:
        yield f"proposed by {first.by}: another caller confirms by {first.ends:%Y-%m-%d %H:%M} UTC"


def _blocks(state: RolloutState, track: Track, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    found = ["paused"] if state.paused else []
    if track.stage is None:
        found.append("below its first stage, where only an operator begins")
    if track.killed or state.go_live.killed:
        found.append("killed")
    found += [
        f"guardrail {j.guardrail} tripped"
        for j in judgements
        if j.standing is GuardrailState.TRIPPED
    ]
    return tuple(found)


def quantile(histogram: Mapping[int, int], share: float) -> float:
    """In ms; between two bounds the counted ones are taken as spread evenly. 0 for none."""
    counts = [histogram.get(bound, 0) for bound in BOUNDS_MS]
    wanted = share * sum(counts)
    below = 0.0
    for bound, count, reached in zip(BOUNDS_MS, counts, accumulate(counts), strict=True):
        if count and reached >= wanted:
            return below + (bound - below) * (1 - (reached - wanted) / count)
        below = bound
    return 0.0
