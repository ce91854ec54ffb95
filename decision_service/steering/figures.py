"""A rollout's figures: each arm, each shadow, each guardrail, and the next stages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from decision_service.decide.admit import midnight
from decision_service.domain.decision import Arm
from decision_service.domain.ports import DayTotal
from decision_service.domain.values import AsOf
from decision_service.rollout.assign import running_challenger
from decision_service.rollout.impact import ImpactSums
from decision_service.rollout.judge import (
    ArmCount,
    Readiness,
    applicants_needed,
    quantile,
    waits_for,
)
from decision_service.rollout.judge import GuardrailState as Said
from decision_service.rollout.model import (
    WHOLE,
    DayCap,
    Metric,
    Plan,
    TrackName,
)
from decision_service.rollout.ports import ArmLog
from decision_service.rulebook.rulebook import Product
from decision_service.steering.counters import ArmTally, CounterTotal, decided
from decision_service.steering.guardrails import (
    Evaluation,
    GuardrailResult,
    GuardrailWatch,
    GuardrailWindow,
    error_rate,
    latencies,
    position_at,
)
from decision_service.steering.pairs import PairLog

LONGEST = timedelta(days=30)
"""How far back figures go at most, however old the stage."""

_FORESEEABLE = timedelta(days=3650).total_seconds()


class ArmLine(msgspec.Struct, frozen=True):
    """One arm since the figures begin; `share` in thousandths of a percent of all applicants.

    `approved` is in minor units over all decisions, the outcomes are of applicants. `p99_ms` is 0
    where nothing was timed.
    """

    arm: Arm
    version: int
    share: int
    tally: ArmTally
    approved: int
    errors: ArmCount
    p99_ms: float


class ShadowLine(msgspec.Struct, frozen=True):
    """One shadow since the figures begin; `share` in thousandths of the enrolled."""

    version: int
    share: int
    sums: ImpactSums


class Forecast(msgspec.Struct, frozen=True):
    """A number that a step needs, and when it is reached at the current rate (None: unknown)."""

    missing: int
    by: datetime | None


class NextStage(msgspec.Struct, frozen=True):
    """What a track's next stage needs; `decisions` are those since it entered its own."""

    track: TrackName
    readiness: Readiness
    count: Forecast
    ready_by: datetime | None
    decisions: int
    guards: Sequence[GuardrailResult]

    @property
    def waiting(self) -> Sequence[GuardrailResult]:
        return [g for g in self.guards if g.judgement.standing is Said.WAITING]


class GuardrailLine(msgspec.Struct, frozen=True):
    """A guardrail's result; for a comparison also the applicants that it still needs."""

    word: GuardrailResult
    awaited: Forecast | None


class Figures(msgspec.Struct, frozen=True):
    """Everything that a rollout has measured, since `since`; `day` is what each cap counts."""

    product: Product
    since: datetime
    now: datetime
    arms: Sequence[ArmLine]
    shadows: Sequence[ShadowLine]
    guards: Sequence[GuardrailLine]
    next: Sequence[NextStage]
    day: Sequence[tuple[DayCap, DayTotal]] = ()


class ShowFigures(msgspec.Struct, frozen=True, eq=False):
    """Sums the counters of all processes, and evaluates the guardrails as the watch does."""

    watch: GuardrailWatch
    pairs: PairLog
    arms: ArmLog

    async def __call__(self, product: str) -> Figures:
        evaluation = await self.watch.evaluation(product)
        now, found = evaluation.now, evaluation.product
        since = max(found.state.go_live.since, now - LONGEST)
        results = await evaluation.results()
        return Figures(
            product=found,
            since=since,
            now=now,
            arms=await _arms(evaluation, since),
            shadows=[
                ShadowLine(
                    s.version, s.percent, await self.pairs.pair_sums(product, s.version, since)
                )
                for s in found.plan.versions.shadow
            ],
            guards=[await _guard(word, found.plan, now) for word in results],
            next=[n for track in TrackName if (n := await _next(evaluation, track, results))],
            day=await self._day(found, now),
        )

    async def _day(self, product: Product, now: datetime) -> Sequence[tuple[DayCap, DayTotal]]:
        caps = product.plan.product_caps
        if not caps:
            return ()
        since = midnight(AsOf.at(now, product.champion.zone))
        totals = await self.arms.day_totals(product.name, since)
        return [(cap, totals.of(cap.tier)) for cap in caps]


async def _arms(evaluation: Evaluation, since: datetime) -> Sequence[ArmLine]:
    window = GuardrailWindow(since, position_at(evaluation.history, since))
    tallies, totals = await evaluation.tallies(since), await evaluation.totals(window)
    product = evaluation.product
    lines = [_arm(product, arm, tallies, totals) for arm in Arm]
    if running_challenger(product.plan, product.state):
        return lines
    # A stopped challenger keeps its figures, which show why it was stopped.
    counted = (
        Arm.CHAMPION,
        *(line.arm for line in lines if line.tally.decisions or line.errors.units),
    )
    return [line for line in lines if line.arm in counted]


def _arm(
    product: Product, arm: Arm, tallies: Iterable[ArmTally], totals: Iterable[CounterTotal]
) -> ArmLine:
    version = product.plan.versions.of(arm) or 0
    counted = [t for t in totals if (t.arm, t.version) == (arm, version)]
    own = (t for t in tallies if (t.arm, t.version) == (arm, version))
    tally = next(own, ArmTally(arm, version, 0, 0, 0, 0, 0, 0))
    return ArmLine(
        arm=arm,
        version=version,
        share=_share(product, arm),
        tally=tally,
        approved=tally.amount,
        errors=error_rate(Metric.INTERNAL_ERROR_RATE, counted),
        p99_ms=quantile(latencies(counted), 0.99),
    )


def _share(product: Product, arm: Arm) -> int:
    state, plan = product.state, product.plan
    enrolled = 0 if state.go_live.killed else plan.go_live.stages.percent(state.go_live.stage)
    challenger = running_challenger(plan, state)
    taken = (
        challenger.stages.percent(state.challenger.stage) if challenger and state.challenger else 0
    )
    dealt = taken if arm is Arm.CHALLENGER else WHOLE - taken
    return enrolled * dealt // WHOLE


async def _guard(word: GuardrailResult, plan: Plan, now: datetime) -> GuardrailLine:
    tripped = word.judgement.standing is Said.TRIPPED
    if word.arms is None or tripped:
        return GuardrailLine(word, None)
    needed = await asyncio.to_thread(applicants_needed, word.guardrail, plan, word.arms)
    fewest = word.guardrail.min_units if word.judgement.standing is Said.WAITING else 0
    wanted = max(needed or 0, fewest)
    return GuardrailLine(word, _awaited(wanted, word.judgement.units, word.window.since, now))


async def _next(
    evaluation: Evaluation, track: TrackName, results: Sequence[GuardrailResult]
) -> NextStage | None:
    product, now = evaluation.product, evaluation.now
    plan, state = product.plan, product.state
    challenger = track is TrackName.CHALLENGER
    state_of_track = state.challenger if challenger else state.go_live
    if state_of_track is None:
        return None
    decisions = decided(await evaluation.tallies(state_of_track.since), track)
    readiness = waits_for(plan, state, track, decisions, [w.judgement for w in results])
    if readiness is None or readiness.next is None:
        return None
    needed = decisions + readiness.decisions_missing
    count = _awaited(needed, decisions, state_of_track.since, now)
    guards = [word for word in results if (word.arm is Arm.CHALLENGER) is challenger]
    ready_by: datetime | None = (
        max(readiness.holds_until, count.by) if count.by else readiness.holds_until
    )
    if readiness.blocked_by or (count.missing and count.by is None):
        ready_by = None
    return NextStage(track, readiness, count, ready_by, decisions, guards)


def _awaited(needed: int, decided: int, since: datetime, now: datetime) -> Forecast:
    missing = max(0, needed - decided)
    if not missing or not decided:
        return Forecast(missing, None)
    wait = (now - since).total_seconds() * missing / decided
    return Forecast(missing, now + timedelta(seconds=wait) if wait < _FORESEEABLE else None)
